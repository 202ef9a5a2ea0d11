"""The Supabase CLI's migration history: reading it whatever its age, and comparing its rows with files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Protocol

from bot.domain.migration import Applied, Match, Migration
from bot.migrations.splitter import split, statements

TABLE = "supabase_migrations.schema_migrations"

HEAD = f'select max(version collate "C") from {TABLE}'  # noqa: S608  (our own words)
"""The newest version, in the CLI's order; NULL for an empty history."""

COLUMNS = """
select coalesce(array_agg(attname::text), '{}') from pg_catalog.pg_attribute
where attrelid = pg_catalog.to_regclass('supabase_migrations.schema_migrations') and attnum > 0 and not attisdropped
"""

# The CLI's own three steps (facts/supabase A1), each harmless where the column exists.
CREATE = (
    "create schema if not exists supabase_migrations",
    "create table if not exists supabase_migrations.schema_migrations (version text not null primary key)",
    "alter table supabase_migrations.schema_migrations add column if not exists statements text[]",
    "alter table supabase_migrations.schema_migrations add column if not exists name text",
)


class Query(Protocol):
    """Runs one statement and returns its rows."""

    def __call__(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]: ...


def columns(query: Query) -> frozenset[str]:
    """The columns that the history table has today; none when there is no such table."""
    return frozenset(query(COLUMNS)[0][0])


def read(query: Query) -> tuple[Applied, ...]:
    """All rows in version order (as text, bytewise, like the CLI); tables of old CLIs lack name and statements."""
    wanted = reading(columns(query))
    return applied(query(wanted)) if wanted else ()


def reading(present: frozenset[str]) -> str:
    """The query of all rows, by the columns that are there; empty when there is no table to read."""
    selected = _select(present)
    return f'{selected} order by version::text collate "C"' if selected else ""


def versions(present: frozenset[str]) -> str:
    """The query of the versions alone, in the same order."""
    return f'select version::text from {TABLE} order by version::text collate "C"' if "version" in present else ""  # noqa: S608  (our own words)


def applied(rows: Iterable[tuple[Any, ...]]) -> tuple[Applied, ...]:
    """What the answer to `reading` says."""
    return tuple(_applied(*row) for row in rows)


def _select(present: frozenset[str]) -> str:
    """The part of a query that names the columns; empty when there is no table to read."""
    if "version" not in present:
        return ""
    name = "name" if "name" in present else "null::text"
    statements = "statements::text[]" if "statements" in present else "null::text[]"
    return f"select version::text, {name}, {statements} from {TABLE}"  # noqa: S608  (our own words)


def find(query: Query, version: str) -> Applied | None:
    """The row of one version, if there is such a row and such a table."""
    selected = _select(columns(query))
    rows = query(f"{selected} where version = %s", version) if selected else []
    return _applied(*rows[0]) if rows else None


def _applied(version: str, name: str | None, statements: list[str | None] | None) -> Applied:
    stored = None if statements is None else tuple(statement or "" for statement in statements)
    return Applied(version=version, name=name or "", statements=stored)


def match(migration: Migration, applied: Applied) -> Match:
    """Whether the history holds what the file says today; a row without statements cannot tell."""
    if applied.statements is None:
        return Match.CANNOT_TELL
    return Match.SAME if same(migration.content, applied) else Match.EDITED


def same(content: bytes, applied: Applied) -> bool:
    """Whether these bytes are what the row says was applied."""
    wanted = stored(content)
    return applied.statements is not None and (
        applied.statements == wanted or _alike(applied.statements) == _alike(wanted)
    )


def _alike(statements: tuple[str, ...]) -> list[str]:
    """Takes away what says nothing about an edit: line ends of Windows, and how a tool cut the file into elements.

    The dashboard and the Management API store a whole file as one element; old CLIs kept the byte order mark.
    """
    return [
        part.text for statement in statements for part in split(statement.lstrip("\ufeff").replace("\r\n", "\n"))
    ]


def stored(content: bytes) -> tuple[str, ...]:
    """What the CLI would write into `statements` for this file."""
    return tuple(statement.text for statement in statements(content))


def difference(migration: Migration, applied: Applied) -> str:
    """A unified diff from what was applied to what the file says now, statement by statement."""
    before = [line for statement in applied.statements or () for line in f"{statement};".splitlines()]
    after = [line for statement in stored(migration.content) for line in f"{statement};".splitlines()]
    return "\n".join(difflib.unified_diff(before, after, "applied", migration.filename, lineterm=""))
