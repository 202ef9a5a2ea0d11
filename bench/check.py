"""How long does `stagedoor check` take for 1,000 files of 50 statements, beside squawk alone?

    python bench/check.py [FILES] [STATEMENTS] [ROUNDS]

Both read the same files in the same run, one after the other: squawk in one call of its own with its default rules and
our exclusions, ours through the whole command (a process of its own, squawk included).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bot.migrations.sql.squawk import program  # noqa: E402 -- the checkout is put on the path before
from bot.migrations.sql.squawk_rules import LEFT_OUT, OPT_IN  # noqa: E402

AIM = 2.0
KINDS = (
    "create table if not exists public.t{n} (id bigint generated always as identity primary key, title text not null);",
    "alter table public.t{n} enable row level security;",
    "create policy p{n} on public.t{n} for select to authenticated using ((select auth.uid()) is not null);",
    "insert into public.t{n} (title) values ('first'), ('second');",
    "comment on table public.t{n} is 'Kept for the benchmark';",
    "create or replace function public.f{n}() returns bigint language sql stable set search_path = '' as\n"
    "$$ select count(*) from public.t{n} $$;",
    "alter table public.t{n} add column if not exists note text;",
    "create index if not exists i{n} on public.t{n} (note);",
    "grant select on public.t{n} to service_role;",
    "update public.t{n} set note = 'x' where id = {n};",
)


def write(folder: Path, files: int, statements: int) -> int:
    """The migrations; returns their size in bytes."""
    size = 0
    for number in range(files):
        parts = [KINDS[at % len(KINDS)].format(n=number * statements + at // len(KINDS)) for at in range(statements)]
        text = "-- Migration: Bench\n-- Date: 2026-01-01\n-- Author: Bench\n\n" + "\n".join(parts) + "\n"
        minute, second = divmod(number, 60)
        (folder / f"20260101{minute // 60:02}{minute % 60:02}{second:02}_bench.sql").write_text(text)
        size += len(text)
    return size


def timed(command: list[str], cwd: Path) -> float:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    begun = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )
    took = time.perf_counter() - begun
    if not json.loads(done.stdout or b"null"):
        raise SystemExit(f"{command[0]} said nothing: {done.stderr.decode()[-500:]}")
    return took


def main(files: int = 1000, statements: int = 50, rounds: int = 5) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, config = Path(place) / "migrations", Path(place) / "ours.toml"
        folder.mkdir()
        size = write(folder, files, statements)
        config.write_text(
            f"excluded_rules = {json.dumps(sorted(LEFT_OUT))}\nincluded_rules = {json.dumps(sorted(OPT_IN))}\n"
        )
        names = sorted(path.name for path in folder.iterdir())
        alone = [program(), "--reporter", "json", "-c", str(config), "--assume-in-transaction", *names]
        ours = [sys.executable, "-m", "bot", "check", "--format", "json", str(folder)]
        taken = [(timed(alone, folder), timed(ours, folder)) for _ in range(rounds + 1)][1:]
    peer, own = (statistics.median(column) for column in zip(*taken, strict=True))
    print(f"{files} files of {statements} statements, {size / 2**20:.1f} MiB, median of {rounds} rounds")
    print(f"{'squawk alone':<34}{peer:>8.2f} s")
    print(f"{'stagedoor check, process and all':<34}{own:>8.2f} s{own / peer:>8.2f} x")
    held = own <= AIM * peer
    print(f"{'held  ' if held else 'MISSED'}  within {AIM:g} x squawk alone: {own / peer:.2f}")
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
