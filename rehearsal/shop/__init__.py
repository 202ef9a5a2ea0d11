"""The sample shop: its databases as they are before the rehearsal, its migrations, good and bad, and its policy."""

from __future__ import annotations

import re
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import psycopg

BASE = "20261020090000"
BAD = "20261101123000_require_region.sql"
HISTORY = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations
  (version text not null primary key, statements text[], name text);
"""


def lay_out(directory: Path) -> Path:
    """Copy migrations and policy into a directory of the rehearsal's own; returns the migrations folder."""
    with as_file(files(__name__)) as source:
        shutil.copytree(source / "migrations", directory / "migrations")
        shutil.copy(source / "stagedoor.toml", directory / "stagedoor.toml")
    return directory / "migrations"


def merge_the_bad_one(migrations: Path) -> str:
    """Put the migration that staging likes and production does not into the folder, as a merged pull request would."""
    with as_file(files(__name__)) as source:
        shutil.copy(source / "later" / BAD, migrations / BAD)
    return BAD


def furnish(staging: str, production: str, migrations: Path) -> None:
    """Give both databases the base migration and their rows, and staging what the CLI pushed there already."""
    with as_file(files(__name__)) as source:
        for address, rows in ((staging, "staging.sql"), (production, "production.sql")):
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(HISTORY)
                _push(connection, migrations, BASE)
                connection.execute((source / rows).read_text())


def _push(connection: psycopg.Connection, migrations: Path, version: str) -> None:
    path = next(migrations.glob(f"{version}_*.sql"))
    text = path.read_text()
    connection.execute(text)
    name = path.stem.partition("_")[2]
    connection.execute(
        "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
        (version, name, _statements(text)),
    )


def _statements(text: str) -> list[str]:
    """The statements as the CLI keeps them; the base migration has no semicolon but those that end a statement."""
    return [part.strip() for part in re.split(r";\s*\n", text) if part.strip()]
