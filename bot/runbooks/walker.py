"""The walker: takes records down their runbooks, stage by stage; the only place that moves one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from bot.domain.entry import SYSTEM, Entry, Fact
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.errors import Superseded, Unreachable
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.world import Ports, World

log = structlog.get_logger(__name__)

Stage = Callable[[Any, World], Outcome]

RETRY_UNREACHABLE = timedelta(seconds=5)
RETRY_FAULT = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Runbook:
    """A list of named stages, walked from the first to the last.

    `fold` makes of a record's entries what its stages are given; `leave` tidies up when the record ends.
    """

    stages: tuple[Stage, ...]
    leave: Callable[[World], None]
    fold: Callable[[Sequence[Entry]], Any] = Promotion.of

    def stage(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.__name__ == name), None)

    def after(self, name: str) -> str:
        names = [stage.__name__ for stage in self.stages]
        return names[names.index(name) + 1]


class Walker:
    """Walks records. Calling `walk` twice, late or after a crash is always safe: each stage looks before it acts."""

    def __init__(self, ports: Ports, runbooks: Mapping[str, Runbook]) -> None:
        self._ports = ports
        self._runbooks = runbooks
        self._mutexes: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def walk(self, record_id: str) -> None:
        """Take the record as far as it goes now. Does nothing when another thread is walking it."""
        if not self._ports.serving():   # a claim of ours would take the record from whoever serves by now
            return
        mutex = self._mutex(record_id)
        if not mutex.acquire(blocking=False):
            return
        try:
            with structlog.contextvars.bound_contextvars(record=record_id), suppress(Superseded):
                self._walk(record_id)
        finally:
            mutex.release()

    def _mutex(self, record_id: str) -> threading.Lock:
        with self._guard:
            return self._mutexes.setdefault(record_id, threading.Lock())

    def _walk(self, record_id: str) -> None:
        record = self._ports.journal.load(record_id)
        if record is None or record.status is Status.ENDED:
            return
        claim = self._ports.journal.claim(record_id)
        while record.status is Status.LIVE and not self._ports.stopping():
            entries = list(self._ports.journal.entries(about=record_id))
            terms = entries[0].data.get("terms")
            world = World(
                ports=self._ports, record=record, claim=claim, terms=terms if isinstance(terms, dict) else {},
            )
            folded = replace(record, folded=entries[-1].seq)
            outcome = self._run_stage(entries, folded, world)
            record = self._settle(folded, outcome, world)
            log.info("walk", stage=folded.stage, outcome=type(outcome).__name__, waits_for=record.waits_for)
            self._ports.tell()
            if isinstance(outcome, Wait) and record.touched <= record.folded and not self._due(record):
                return

    def _due(self, record: Record) -> bool:
        return record.due is not None and record.due <= self._ports.clock.now()

    def _run_stage(self, entries: Sequence[Entry], record: Record, world: World) -> Outcome:
        runbook = self._runbooks.get(record.kind)
        stage = runbook.stage(record.stage) if runbook else None
        now = self._ports.clock.now()
        if runbook is None or stage is None:
            log.warning("walk.unknown_stage", stage=record.stage, kind=record.kind)
            return Wait(
                for_=f"a release of Stagedoor that knows the stage “{record.stage}”", until=now + timedelta(hours=1)
            )
        try:
            return stage(runbook.fold(entries), world)
        except Superseded:
            raise
        except Unreachable as trouble:
            log.warning("walk.unreachable", stage=record.stage, why=str(trouble))
            return Wait(for_=f"an answer: {trouble}", until=now + RETRY_UNREACHABLE)
        except Exception:
            # A fault of ours must neither lose the record nor spin; it is tried again and said on the card.
            log.exception("walk.fault", stage=record.stage)
            return Wait(
                for_="a fault inside Stagedoor to pass; its log has the details. It tries again each minute",
                until=now + RETRY_FAULT,
            )

    def _settle(self, record: Record, outcome: Outcome, world: World) -> Record:
        journal, runbook = self._ports.journal, self._runbooks.get(record.kind)
        match outcome:
            case Wait():
                fact = Fact(
                    about=record.id, kind="walk.waits", actor=SYSTEM, data={"stage": record.stage, "for": outcome.for_}
                )
                moved = replace(record, due=outcome.until, waits_for=outcome.for_)
                return journal.project(moved, world.claim, [fact] if outcome.for_ != record.waits_for else [])
            case Next():
                assert runbook is not None
                to = outcome.to or runbook.after(record.stage)
                fact = Fact(
                    about=record.id,
                    kind="walk.moved",
                    actor=SYSTEM,
                    data={"from": record.stage, "to": to, "said": outcome.said},
                )
                moved = replace(record, stage=to, due=self._ports.clock.now(), waits_for="")
                return journal.project(moved, world.claim, [fact])
            case Stop():
                assert runbook is not None
                fact = Fact(
                    about=record.id,
                    kind="walk.ended",
                    actor=outcome.by or SYSTEM,
                    data={"stage": record.stage, "verdict": outcome.verdict, "why": outcome.why},
                )
                world.put()     # whoever was overtaken has nothing to tidy up any more
                runbook.leave(world)
                moved = replace(record, status=Status.ENDED, due=None, waits_for="")
                return journal.project(moved, world.claim, [fact])
