"""A journal, a set clock and the runbooks of windows, freezes and promotions, without databases or Slack."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.entry import Entry, Fact, Json, Opening
from bot.domain.person import Person
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.policy import parse_policy
from bot.ports import Put
from bot.runbooks import freeze, window
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.turn import not_now
from bot.runbooks.turn import window as turn
from bot.runbooks.walker import Runbook, Walker
from bot.scrub import Scrubber
from bot.windows.timing import Timing
from bot.windows.verbs import Deploys
from bot.world import Ports, Project, World
from handlers.windows.window_view import FreezeView, WindowView
from tests.clocks import SetClock

ANA, BO, CY, SAM = "U0ANA0001", "U0BO00001", "U0CY00001", "U0SAM0001"
RULES = f"""
[roles]
operators = ["{ANA}", "{BO}", "{CY}"]
[approvals]
approvers = ["{BO}", "{CY}"]
"""
NIGHTS = """
[[windows]]
start = "22:00"
end = "02:00"
timezone = "UTC"
"""
UNATTENDED = "[deploy]\nattended = false\n"
MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
ZONES = {ANA: "Europe/Berlin", BO: "America/New_York", CY: "Europe/London"}


class People:
    def find(self, user: str) -> Person:
        return Person(id=user, full_member=True, zone=ZONES.get(user, "UTC"))


class Killed(BaseException):
    """The process is gone."""


class Stage:
    """Everything that walks. `applying` names promotions whose apply has begun, `slow` those whose apply takes its
    time, and `hesitant` those that a gate keeps from beginning.
    """

    def __init__(self, path: Path, policy: str = RULES + NIGHTS, start: datetime = MONDAY) -> None:
        self.clock = SetClock(start)
        self.journal = SqliteJournal(path / "journal.db", self.clock, Scrubber(()))
        unused = cast(Any, None)
        project = Project(name="shop", migrations=unused, databases={}, policy=parse_policy(policy, "x"))
        self.ports = Ports(
            journal=self.journal, shelves=self.journal, clock=self.clock, people=People(), health=unused,
            projects={"shop": project}, wake=lambda record: None, tell=lambda: None, stopping=lambda: False,
        )
        self.applying: set[str] = set()
        self.slow: set[str] = set()
        self.hesitant: set[str] = set()
        self.started: list[tuple[str, datetime]] = []
        self.deploys, self.timing = Deploys(self.ports), Timing(self.ports)

    # What walks

    def walker(self, journal: Any = None) -> Walker:
        ports = replace(self.ports, journal=journal or self.journal)
        line = Runbook(stages=(turn, self._apply(), watch), leave=World.release_project)
        return Walker(ports, {"promotion": line, "window": window.RUNBOOK, "freeze": freeze.RUNBOOK})

    def _apply(self) -> Callable[[Promotion, World], Outcome]:
        def apply(promotion: Promotion, world: World) -> Outcome:
            if promotion.id not in self.applying:
                if why := not_now(promotion, world):
                    return Next(to="window", said=why)
                if promotion.id in self.hesitant:
                    return Wait(for_="a gate", until=self.clock.now() + timedelta(seconds=30))
                self.applying.add(promotion.id)
                self.started.append((promotion.id, self.clock.now()))
            if promotion.id in self.slow:
                return Wait(for_="its statements", until=self.clock.now() + timedelta(seconds=1))
            return Next()

        return apply

    def sweep(self, journal: Any = None) -> None:
        """Walk what is due, by a new walker, until nothing is."""
        for _ in range(30):
            due = self.journal.find(due_by=self.clock.now())
            if not due:
                return
            for record in due:
                self.walker(journal).walk(record.id)
            if all(self._settled(record.id) for record in due):
                return
        raise AssertionError(f"it never comes to rest: {self.journal.find(due_by=self.clock.now())}")

    def _settled(self, record: str) -> bool:
        now = self.journal.load(record)
        assert now
        due = now.due is not None and now.due <= self.clock.now()
        return now.status is Status.ENDED or (now.touched <= now.folded and not due)

    def at(self, when: str) -> None:
        """Let it be that time (UTC; the day is Monday the 23rd unless it is named) and walk what is due."""
        text = when if "-" in when else f"2026-11-23 {when}"
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        self.clock.forward(seconds=(moment - self.clock.now()).total_seconds())
        self.sweep()

    # What people do

    def promotion(self, record: str = "P-1", by: str = ANA, seconds: float = 1) -> None:
        """An approved promotion that waits for its turn; staging took so long for it."""
        version = record.removeprefix("P-")
        plan = Plan(project="shop", environment=Environment.PRODUCTION, head=None, files=(
            PlannedFile(version=version, name="a", filename=f"{version}_a.sql", sha256="x", statements=1),
        ))
        staged: dict[str, Json] = {
            "sha256": "x", "at": self.clock.now().isoformat(), "record": "S-1", "seconds": seconds,
        }
        self.journal.put([Put(shelf="staged", key=f"shop:{version}", doc=staged)])
        self.journal.append([Fact(
            about=record, kind="promotion.requested", actor=by,
            data={"kind": "promotion", "plan": json.loads(json.dumps(plan.to_json()))},
            opens=Opening(kind="promotion", project="shop", stage="window"),
        )])
        self.journal.append([Fact(about=record, kind="promotion.approved", actor=BO)])
        self.sweep()

    def announce(self, text: str, by: str = ANA) -> str:
        key = f"{text} {self.clock.now()}"
        asked = self.deploys.window(by, self.ports.projects["shop"], text, key)
        self.journal.put([asked.put])
        record, _ = self.deploys.confirm(by, asked.token)
        self.sweep()
        return record

    def freeze(self, reason: str, by: str = ANA) -> str:
        record = self.deploys.freeze(by, "shop", reason, f"{reason} {self.clock.now()}")
        self.sweep()
        return record

    def say(self, facts: Sequence[Fact]) -> None:
        self.journal.append(facts)
        self.sweep()

    def here(self, record: str = "P-1", by: str = ANA) -> None:
        self.say([Fact(about=record, kind="promotion.attended", actor=by)])

    # What is seen

    def record(self, record: str = "P-1") -> Record:
        found = self.journal.load(record)
        assert found
        return found

    def entries(self, about: str, *kinds: str) -> list[Entry]:
        return [entry for entry in self.journal.entries(about=about) if not kinds or entry.kind in kinds]

    def lines(self, about: str) -> list[str]:
        """What the thread of a window or a freeze says."""
        record = self.record(about)
        view = WindowView(self.ports) if record.kind == "window" else FreezeView(self.ports)
        drawn = [view.line(record, entry) for entry in self.journal.entries(about=about)]
        return [line.message.text for line in drawn if line]

    def card(self, about: str) -> str:
        record = self.record(about)
        view = WindowView(self.ports) if record.kind == "window" else FreezeView(self.ports)
        return view.card(record).text


def watch(promotion: Promotion, world: World) -> Outcome:
    return Stop(verdict="done")


class Mortal:
    """A journal whose process dies right after so many writes."""

    def __init__(self, journal: SqliteJournal, writes: int) -> None:
        self._journal, self._left = journal, writes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._journal, name)
        if name not in ("append", "open", "project"):
            return found

        def write(*args: Any, **kwargs: Any) -> Any:
            answer = found(*args, **kwargs)
            self._left -= 1
            if self._left == 0:
                raise Killed
            return answer

        return write
