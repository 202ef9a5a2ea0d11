"""How long do readers wait while a migration wants a table that a long report has read?

    python bench/blocked_readers.py [SECONDS]

A report keeps its transaction open for so long; behind it comes `ALTER TABLE … ADD COLUMN`, which needs the table for
itself for a moment, and behind that everybody else. Ours is the real walk of an approved promotion under the default
policy (lock_timeout 3 s); the CLI is `supabase db push` from npm. What counts is the longest wait of four readers and
writers who never rest. A third run builds an index with CREATE INDEX CONCURRENTLY, which waits and holds up nobody.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from rehearsal.postgres import Postgres
from tests.compat.cli import NoCli, SupabaseCli
from tests.migrations.readers import READ, WRITE, at_work, busy, long_report
from tests.migrations.walking import approved

LOCK_TIMEOUT = 3.0
SLACK = 0.5
"""What a busy machine adds."""
WANTS_IT = "-- Migration: a column\nalter table busy add column more int;\n"
BUILDS = "create index concurrently busy_note on busy (note);\n"


@dataclass(frozen=True)
class Seen:
    """Seconds: the longest wait of somebody who reads, of somebody who writes, and until the migration was in."""

    reading: float
    writing: float
    took: float

    def __str__(self) -> str:
        waits = f"longest read {self.reading:>6.2f} s, longest write {self.writing:>6.2f} s"
        return f"{waits}, in after {self.took:>5.1f} s"


def watched(address: str, seconds: float, put_in: Callable[[], None]) -> Seen:
    with at_work(address) as readers, long_report(address, seconds):
        begun = time.monotonic()
        put_in()
        took = time.monotonic() - begun
    return Seen(readers.longest[READ], readers.longest[WRITE], took)


def ours(server: Postgres, name: str, sql: str, seconds: float) -> Seen:
    staging, production = server.project(f"{name}_staging"), server.project(f"{name}_production")
    busy(staging)
    busy(production)
    with tempfile.TemporaryDirectory(prefix="stagedoor-bench-") as scratch:
        migrations = Path(scratch) / "migrations"
        migrations.mkdir()
        (migrations / "20260101000001_busy.sql").write_text(sql)
        with approved(Path(scratch), migrations, staging, production) as walk:
            def put_in() -> None:
                while (record := walk.on()).stage != "watch":
                    assert record.status == "live", f"it stopped: {walk.promotion.ending}"
                    time.sleep(0.1)

            return watched(production, seconds, put_in)


def pushed(server: Postgres, cli: SupabaseCli, seconds: float) -> Seen:
    address = server.project("cli_production")
    busy(address)
    with tempfile.TemporaryDirectory(prefix="stagedoor-bench-") as scratch:
        migrations = Path(scratch) / "supabase" / "migrations"
        migrations.mkdir(parents=True)
        (migrations / "20260101000001_busy.sql").write_text(WANTS_IT)

        def put_in() -> None:
            cli.push(Path(scratch), address)

        return watched(address, seconds, put_in)


def main(seconds: float = 10.0) -> None:
    with Postgres() as server:
        seen = {"ours": ours(server, "ours", WANTS_IT, seconds)}
        try:
            cli = SupabaseCli.installed()
            seen[f"supabase {cli.version()} db push"] = pushed(server, cli, seconds)
        except NoCli as why:
            print(f"The Supabase CLI is left out: {why}.")
        seen["ours, CONCURRENTLY"] = ours(server, "index", BUILDS, seconds)
    print(f"A report of {seconds:g} s is in the way")
    for name, each in seen.items():
        print(f"  {name:<28}{each}")
    most = max(seen["ours"].reading, seen["ours"].writing)
    held = most <= LOCK_TIMEOUT + SLACK
    print(f"{'held  ' if held else 'MISSED'}  nobody waits longer than lock_timeout ({LOCK_TIMEOUT:g} s): {most:.2f} s")
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main(*(float(argument) for argument in sys.argv[1:2]))
