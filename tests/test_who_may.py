"""Who may say what: each verb beside the people who may not say it, judged before anything else is looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.backups.restores import Restores
from bot.backups.verbs import BackupRequests
from bot.domain.alert import raised
from bot.domain.checklist import Check, State
from bot.domain.entry import Fact, Opening
from bot.domain.person import Person
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.rolling_back import Rolling, Severity
from bot.domain.signal import Level, Signal
from bot.domain.source import Source
from bot.domain.window import Span
from bot.errors import Refused, Unknown, Unreachable
from bot.incidents.aftermath import Aftermath
from bot.incidents.verbs import Responding
from bot.policy import parse_policy
from bot.ports import Put, Take
from bot.promotions.requests import Requests
from bot.promotions.verbs import Promotions
from bot.rollbacks.verbs import Rollbacks
from bot.scrub import Scrubber
from bot.watch.verbs import Alerts
from bot.windows.timing import Timing
from bot.windows.verbs import Deploys
from bot.world import Ports, Project
from tests.clocks import SetClock

GUEST, STRANGER, MEMBER, OPERATOR, APPROVER, ON_CALL, ASKER, AUTHOR = everybody = (
    "U0GUEST01", "U0STRANGE", "U0MEMBER1", "U0OPERAT1", "U0APPROV1", "U0ONCALL1", "U0ASKER01", "U0AUTHOR1",
)
EVERYBODY = frozenset(everybody)
OUTSIDE = frozenset((GUEST, STRANGER))
MEMBERS = EVERYBODY - OUTSIDE
OPERATORS = frozenset((OPERATOR, ASKER))
APPROVERS = frozenset((APPROVER, ASKER, AUTHOR))
OTHERS = frozenset((APPROVER,))
"""Approvers who neither asked for it nor wrote it."""
RESCUERS = OPERATORS | APPROVERS | {ON_CALL}

# The guest stands on every list: no list makes a member of somebody who is none.
POLICY = f"""
[roles]
members = ["{MEMBER}", "{GUEST}"]
operators = ["{OPERATOR}", "{ASKER}", "{GUEST}"]
[approvals]
approvers = ["{APPROVER}", "{ASKER}", "S0AUTHORS", "{GUEST}"]
[gates]
manual = ["Edge cases tested"]
[incidents]
on_call = ["{ON_CALL}", "{GUEST}"]
[people]
author-at-github = "{AUTHOR}"
"""
MAY_NOT = (
    "are for full members", "full members of this workspace", "among Stagedoor's members", "needs an operator",
    "not a listed approver", "an approver or somebody on call", "someone else has to",
    "Only an operator or an approver", "another approver has to", "Only who asked",
)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class People:
    def find(self, user: str) -> Person:
        return Person(
            id=user, full_member=user != GUEST, groups=frozenset({"S0AUTHORS"} if user == AUTHOR else ()),
        )


class Away(dict[Environment, Any]):
    """Databases that do not answer."""

    def __missing__(self, environment: Environment) -> Any:
        raise Unreachable(f"{environment} does not answer.")


def _taken(series: str, take: Take) -> tuple[list[Fact], list[Put]]:
    take(series)
    return [], []


class Office:
    """A journal with one record of each kind, and everything that can be said about them."""

    def __init__(self, path: Path) -> None:
        self.clock = SetClock(NOON)
        self.journal = SqliteJournal(path / "journal.db", self.clock, Scrubber(()))
        unused = cast(Any, None)
        self.project = Project(name="shop", migrations=unused, databases=Away(), policy=parse_policy(POLICY, "x"))
        self.ports = Ports(
            journal=self.journal, shelves=self.journal, clock=self.clock, people=People(), health=unused,
            projects={"shop": self.project}, wake=lambda record: None, tell=lambda: None, stopping=lambda: False,
        )
        self.promotions, self.requests, self.timing = Promotions(self.ports), Requests(self.ports), Timing(self.ports)
        self.rollbacks, self.deploys, self.restores = Rollbacks(self.ports), Deploys(self.ports), Restores(self.ports)
        self.backups, self.alerts = BackupRequests(self.ports), Alerts(self.ports)
        self.responding, self.aftermath = Responding(self.ports), Aftermath(self.ports)
        if not self.journal.load("P-1"):
            self._furnish()
        self.begun = len(list(self.journal.entries()))
        """How many entries there are before anybody says anything."""

    def ports_on(self, journal: Any) -> Ports:
        """The same over another handle on the journal."""
        return replace(self.ports, journal=journal, shelves=journal)

    def _furnish(self) -> None:
        for series in ("W", "F", "A", "INC"):   # those below go by these
            self.journal.open(partial(_taken, series))
        self._promotion("P-1", "approval")
        self._promotion("P-2", "window")
        self.note("P-2", "window.near", opens=NOON.isoformat(), closes=(NOON + timedelta(hours=1)).isoformat())
        self._promotion("P-3", "done", emergency="the checkout is down")
        self.note("P-3", "emergency.owed", owed=["Pull request approved"])
        self._promotion("P-4", "watch")
        self.note("P-4", "apply.committed", version="20261101120000", seconds=0.1, statements=1)
        self._promotion("P-5", "approval", fork=True)
        self.note("P-5", "apply.committed", version="20261101120000", seconds=0.1, statements=1)
        self._rollback("R-1", until=None)
        self._rollback("R-2", until=NOON + timedelta(hours=1))
        self.note("freeze", "x")
        self.opened("W-1", "window", "announced", "window.announced", ASKER, opens=_soon(1), closes=_soon(2))
        self.opened("F-1", "freeze", "standing", "freeze.set", ASKER, reason="an audit", until=None)
        signal = Signal(
            key="k", rule="new_error", title="t", said="s", level=Level.ERROR, count=1, first=NOON, last=NOON,
        )
        self.journal.append([raised("A-1", "shop", signal, NOON)])
        self.opened(
            "INC-1", "incident", "running", "incident.opened", ASKER, title="Checkout fails", severity="SEV3",
            project="shop",
        )
        test = {"id": "A-7", "text": "a test", "owner": MEMBER, "due": None, "assertion": "select true"}
        self.note("INC-1", "action.added", ASKER, **test)

    def note(self, about: str, what: str, actor: str = "stagedoor", /, **data: Any) -> None:
        self.journal.append([Fact(about=about, kind=what, actor=actor, data=data)])

    def opened(self, record: str, kind: str, stage: str, what: str, by: str, /, **data: Any) -> None:
        opens = Opening(kind=kind, project="shop", stage=stage)
        self.journal.append([Fact(about=record, kind=what, actor=by, data=data, opens=opens)])

    def _promotion(self, record: str, stage: str, fork: bool = False, **more: Any) -> None:
        more |= {"kind": "promotion", "plan": _plan(fork)}
        self.opened(record, "promotion", stage, "promotion.requested", ASKER, **more)
        self.note(record, "reviews.seen", authors=["Author-at-GitHub"], pulls=[])
        checks = (Check(gate="drift", title="No drift", state=State.WAITING, said="it differs", waivable=True),
                  Check(gate="in_order", title="In order", state=State.WAITING, said="it is not"))
        self.note(record, "gates.judged", checklist=[check.to_json() for check in checks])

    def _rollback(self, record: str, until: datetime | None) -> None:
        own = Rolling(of="P-4", severity=Severity.MAJOR, reason="it broke", steps=(), ground="g", until=until)
        self.opened(
            record, "rollback", "approval", "promotion.requested", ASKER, kind="rollback", plan=_plan(),
            rolling=own.to_json(),
        )
        self.note(record, "rollback.glass", people=[])


def _plan(fork: bool = False) -> Any:
    plan = Plan(
        project="shop", environment=Environment.PRODUCTION, head=None,
        files=tuple(
            PlannedFile(version=version, name="a", filename=f"{version}_a.sql", sha256="x", statements=1)
            for version in ("20261101120000", "20261101121500")
        ),
        source=Source(repository="o/r", branch="b", commit="c" * 40, pull=7, fork=True) if fork else None,
    )
    return json.loads(json.dumps(plan.to_json()))


def _soon(hours: int) -> str:
    return (NOON + timedelta(hours=hours)).isoformat()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = Office(tmp_path_factory.mktemp("office"))
    yield made
    made.journal.close()


Say: TypeAlias = Callable[[Office, str], object]
SPAN = Span(start=NOON + timedelta(hours=3), end=NOON + timedelta(hours=4))

VERBS: dict[str, tuple[frozenset[str], Say]] = {
    "promote": (MEMBERS, lambda o, by: o.requests.promote(by, o.project, (), "k")),
    "promote in an emergency": (RESCUERS, lambda o, by: o.requests.promote(by, o.project, (), "k", "it burns")),
    "promote a fork": (OPERATORS, lambda o, by: o.requests.promote(by, o.project, ("#7", "--fork"), "k")),
    "stage": (OPERATORS, lambda o, by: o.requests.stage(by, o.project, (), "k")),
    "restage": (OPERATORS, lambda o, by: o.requests.restage(by, o.project, ("20261101120000",), "k")),
    "baseline": (OPERATORS, lambda o, by: o.requests.baseline(by, o.project, "k")),
    "check": (MEMBERS, lambda o, by: o.requests.check(by, o.project, ())),
    "resume": (OPERATORS | APPROVERS, lambda o, by: o.requests.resume(by, "P-4", f"k {by}")),
    "resume a fork": (OPERATORS, lambda o, by: o.requests.resume(by, "P-5", f"k {by}")),
    "approve": (OTHERS, lambda o, by: o.promotions.approve(by, "P-1")),
    "waive": (OTHERS, lambda o, by: o.promotions.waive(by, "P-1", "drift", "known")),
    "reject": (APPROVERS, lambda o, by: o.promotions.reject(by, "P-1", "")),
    "cancel": (OPERATORS, lambda o, by: o.promotions.cancel(by, "P-1")),
    "confirm": (OPERATORS, lambda o, by: o.promotions.confirm(by, "P-1", "Edge cases tested")),
    "confirm an emergency's review": (
        OTHERS, lambda o, by: o.promotions.confirm(by, "P-3", "Pull request approved"),
    ),
    "be there": (APPROVERS, lambda o, by: o.promotions.attend(by, "P-2")),
    "read": (MEMBERS, lambda o, by: o.promotions.read(by, "P-1")),
    "schedule": (OPERATORS | APPROVERS, lambda o, by: o.timing.choices(by, "P-2")),
    "run now": (OPERATORS | APPROVERS, lambda o, by: o.timing.run_now(by, "P-2", "now")),
    "ask for a rollback": (RESCUERS, lambda o, by: o.rollbacks.ask(by, "P-4", "major", "broken", f"k {by}")),
    "sketch a rollback": (RESCUERS, lambda o, by: o.rollbacks.sketch(by, o.project, "P-4")),
    "sketch it from the card": (RESCUERS, lambda o, by: o.rollbacks.sketch_of(by, "P-4")),
    "approve a rollback": (APPROVERS - {ASKER}, lambda o, by: o.rollbacks.approve(by, "R-1")),
    "press a rollback": (APPROVERS | {ON_CALL}, lambda o, by: o.rollbacks.approve(by, "R-2")),
    "break the glass": (RESCUERS, lambda o, by: o.rollbacks.break_glass(by, "R-1", "nobody answers")),
    "reject a rollback": (APPROVERS, lambda o, by: o.rollbacks.reject(by, "R-1")),
    "cancel a rollback": (OPERATORS, lambda o, by: o.rollbacks.cancel(by, "R-1")),
    "see the calendar": (MEMBERS, lambda o, by: o.deploys.outlook(by, o.project)),
    "ask for the quietest hour": (OPERATORS, lambda o, by: o.deploys.quietest(by, o.project)),
    "announce a window": (OPERATORS, lambda o, by: o.deploys.window(by, o.project, "tomorrow 22:00 for 2h", "k")),
    "pick a window": (OPERATORS, lambda o, by: o.deploys.window_picked(by, o.project, SPAN, "", "k")),
    "cancel a window": (OPERATORS, lambda o, by: o.deploys.cancel(by, "W-1")),
    "freeze": (OPERATORS, lambda o, by: o.deploys.freeze(by, "shop", "an audit", f"k {by}")),
    "freeze everything": (OPERATORS, lambda o, by: o.deploys.freeze(by, "all", "an audit", f"k all {by}")),
    "freeze until": (OPERATORS, lambda o, by: o.deploys.freeze_until(by, "shop", "tomorrow 08:00 an audit", "k")),
    "unfreeze": (APPROVERS, lambda o, by: o.deploys.unfreeze(by, o.project, "F-1 it is over")),
    "list backups": (MEMBERS, lambda o, by: o.backups.listing(by, o.project)),
    "back up": (OPERATORS, lambda o, by: o.backups.now(by, o.project, "k")),
    "list kept rows": (MEMBERS, lambda o, by: o.restores.kept(by, o.project)),
    "put rows back": (OPERATORS, lambda o, by: o.restores.restore(by, o.project, "P-4", "k")),
    "acknowledge": (MEMBERS, lambda o, by: o.alerts.acknowledge(by, "A-1")),
    "mute": (OPERATORS, lambda o, by: o.alerts.mute(by, "A-1")),
    "see samples": (OPERATORS, lambda o, by: o.alerts.samples(by, "A-1")),
    "erase samples": (OPERATORS, lambda o, by: o.alerts.erase(by, "A-1")),
    "open an incident": (MEMBERS, lambda o, by: o.responding.open(by, "shop", "It burns", "SEV2", f"k {by}")),
    "read an incident": (MEMBERS, lambda o, by: o.responding.read(by, "INC-1")),
    "find incidents": (MEMBERS, lambda o, by: o.responding.found(by, "")),
    "note": (MEMBERS, lambda o, by: o.responding.note(by, "INC-1", "me too")),
    "run an incident": (OPERATORS | {ON_CALL}, lambda o, by: o.responding.resolve(by, "INC-1", "it is back")),
    "fill a report": (MEMBERS, lambda o, by: o.aftermath.fill(by, "INC-1", {"summary": "s"})),
    "hand over a report": (MEMBERS, lambda o, by: o.aftermath.hand_over(by, "INC-1", MEMBER)),
    "see the day": (MEMBERS, lambda o, by: o.aftermath.day(by)),
    "add a measure": (MEMBERS, lambda o, by: o.aftermath.add(by, "INC-1", "do it", "", None, "", f"k {by}")),
    "call a measure done": (OPERATORS | {MEMBER}, lambda o, by: o.aftermath.done(by, "INC-1:A-7")),
    "accept a test": (APPROVERS - {ASKER}, lambda o, by: o.aftermath.accept(by, "INC-1:A-7")),
    "withdraw a test": (APPROVERS, lambda o, by: o.aftermath.withdraw(by, "INC-1:A-7", "it is wrong")),
}


@pytest.mark.parametrize("verb", VERBS)
def test_who_may(office: Office, verb: str) -> None:
    _, say = VERBS[verb]
    assert {person for person in everybody if not _is_refused(say, office, person)} == VERBS[verb][0]


def _is_refused(say: Say, office: Office, person: str) -> bool:
    """Whether it is the person that is refused, and not what they asked for."""
    try:
        say(office, person)
    except (Refused, Unknown) as refused:
        return any(words in str(refused) for words in MAY_NOT)
    except (AttributeError, Unreachable):  # it went on to what this office does not have
        return False
    return False
