"""Tries files as they are written, CONCURRENTLY and all, down and up again in a scratch database; nothing stands in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace

import psycopg

from bot.domain.catalog import Key, Snapshot
from bot.domain.way_back import AS_WRITTEN, STAND_IN, Change, Schema, WayBack
from bot.errors import Refused, StagedoorError
from bot.migrations.catalog.compare import compared
from bot.migrations.catalog.diff import differences
from bot.migrations.catalog.losses import given_up, lost
from bot.migrations.catalog.reading import snapshot
from bot.migrations.catalog.rows import rows_of
from bot.migrations.catalog.scratch import NoScratch, scratch
from bot.migrations.lexer import words
from bot.migrations.session import ConnectionLost, Session
from bot.migrations.transaction import alone_in, statements_to_run
from bot.migrations.trouble import said, short

_INSIDE = {
    "TABLE", "INDEX", "UNIQUE", "VIEW", "MATERIALIZED", "TYPE", "DOMAIN", "FUNCTION", "PROCEDURE", "ROUTINE",
    "AGGREGATE", "TRIGGER", "POLICY", "SEQUENCE", "SCHEMA", "PUBLICATION", "STATISTICS", "RULE", "COLUMN",
    "CONSTRAINT", "COLLATION", "CAST", "OPERATOR", "EXTENSION", "DEFAULT", "RECURSIVE", "TEXT",
}
"""What lies within one database. Roles, databases and tablespaces belong to the whole server, staging with it."""


def wanted(changes: Sequence[Change], ways: Sequence[WayBack]) -> bool:
    """Whether a transaction on staging could not try them as they are written."""
    return any(map(_alone, changes)) or any(way.schema is Schema.UNKNOWN and way.in_transaction for way in ways)


def tried_as_written(
    changes: Sequence[Change], ways: Sequence[WayBack], after: Snapshot, session: Session, *, url: str, pg_dump: str,
    limits: Mapping[str, float], stopping: Callable[[], bool],
) -> tuple[WayBack, ...]:
    """The verdicts, where staging's own transaction gave `ways`; `after` is staging's catalog as it is now.

    Where no scratch database can be made the verdicts stay, and say so. The session holds Stagedoor's lock.
    """
    if any(change.before is None for change in changes):
        return tuple(ways)
    downs = [_downs(change, way) for change, way in zip(changes, ways, strict=True)]
    first, why = _newest(changes, downs)
    found: dict[str, WayBack] = {}
    if wanted(changes[first:], ways[first:]):
        try:
            with (
                scratch(session, url, pg_dump, stopping) as address,
                closing(Session.opened(address, session.name, "stagedoor-scratch")) as own,
            ):
                found = _Trial(own, limits, stopping).run(changes[first:], downs[first:], after)
        except (StagedoorError, psycopg.Error) as trouble:
            why = said(trouble) if isinstance(trouble, psycopg.Error) else str(trouble).rstrip(".")
    return tuple(
        _weighed(change, way, found[change.version]) if change.version in found else _without(change, way, why)
        for change, way in zip(changes, ways, strict=True)
    )


def _alone(change: Change) -> bool:
    for content in (*change.up, *(change.down or ())):
        with suppress(Refused):
            if alone_in(content) is not None:
                return True
    return False


def _downs(change: Change, way: WayBack) -> tuple[bytes, ...]:
    return change.down if change.down is not None else (way.down.encode(),) if way.down.strip() else ()


def _without(change: Change, way: WayBack, why: str) -> WayBack:
    """The verdict of the transaction alone."""
    if way.schema is Schema.UNKNOWN and way.in_transaction:
        return replace(way, said=(*way.said, f"Not tried as written: {why}."))
    return replace(way, how=f"{STAND_IN}; not tried as written: {why}") if _alone(change) else way


def _weighed(change: Change, way: WayBack, written: WayBack) -> WayBack:
    """What counts: staging has the rows, the scratch database ran what is written."""
    if way.schema is Schema.UNKNOWN and not way.in_transaction:
        return way      # what staging's own rows or objects forbid is forbidden, whatever an empty copy allows
    return written if way.in_transaction or _alone(change) else way


class _Trial:
    """Down and up again, each file committed as production would have it, on a session of the scratch database."""

    def __init__(self, session: Session, limits: Mapping[str, float], stopping: Callable[[], bool]) -> None:
        self._session = session
        self._stopping = stopping
        self._limits = "; ".join(f"set {name} = {max(1, round(s * 1000))}" for name, s in limits.items())
        session.wait_for(limits["statement_timeout"])

    def run(
        self, changes: Sequence[Change], downs: Sequence[tuple[bytes, ...]], after: Snapshot,
    ) -> dict[str, WayBack]:
        copy = snapshot(self._session.connection)
        strays = self._strays(changes, after, copy)
        found: dict[str, WayBack] = {}
        aims = [*(change.before for change in changes[1:]), after]
        for change, down, was in reversed(list(zip(changes, downs, aims, strict=True))):
            before = change.before
            assert before is not None
            assert was is not None
            gone, stays = rows_of(change, before, was)
            way = WayBack(
                version=change.version, schema=Schema.EXACT, source="draft" if change.down is None else "file",
                down="\n".join(content.decode("utf-8", "replace") for content in down), how=AS_WRITTEN,
                lost=(*lost(before, was), *gone), given_up=given_up(before, was), stays=stays,
            )
            found[change.version] = way = self._went(way, down, before.taking(strays, copy), "after going back, ")
            if way.schema is Schema.UNKNOWN:
                return found
        for change, aim in zip(changes, aims, strict=True):
            assert aim is not None
            way = found[change.version]
            found[change.version] = self._went(way, change.up, aim.taking(strays, copy), "after applying it again, ")
        return found

    def _strays(self, changes: Sequence[Change], after: Snapshot, copy: Snapshot) -> list[Key]:
        """What could not be copied, an extension that only the platform may make say; nothing of it may be in play."""
        strays = [one.key for one in differences(after, copy)]
        before = [change.before for change in changes]
        assert all(before)
        touched = {one.key for was, now in zip(before, [*before[1:], after], strict=True) if was and now
                   for one in differences(was, now)}
        if wrong := sorted(touched & set(strays)):
            raise NoScratch(f"{wrong[0][0].replace('_', ' ')} {wrong[0][1]} could not be copied into it as it is")
        return strays

    def _went(self, way: WayBack, contents: Sequence[bytes], aim: Snapshot, when: str) -> WayBack:
        began = time.monotonic()
        for content in contents:
            if trouble := self._put(content):
                place = when.removesuffix(", ").replace("after ", "", 1)
                wrong = f"{place} as written was refused in a scratch database: {trouble}"
                return replace(way, schema=Schema.UNKNOWN, said=(*way.said, wrong))
        seconds = way.seconds + time.monotonic() - began
        return replace(compared(way, aim, snapshot(self._session.connection), when), seconds=seconds)

    def _put(self, content: bytes) -> str:
        """Run one file as it is written; what went wrong, as a sentence."""
        statement = ""
        try:
            single = alone_in(content)
            self._session.script(f"{self._session.claim()}; {self._limits}; set check_function_bodies to off")
            if single is None:
                self._session.script("begin")
            for statement in [single.statement.text] if single else [s.text for s in statements_to_run(content)]:
                self._session.run(statement, self._tick)
            if single is None:
                self._session.script("commit")
        except Refused as refused:
            return str(refused)
        except psycopg.Error as error:
            with suppress(psycopg.Error, ConnectionLost):
                self._session.script("rollback")
            return f"{said(error)}, at `{short(statement)}`."
        return ""

    def _tick(self) -> None:
        if self._stopping():
            raise NoScratch("Stagedoor was asked to stop")


def _newest(changes: Sequence[Change], downs: Sequence[tuple[bytes, ...]]) -> tuple[int, str]:
    """From which file on all newer ones stay within their database, and why no older one is tried.

    Only what is known to stay inside is run: a call or a DO block may do anything.
    """
    for place in range(len(changes) - 1, -1, -1):
        for content in (*changes[place].up, *downs[place]):
            if reaches := beyond(content):
                what = f"{reaches} of {changes[place].label} or of its way back"
                return place + 1, f"{what} may reach beyond one database, so it is not run for a trial"
    return 0, ""


def beyond(content: bytes) -> str:
    """The first statement that may reach what all databases of the server share; empty when none does."""
    try:
        if alone_in(content) is not None:
            return ""
        found = statements_to_run(content)
    except Refused:
        return ""       # it says so itself when it is tried
    for statement in found:
        read = words(statement.text)
        if not _stays(read):
            what = " ".join(word for word in read[:2] if word.isalpha())
            return f"{what} in line {statement.line}"
    return ""


def _stays(read: list[str]) -> bool:
    first, second = read[0], read[1] if len(read) > 1 else ""
    if first in ("SET", "RESET"):
        return second not in ("ROLE", "SESSION")
    if first in ("GRANT", "REVOKE"):
        return "ON" in read and read[read.index("ON") + 1:][:1] not in (["DATABASE"], ["TABLESPACE"], ["PARAMETER"])
    if first == "COMMENT":
        return second == "ON" and read[2:3] != [] and read[2] in _INSIDE
    if first in ("CREATE", "ALTER", "DROP"):
        return second in _INSIDE or (read[1:3] == ["OR", "REPLACE"] and read[3:4] != [] and read[3] in _INSIDE)
    return False
