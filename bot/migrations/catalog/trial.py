"""Tries the way back on a database and leaves no trace: down, compare, up again, compare, all in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import psycopg

from bot.domain.catalog import Snapshot
from bot.domain.way_back import Change, Schema, WayBack
from bot.errors import Refused
from bot.migrations.catalog.compare import compared
from bot.migrations.catalog.diff import differences
from bot.migrations.catalog.draft import step
from bot.migrations.catalog.losses import given_up, lost
from bot.migrations.catalog.reading import snapshot
from bot.migrations.catalog.rows import INSERT, rows_of
from bot.migrations.session import ConnectionLost, Session
from bot.migrations.transaction import NotInATrial, in_a_trial
from bot.migrations.trouble import UNSAFE_ENUM, said, short

ROUNDS = 8
"""How often a draft looks at what it made of the catalog before it gives up."""
_DUPLICATE = "23505"
_OUTSIDE = (UNSAFE_ENUM, "25001")
"""An enum value that would be committed in production before it is used; what no transaction may hold."""
SETTINGS = "set local check_function_bodies to off"


@dataclass
class Went:
    """One way: the statements that ran, where they led, and why it ended before its aim."""

    statements: list[str] = field(default_factory=list)
    reached: Snapshot | None = None
    why: list[str] = field(default_factory=list)
    in_transaction: bool = False
    """Whether nothing but the transaction kept it from going on."""


@dataclass(frozen=True)
class Trouble:
    """What went wrong, as a sentence, and whether only because it happened in one transaction with all the rest."""

    why: str
    in_transaction: bool
    duplicate: bool = False
    """Whether an INSERT met its own rows: going back takes none away."""


class Trial:
    """One transaction on a session of its own, which holds Stagedoor's lock."""

    def __init__(self, session: Session, limits: dict[str, float], tick: Callable[[], None] = lambda: None) -> None:
        self._session = session
        self._limits = limits
        self._tick = tick

    def run(self, changes: Sequence[Change]) -> tuple[WayBack, ...]:
        """The verdict for each file, in the order of the files. Raises `ConnectionLost`."""
        self._session.wait_for(self._limits["statement_timeout"])
        self._session.script(f"begin; {self._words()}")
        try:
            return self._run(changes)
        finally:
            with suppress(psycopg.Error, ConnectionLost):
                self._session.script("rollback")

    def _words(self) -> str:
        return "; ".join(f"set local {name} = {max(1, round(s * 1000))}" for name, s in self._limits.items())

    def _run(self, changes: Sequence[Change]) -> tuple[WayBack, ...]:
        after = now = self._look()
        states, found = [after], dict[str, WayBack]()
        for change in reversed(changes):
            began = time.monotonic()
            if change.before is None:
                return self._unknown(changes, found, "nobody saw the catalog from before its staging run")
            went = self._down(change, now)
            found[change.version] = self._judged(change, went, now, time.monotonic() - began)
            if went.reached is None:
                return self._unknown(changes, found, f"{change.label} could not be taken back", went.in_transaction)
            now = went.reached
            states.append(now)
        states.reverse()
        skipped = False
        for place, change in enumerate(changes):
            began = time.monotonic()
            aim = after if place == len(changes) - 1 else changes[place + 1].before
            assert aim is not None
            way = found[change.version] = self._up(change, aim, found[change.version])
            if skipped and not way.proven:      # it met a catalog that an earlier file was to have changed
                way = replace(way, schema=Schema.UNKNOWN, in_transaction=True)
            skipped = skipped or way.in_transaction
            found[change.version] = replace(way, seconds=way.seconds + time.monotonic() - began)
        return tuple(found[change.version] for change in changes)

    def _unknown(
        self, changes: Sequence[Change], found: dict[str, WayBack], why: str, in_transaction: bool = False,
    ) -> tuple[WayBack, ...]:
        """Files after which nothing could be tried any more."""
        return tuple(
            found.get(change.version) or WayBack(
                version=change.version, schema=Schema.UNKNOWN, source="file" if change.down else "draft",
                down=_written(change), said=(f"{why}.",), in_transaction=in_transaction,
            )
            for change in changes
        )

    # Down ----------------------------------------------------------------------------------------------------------

    def _down(self, change: Change, now: Snapshot) -> Went:
        if change.down is None:
            assert change.before is not None
            return self._drafted(now, change.before)
        return self._filed(change.down)

    def _filed(self, contents: Sequence[bytes]) -> Went:
        try:
            statements = [statement for content in contents for statement in in_a_trial(content)]
        except Refused as refused:
            return Went(why=[str(refused)], in_transaction=isinstance(refused, NotInATrial))
        went = Went(statements=statements)
        if trouble := self._execute(statements):
            went.why.append(trouble.why)
            went.in_transaction = trouble.in_transaction
        else:
            went.reached = self._look()
        return went

    def _drafted(self, now: Snapshot, then: Snapshot) -> Went:
        went = Went(reached=now)
        for _ in range(ROUNDS):
            next_ = step(now, then)
            went.why = list(next_.unable)
            if not next_.statements:
                return went
            if trouble := self._execute(next_.statements):
                went.why.append(trouble.why)
                went.in_transaction = trouble.in_transaction
                went.reached = now if went.statements else None
                return went
            went.statements += next_.statements
            reached = self._look()
            went.reached = reached
            if reached.objects == now.objects:
                return went
            now = reached
        return went

    def _judged(self, change: Change, went: Went, now: Snapshot, seconds: float) -> WayBack:
        assert change.before is not None
        source = "draft" if change.down is None else "file"
        gone, stays = rows_of(change, change.before, now)
        text = _written(change) or "".join(f"{statement};\n" for statement in went.statements)
        way = WayBack(
            version=change.version, schema=Schema.UNKNOWN, source=source, down=text, said=tuple(went.why),
            lost=(*lost(change.before, now), *gone), given_up=given_up(change.before, now), stays=stays,
            seconds=seconds, in_transaction=went.in_transaction,
        )
        if went.reached is None:
            return way
        return compared(way, change.before, went.reached, "after going back, ")

    # Up ------------------------------------------------------------------------------------------------------------

    def _up(self, change: Change, aim: Snapshot, way: WayBack) -> WayBack:
        try:
            statements = [statement for content in change.up for statement in in_a_trial(content)]
        except Refused as refused:
            outside = isinstance(refused, NotInATrial)
            return replace(way, schema=Schema.UNKNOWN, said=(*way.said, str(refused)), in_transaction=outside)
        trouble = self._execute(statements)
        if trouble and trouble.duplicate:
            trouble = self._execute(statements, over=(passed := list[str]()))
            way = replace(way, said=(*way.said, *map(_passed, passed[:1])))
        if trouble:
            schema = way.schema if way.schema is Schema.DIFFERS else Schema.UNKNOWN
            why = f"it could not be applied again: {trouble.why}"
            return replace(way, schema=schema, said=(*way.said, why), in_transaction=trouble.in_transaction)
        reached = self._look()
        strays = tuple(difference.key for difference in differences(aim, reached))
        return replace(compared(way, aim, reached, "after applying it again, "), strays=strays)

    def _execute(self, statements: Sequence[str], over: list[str] | None = None) -> Trouble | None:
        """Run them all or none; what went wrong. INSERTs of rows that are there already are passed over into `over`."""
        number = 0
        try:
            self._session.script(f"savepoint stagedoor_way; {SETTINGS}")
            for number, statement in enumerate(statements, 1):  # noqa: B007  (named in the sentence below)
                if over is None or not INSERT.match(statement):
                    self._session.run(statement, self._tick)
                elif again := self._inserted(statement):
                    over.append(f"`{short(statement)}` ({again})")
            # What a file set for itself, its role above all, is not there for the next one, as in an apply.
            own = f"{self._session.claim()}; {self._words()}"
            self._session.script(f"set constraints all immediate; {own}; release savepoint stagedoor_way")
        except psycopg.Error as error:
            self._session.script("rollback to savepoint stagedoor_way")
            where = f"`{short(statements[number - 1])}`" if number else "its first statement"
            duplicate = bool(number) and error.sqlstate == _DUPLICATE and bool(INSERT.match(statements[number - 1]))
            return Trouble(f"{said(error)}, at {where}.", error.sqlstate in _OUTSIDE, duplicate)
        return None

    def _inserted(self, statement: str) -> str:
        """Run an INSERT; what the server says where its rows are there already."""
        self._session.script("savepoint stagedoor_rows")
        try:
            self._session.run(statement, self._tick)
        except psycopg.errors.UniqueViolation as error:
            self._session.script("rollback to savepoint stagedoor_rows; release savepoint stagedoor_rows")
            return said(error)
        self._session.script("release savepoint stagedoor_rows")
        return ""

    def _look(self) -> Snapshot:
        try:
            return snapshot(self._session.connection)
        except psycopg.OperationalError as error:
            raise ConnectionLost(f"the connection to {self._session.name} was lost") from error


def _passed(what: str) -> str:
    return (
        f"the rows that it inserts stay when it is taken back, so the second time {what} was passed over; really "
        "applied again it would fail there, unless it says ON CONFLICT or the rows are deleted first"
    )


def _written(change: Change) -> str:
    """The rollback files as text; empty where the way back is drafted."""
    return "\n".join(content.decode("utf-8", "replace") for content in change.down or ())
