"""How long do 100 pending files take, beside a plain psycopg loop and the Supabase CLI?

    python bench/apply.py [FILES] [ROUNDS]

Ours is the real walk of an approved promotion (walker, journal on SQLite synced to disk, the apply protocol) from the
last word of approval, without Slack, in three parts: the gates are judged (twice, as the second time is the moment of
use) and production is looked at; the files go in, from the first attempt to the last COMMIT; what is there is verified
and the watch begins. Plain is one psycopg connection: for each file BEGIN, both time
limits, the file's text, its history row, COMMIT. The CLI is `supabase db push` from npm, its start included, as people
wait for it. Rounds alternate, since the machine may be shared; Postgres writes to disk as a production does.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

sys.path.insert(0, str(Path(__file__).parent.parent))

from rehearsal.postgres import Postgres
from tests.compat.cli import NoCli, SupabaseCli
from tests.migrations.walking import approved

AIM_PLAIN, AIM_CLI = 1.3, 3.0
HISTORY = """
create schema if not exists supabase_migrations;
create table supabase_migrations.schema_migrations (version text not null primary key, statements text[], name text);
"""


def write_files(folder: Path, count: int) -> None:
    for number in range(1, count + 1):
        table = f"t{number:04}"
        (folder / f"{20260101000000 + number}_add_{table}.sql").write_text(
            f"-- Migration: add {table}\n"
            f"create table {table} (id bigint generated always as identity primary key, note text not null);\n"
            f"create index {table}_note on {table} (note);\n"
            f"insert into {table} (note) values ('one'), ('two');\n"
        )


class Parts(NamedTuple):
    """Seconds: before the first attempt, from there to the last COMMIT, after it; and what of all the journal took."""

    judging: float
    going_in: float
    verifying: float
    journal: float


# ---- the three ways

def ours(migrations: Path, database: Callable[[], str], parts: list[Parts]) -> float:
    """Adds its `parts`. Returns the seconds from the word to the verified end."""
    journal = 0.0

    with tempfile.TemporaryDirectory(prefix="stagedoor-bench-") as folder, approved(
        Path(folder), migrations, database(), database(),
    ) as walk:
        append = walk.journal.append

        def timed(*arguments: Any, **more: Any) -> Any:
            nonlocal journal
            began = time.perf_counter()
            try:
                return append(*arguments, **more)
            finally:
                journal += time.perf_counter() - began

        walk.journal.append = timed  # type: ignore[method-assign]
        pressed, begun = datetime.now(UTC), time.perf_counter()
        reached = walk.on()
        took = time.perf_counter() - begun
        assert reached.stage == "watch", f"it stopped at {reached.stage}: {reached.waits_for}"
        times = [entry.at for entry in walk.entries if entry.kind in ("apply.attempt", "apply.committed")]
        before, going_in = (times[0] - pressed).total_seconds(), (times[-1] - times[0]).total_seconds()
        parts.append(Parts(judging=before, going_in=going_in, verifying=took - before - going_in, journal=journal))
        return took


def plain(migrations: Path, address: str) -> float:
    begun = time.perf_counter()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(HISTORY)
        for path in sorted(migrations.glob("*.sql")):
            version, _, name = path.stem.partition("_")
            text = path.read_text()
            with connection.transaction():
                connection.execute("set local lock_timeout = '3s'")
                connection.execute("set local statement_timeout = '15min'")
                connection.execute(text)
                connection.execute(
                    "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
                    (version, name, [text]),
                )
    return time.perf_counter() - begun


def pushed(cli: SupabaseCli, folder: Path, address: str) -> float:
    begun = time.perf_counter()
    cli.push(folder, address)
    return time.perf_counter() - begun


# ---- rounds and verdict

def main(files: int = 100, rounds: int = 5) -> None:
    cli: SupabaseCli | None = None
    try:
        cli = SupabaseCli.installed()
    except NoCli as why:
        print(f"The Supabase CLI is left out: {why}.")
    with tempfile.TemporaryDirectory(prefix="stagedoor-bench-") as scratch, Postgres() as postgres:
        folder = Path(scratch)
        migrations = folder / "supabase" / "migrations"
        migrations.mkdir(parents=True)
        write_files(migrations, files)
        made: list[str] = []
        parts: list[Parts] = []

        def database() -> str:
            made.append(f"bench{len(made)}")
            return postgres.project(made[-1])

        ways: dict[str, Callable[[], float]] = {
            "ours": lambda: ours(migrations, database, parts),
            "plain psycopg": lambda: plain(migrations, database()),
        }
        if cli is not None:
            ways["supabase db push"] = lambda: pushed(cli, folder, database())
        took: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            for name, way in ways.items():
                seconds = way()
                if number:  # the first round warms everything up
                    took[name].append(seconds)
            for name in made:
                postgres.drop(name)
            made.clear()
    tell(took, parts[1:], files, rounds, cli)


def tell(
    took: dict[str, list[float]], parts: list[Parts], files: int, rounds: int, cli: SupabaseCli | None,
) -> None:
    if cli is not None:
        print(f"supabase {cli.version()}, as npm installs it")
    print(f"{files} pending files, {rounds} rounds, ms")
    median = {name: statistics.median(values) for name, values in took.items()}
    for name, values in took.items():
        spread = f"{min(values) * 1000:.0f}-{max(values) * 1000:.0f}"
        share = f"{median[name] / median['plain psycopg']:.2f} x plain"
        print(f"  {name:<18}{median[name] * 1000:>8.0f}   ({spread}){'':<4}{share:>14}")
    judging, going_in, verifying, journal = (1000 * statistics.median(part) for part in zip(*parts, strict=True))
    print(
        f"  of ours: {judging:.0f} judging, {going_in:.0f} the files going in ({journal:.0f} the journal), "
        f"{verifying:.0f} verifying"
    )
    alone = statistics.median(a.going_in / b for a, b in zip(parts, took["plain psycopg"], strict=True))
    aims = {f"the files going in at most {AIM_PLAIN} x a plain psycopg loop: {alone:.2f}": alone <= AIM_PLAIN}
    if cli is not None:
        pushes = zip(took["supabase db push"], parts, strict=True)
        faster = statistics.median(push / (part.judging + part.going_in) for push, part in pushes)
        aim = f"from the press to the last COMMIT at least {AIM_CLI:.0f} x faster than supabase db push: {faster:.1f}"
        aims[aim] = faster >= AIM_CLI
    for aim, held in aims.items():
        print(f"{'held  ' if held else 'MISSED'}  {aim}")
    raise SystemExit(0 if all(aims.values()) else 1)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
