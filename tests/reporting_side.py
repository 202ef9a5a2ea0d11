"""A journal with a promotion in it, for tests of what is written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.checklist import Check, State
from bot.domain.entry import Fact, Opening
from bot.domain.person import Person
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.policy import parse_policy
from bot.reporting.names import Remembering
from bot.scrub import Scrubber
from bot.world import Ports, Project
from tests.clocks import SetClock

ANA, BO, ERIN, SAM = "U0ANA0001", "U0BO00001", "U0ERIN001", "U0SAM0001"
NAMES = {ANA: "Ana Petrov", BO: "Bo Lindqvist", ERIN: "Erin Walsh", SAM: "Sam Ito"}
ZONES = {ERIN: "Europe/Berlin"}
POLICY = f"""
[roles]
operators = ["{ANA}", "{BO}", "{ERIN}"]
[approvals]
approvers = ["{BO}"]
[gates]
manual = ["Frontend tested with staging", "Edge cases tested"]
after = ["Data displays correctly", "Users can sign in"]
"""


class People:
    def __init__(self, gone: set[str]) -> None:
        self._gone = gone

    def find(self, user: str) -> Person:
        there = user not in self._gone
        return Person(id=user, full_member=there, name=NAMES.get(user, ""), zone=ZONES.get(user, "UTC"))


class Desk:
    """The journal, a set clock, and what is put into it."""

    def __init__(self, folder: Path, policy: str = POLICY, **project: Any) -> None:
        self.clock = SetClock()
        self.journal = SqliteJournal(folder / "journal.db", self.clock, Scrubber(()))
        unused = cast(Any, None)
        self.project = Project(
            name="shop", migrations=unused, databases={}, policy=parse_policy(policy, "x"), **project
        )
        self.gone: set[str] = set()
        self.woken: list[str] = []
        self.ports = Ports(
            journal=self.journal, shelves=self.journal, clock=self.clock,
            people=Remembering(People(self.gone), self.journal), health=unused, projects={"shop": self.project},
            wake=self.woken.append, tell=lambda: None, stopping=lambda: False,
        )
        for person in NAMES:
            self.ports.people.find(person)

    def note(
        self, about: str, what: str, actor: str = "stagedoor", opens: Opening | None = None, /, **data: Any,
    ) -> None:
        private = str(data.pop("text_beside", ""))
        self.journal.append([Fact(about=about, kind=what, actor=actor, data=data, opens=opens, private=private)])
        self.clock.forward(minutes=1)

    def promoted(self, record: str = "P-1", purpose: str = "books get a subtitle", ended: bool = True) -> None:
        """A promotion that went the whole way."""
        plan = Plan(project="shop", environment=Environment.PRODUCTION, head="20261020090000", files=(
            PlannedFile(
                version="20261101121500", name="add_subtitle", filename="20261101121500_add_subtitle.sql",
                sha256="ab" * 32, statements=1, purpose=purpose,
            ),
        ))
        self.note(
            record, "promotion.requested", ANA, Opening(kind="promotion", project="shop", stage="gates"),
            kind="promotion", plan=plan.to_json(),
        )
        checks = [
            Check(gate="on_staging", title="On staging", state=State.PASSED, said="same bytes, verified, took 4 ms"),
            Check(gate="sql_check", title="SQL check", state=State.PASSED, said="nothing blocks"),
            Check(gate="rollback_plan", title="Has a rollback plan", state=State.PASSED, said="schema proven exact"),
            Check(gate="pull_request", title="Pull request approved", state=State.UNKNOWN, said="GitHub is away"),
            Check(gate="manual", title="Edge cases tested", state=State.WAITING, said="", label="Edge cases tested"),
        ]
        self.note(record, "gates.judged", checklist=[check.to_json() for check in checks])
        self.note(record, "approval.asked", required=1, approvers=[BO])
        self.note(record, "promotion.ticked", ANA, label="Frontend tested with staging")
        self.note(record, "promotion.approved", BO, plan=plan.digest)
        self.note(record, "apply.attempt", attempt="a", version="20261101121500")
        self.note(record, "apply.committed", version="20261101121500", seconds=0.004, statements=1)
        self.note(record, "verify.seen", said="1 in production's history, nothing left half-built")
        if ended:
            self.note(record, "walk.ended", stage="done", verdict="done", why="")

    def incident(
        self, record: str = "INC-1", title: str = "Checkout fails for readers", stage: str = "told", **more: Any,
    ) -> None:
        """An incident from its opening to its resolution; a message comes twice and late."""
        opened = {
            "title": title, "severity": "SEV2", "broken": "Nobody can pay", "impact": "Orders are lost", "people": 300,
            "actions": "The promotion was looked at", "private": False, "project": "shop", "alert": "",
            "promotion": "P-1", "message": "",
        }
        self.note(
            record, "incident.opened", ERIN, Opening(kind="incident", project="shop", stage=stage), **(opened | more),
        )
        self.note(record, "incident.role", BO, role="commander", person=BO)
        for _ in range(2):
            self.said(record, "1.2", "The checkout answers 500")
        self.said(record, "1.1", "I see it too", at="2026-11-23T12:00:30+00:00")
        self.note(record, "incident.update", BO, text="We are rolling back", next_at=None)
        self.note(
            record, "incident.decided", BO, options=["rollback", "forward fix", "hotfix"], choice="rollback",
            why="data is wrong", evidence=["P-1 dropped legacy_code"], reversible_until="22:00",
        )
        self.note(record, "incident.milestone", BO, name="mitigated", at=self.clock.now().isoformat())
        self.note(record, "incident.resolved", BO, fixed_by="P-1 was rolled back")

    def said(self, record: str, ts: str, text: str, at: str = "2026-11-23T12:11:00+00:00", author: str = SAM) -> None:
        """A message of the incident's thread."""
        self.note(
            record, "incident.noted", author, message=f"C1:{ts}", version=ts, at=at, source="thread", author=author,
            permalink=f"https://slack.example/archives/C1/p{ts}", files=[], text_beside=text,
        )
