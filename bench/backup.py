"""A dump with its proof beside bare pg_dump, of so many megabytes, in the same run.

    python bench/backup.py --megabytes 1000 --runs 3 [--restore]

The aim is a dump within 1.2 times bare pg_dump.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parent.parent))

from bot.domain.entry import Json
from bot.migrations.backup.backups import PgBackups
from bot.migrations.backup.process import libpq_environment
from rehearsal.postgres import Postgres

FILL = """
create table public.orders (id bigint primary key, customer text, at timestamptz, lines jsonb, cover bytea);
insert into public.orders select g, 'customer ' || g % 5000, now() - g * interval '1 second',
  jsonb_build_object('sku', md5(g::text), 'count', g % 7, 'note', repeat(md5((g * 7)::text), 6)),
  decode(md5(g::text) || md5((g + 1)::text), 'hex') from generate_series(1, {rows}) g;
create table public.lines as select id, customer from public.orders where id % 3 = 0;
"""
BYTES_A_ROW = 440


class Quiet:
    def progress(self, data: Mapping[str, Json]) -> None: ...

    def stopping(self) -> bool:
        return False


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--megabytes", type=int, default=100)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--restore", action="store_true", help="also prove by restoring")
    given = options.parse_args()
    with Postgres(fast=True) as server, tempfile.TemporaryDirectory() as folder:
        url = server.project("backups")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(FILL.format(rows=given.megabytes * 1_000_000 // BYTES_A_ROW))
            connection.execute("vacuum analyze")
            total = "select sum(pg_table_size(oid)) from pg_class where relkind = 'r'"
            size = connection.execute(total).fetchall()[0][0]
        print(f"tables: {float(size) / 1e6:.0f} MB, {given.runs} runs, medians")
        measured(server, url, Path(folder), given.runs, given.restore)


def measured(server: Postgres, url: str, folder: Path, runs: int, restore: bool) -> None:
    backups = PgBackups(url=url, directory=folder / "kept" / "shop", pg_dump=str(server.bin / "pg_dump"))
    bare, dumped, proven, restored = list[float](), list[float](), list[float](), list[float]()
    for number in range(runs):
        def plain(target: Path = folder / f"bare{number}") -> None:
            subprocess.run(
                [str(server.bin / "pg_dump"), "--format=custom", "--compress=1", f"--file={target}"], check=True,
                env=libpq_environment(url, "bench"),
            )
            target.unlink()

        bare.append(seconds(plain))
        begun = time.monotonic()
        dump = backups.dump(f"BK-{number}", (), Quiet())
        dumped.append(time.monotonic() - begun)
        proven.append(seconds(lambda dump=dump: backups.prove(dump, "read", Quiet())))
        if restore:
            restored.append(seconds(lambda dump=dump: backups.prove(dump, "restore", Quiet())))
        backups.discard(f"BK-{number}")
    report(bare, dumped, proven, restored, dump.size)


def report(bare: list[float], dumped: list[float], proven: list[float], restored: list[float], size: int) -> None:
    base, ours = statistics.median(bare), statistics.median(dumped)
    print(f"archive           {size / 1e6:8.1f} MB")
    print(f"bare pg_dump      {base:8.2f} s")
    print(f"our dump          {ours:8.2f} s   {ours / base:.2f} x (aim: 1.2 x), rows counted in the same snapshot")
    print(f"proof by reading  {statistics.median(proven):8.2f} s")
    if restored:
        print(f"proof by restore  {statistics.median(restored):8.2f} s")


def seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
