"""A production with data worth keeping, a plan that destroys some of it, and the dumps taken before."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.domain.entry import Json
from bot.migrations.backup.backups import PgBackups
from rehearsal.postgres import Postgres
from tests.migrations.conftest import BRISK
from tests.migrations.walking import Walk, approved
from tests.postgres import Fresh, fresh_database

BASE = "create table public.books (id int primary key, title text, cover bytea);"
DESTRUCTIVE = "alter table public.books drop column title;"
WHEN = '[backups]\nwhen = "destructive"\nkeep_rows = false\n'

Opens = Callable[..., Walk]


class Quiet:
    """Nobody listens; `stop` asks the work to end."""

    def __init__(self) -> None:
        self.stop = False
        self.seen: list[Mapping[str, Json]] = []

    def progress(self, data: Mapping[str, Json]) -> None:
        self.seen.append(data)

    def stopping(self) -> bool:
        return self.stop


@pytest.fixture
def production(server: Postgres) -> Iterator[Fresh]:
    with fresh_database(server) as production:
        production.run(
            BASE, "insert into public.books select g, 'title ' || g, decode(md5(g::text), 'hex')"
            " from generate_series(1, 1000) g",
        )
        yield production


@pytest.fixture
def backups(server: Postgres, production: Fresh, tmp_path: Path) -> PgBackups:
    return PgBackups(url=production.url, directory=tmp_path / "kept" / "shop", pg_dump=str(server.bin / "pg_dump"))


@pytest.fixture
def opens(server: Postgres, production: Fresh, backups: PgBackups, tmp_path: Path) -> Iterator[Opens]:
    """An approved promotion of this SQL, one step before production."""
    with ExitStack() as stack:

        def opened(sql: str = DESTRUCTIVE, policy: str = WHEN, backups: Any = backups, also: str = "") -> Walk:
            staging = stack.enter_context(fresh_database(server))
            for each in (staging, production) if also else ():
                each.run(also)
            staging.run(BASE)
            folder = tmp_path / "migrations"
            folder.mkdir()
            (folder / "1_change.sql").write_text(sql)
            return stack.enter_context(
                approved(tmp_path, folder, staging.url, production.url, BRISK, policy=policy, backups=backups)
            )

        yield opened


def program(folder: Path, server: Postgres, body: str) -> str:
    """A pg_dump that says its version as the real one, and then does as `body` says; the real one is `$REAL`."""
    folder.mkdir(exist_ok=True)
    real, path = server.bin / "pg_dump", folder / "pg_dump"
    path.write_text(f'#!/bin/sh\nREAL={real}\n[ "$1" = --version ] && exec "$REAL" --version\n{body}\n')
    path.chmod(0o755)
    if not (folder / "pg_restore").exists():
        os.symlink(server.bin / "pg_restore", folder / "pg_restore")
    return str(path)


def left_in(backups: PgBackups) -> list[str]:
    """The names in the folder of the dumps."""
    return sorted(path.name for path in backups.directory.iterdir()) if backups.directory.exists() else []
