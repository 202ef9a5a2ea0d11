"""How an incident is walked: frozen, reminded of, switched, watched and closed, whatever dies in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.levers import Api, PolicyLevers
from bot.domain.entry import SYSTEM, Entry, Fact, Json, Opening
from bot.domain.incident import Incident
from bot.domain.person import Person
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.record import Status
from bot.errors import Refused
from bot.incidents import records as incidents
from bot.incidents import timeline
from bot.incidents.records import Beginning
from bot.incidents.verbs import Responding
from bot.runbooks import incident as runbook
from bot.runbooks.walker import Walker
from bot.windows import schedule
from tests.deploying import ANA, BO, CY, RULES, SAM, Killed, Mortal, People, Stage
from tests.levers.other_sides import Asked, OtherSide, Said

HEALTH = "https://shop.example/health"


class Health:
    trouble = ""

    def check(self, url: str) -> str | None:
        return self.trouble or None


class Leaving(People):
    """People, some of whom are gone."""

    def __init__(self, gone: set[str]) -> None:
        self._gone = gone

    def find(self, user: str) -> Person:
        return replace(super().find(user), full_member=user not in self._gone)


class Room(Stage):
    """A stage on which incidents walk too."""

    def __init__(self, path: Path, policy: str = RULES) -> None:
        super().__init__(path, policy)
        self.health = Health()
        self.gone: set[str] = set()
        self.ports = replace(self.ports, health=self.health, people=Leaving(self.gone))
        self.responding = Responding(self.ports)

    def walker(self, journal: Any = None) -> Walker:
        made = super().walker(journal)
        made._runbooks = {**made._runbooks, "incident": runbook.RUNBOOK}
        return made

    def opened(
        self, severity: str = "SEV2", title: str = "Checkout fails", key: str = "command:1", **more: Any,
    ) -> str:
        record, _ = self.responding.open(ANA, "shop", title, severity, key, **more)
        self.sweep()
        return record

    def now(self, record: str = "INC-1") -> Incident:
        return Incident.of(self.journal.entries(about=record))

    def noted(self, *kinds: str, record: str = "INC-1") -> list[Entry]:
        return self.entries(record, *kinds)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.journal.close()


def test_it_freezes_its_project_and_lets_go_when_resolved(room: Room) -> None:
    inc = room.opened()
    assert room.now().frozen_by == "F-1"
    room.promotion("P-7")
    assert room.started == []
    room.say(room.responding.resolve(ANA, inc, "the index is back"))
    room.sweep()
    assert room.record("F-1").status is Status.ENDED
    room.at("12:01")
    room.here("P-7")
    room.at("12:02")
    assert [name for name, _ in room.started] == ["P-7"]


def test_it_never_holds_what_ends_it(room: Room) -> None:
    inc = room.opened()
    room.promotion("P-7")                   # waits, and is before the others in line
    room.promotion("P-8")
    room.promotion("P-9")
    room.at("12:01")
    assert room.started == []
    room.say(room.responding.decide(ANA, inc, "hotfix", "a policy lets everybody read", "", "P-8", ["SEV2"]))
    room.at("12:02")
    room.here("P-8")
    room.at("12:03")
    assert [name for name, _ in room.started] == ["P-8"]
    incidents.open_for(room.ports, Beginning(
        project="shop", title="Emergency", severity="SEV1", by=CY, promotion="P-9", ends_it=True,
    ))
    assert Incident.of(room.journal.entries(about="INC-2")).lets_pass("P-9")
    held = schedule.calendar(room.ports, "shop", "P-9").closed_at(room.clock.now())
    assert held is not None                 # the first incident did not decide for it
    room.say(room.responding.resolve(ANA, inc, "the hotfix"))
    assert schedule.calendar(room.ports, "shop", "P-9").closed_at(room.clock.now()) is None
    assert schedule.calendar(room.ports, "shop", "P-7").closed_at(room.clock.now()) is not None


def test_a_person_who_lifts_the_freeze_is_not_overruled_and_reopening_freezes_again(room: Room) -> None:
    inc = room.opened("SEV1")
    room.say([Fact(about="F-1", kind="freeze.lifted", actor=BO, data={"reason": "it is not the database"})])
    room.at("12:10")
    assert room.journal.load("F-2") is None
    room.say(room.responding.resolve(ANA, inc, "done"))
    room.say(room.responding.reopen(ANA, inc))
    assert room.now().frozen_by == "F-2"
    room.say(room.responding.rate(ANA, inc, "SEV3", "hardly anybody"))
    assert room.record("F-2").status is Status.ENDED


def test_an_overdue_update_is_reminded_of_once(room: Room) -> None:
    inc = room.opened()
    room.say(room.responding.take_command(CY, inc, ""))
    due = room.clock.now() + timedelta(minutes=30)
    room.say(room.responding.update(CY, inc, "looking", "", due, 300))
    room.at("12:29")
    assert room.noted("incident.overdue") == []
    room.at("12:47")                        # nobody ran for a while: late, and it says so
    room.at("12:50")
    [reminder] = room.noted("incident.overdue")
    assert (reminder.data["who"], reminder.data["late"]) == (CY, 17 * 60.0)
    room.say(room.responding.update(CY, inc, "still", "", room.clock.now() + timedelta(minutes=10), None))
    room.at("13:05")
    assert len(room.noted("incident.overdue")) == 2
    assert room.now().people == 300


def test_a_commander_who_left_is_not_who_is_reminded(room: Room) -> None:
    inc = room.opened()
    room.say(room.responding.take_command(CY, inc, ""))
    room.say(room.responding.update(CY, inc, "looking", "", room.clock.now() + timedelta(minutes=5), None))
    room.gone.add(CY)
    room.at("12:06")
    assert [entry.data["who"] for entry in room.noted("incident.overdue")] == [""]


def test_it_is_watched_for_an_hour_and_says_what_it_saw(tmp_path: Path) -> None:
    room = Room(tmp_path, RULES + f'[watch]\nhealth = ["{HEALTH}"]\n')
    inc = room.opened()
    room.say(room.responding.resolve(ANA, inc, "rolled back"))
    room.at("12:20")
    room.health.trouble = "answered 503"
    room.at("12:30")
    room.at("12:31")
    assert [entry.data["what"] for entry in room.noted("incident.watch_saw")] == [f"{HEALTH} answered 503"]
    room.at("12:59")
    assert room.now().closed_at is None
    room.at("13:01")
    assert room.record(inc).stage == "report"
    assert room.now().closed_at
    room.say(room.responding.reopen(BO, inc))
    assert (room.record(inc).stage, room.now().status) == ("running", "investigating")
    room.journal.close()


def test_milestones_come_from_what_people_did(room: Room) -> None:
    inc = room.opened()
    room.at("12:05")
    room.say(room.responding.take_command(CY, inc, ""))
    room.at("12:25")
    room.say(room.responding.update(CY, inc, "it looks good", "watching", None, None))
    room.at("12:40")
    room.say(room.responding.resolve(CY, inc, "rolled back"))
    i = room.now()
    assert i.span("detected", "acknowledged") == timedelta(minutes=5)
    assert i.span("detected", "mitigated") == timedelta(minutes=25)
    assert i.span("detected", "resolved") == timedelta(minutes=40)


def test_two_who_take_command_at_the_same_moment(room: Room) -> None:
    inc = room.opened()
    first, second = room.responding.take_command(CY, inc, ""), room.responding.take_command(BO, inc, "")
    room.journal.append(first)
    room.journal.append(second)
    room.sweep()
    assert room.now().commander == CY
    with pytest.raises(Refused, match="Somebody else took command"):
        room.responding.take_command(BO, inc, "")
    with pytest.raises(Refused, match="You lead INC-1 already"):
        room.responding.take_command(CY, inc, CY)
    room.say(room.responding.take_command(BO, inc, CY))
    assert room.now().commander == BO
    with pytest.raises(Refused, match="operator"):
        room.responding.take_command(SAM, inc, BO)


def hooked(room: Room, url: str) -> None:
    policy = room.ports.projects["shop"].policy
    levers = PolicyLevers(policy, {"HOOK": f"{url}/hook"}, Api(vercel="", netlify="", github=""), room.clock)
    project = replace(room.ports.projects["shop"], levers=levers)
    room.ports = replace(room.ports, projects={"shop": project})
    room.responding = Responding(room.ports)


FLAG = RULES + '[flags.REGION]\nkind = "webhook"\nurl_env = "HOOK"\non = "true"\n'


def test_a_flag_is_switched_once_and_back(tmp_path: Path) -> None:
    room = Room(tmp_path, FLAG)
    with OtherSide(lambda asked: (200, {"before": "true"})) as side:
        hooked(room, side.url)
        inc = room.opened()
        twice = [room.responding.switch(ANA, inc, "REGION", "false", "webhook") for _ in range(2)]
        for facts in twice:
            room.journal.append(facts)
        room.sweep()
        room.say(twice[0])      # a third, who read the journal before the first was switched and wrote after that
        assert [each.body["to"] for each in side.asked] == ["false"]
        [switch] = room.now().switches
        assert (switch.state, switch.by, switch.in_force_at) == ("in_force", ANA, room.clock.now())
        with pytest.raises(Refused, match="nothing is done twice"):
            room.responding.switch(BO, inc, "REGION", "false", "webhook")
        room.say(room.responding.switch(BO, inc, "REGION", "true", "webhook"))
        assert [each.body["to"] for each in side.asked] == ["false", "true"]
    room.journal.close()


def test_what_has_to_be_built_is_followed_until_it_acts(tmp_path: Path) -> None:
    room, built = Room(tmp_path, FLAG), False

    def answer(asked: Asked) -> Said:
        if asked.method == "POST":
            return 202, {"status_url": f"{side.url}/status"}
        return (200, {"message": "it serves"}) if built else (202, {"message": "building"})

    with OtherSide(answer) as side:
        hooked(room, side.url)
        room.say(room.responding.switch(ANA, room.opened(), "REGION", "false", "webhook"))
        assert room.now().switches[0].state == "following"
        room.at("12:01")
        assert room.now().switches[0].in_force_at is None
        built = True
        room.at("12:03")
        assert room.now().switches[0].in_force_at == room.clock.now()
        assert len(room.noted("incident.following")) == 2       # begun, building
    room.journal.close()


@pytest.mark.slow
def test_killed_after_every_write_nothing_is_lost_and_nothing_happens_twice(tmp_path: Path) -> None:
    for writes in range(1, 40):
        room = Room(tmp_path / str(writes), FLAG)
        with OtherSide(lambda asked: (200, {"before": "true"})) as side:
            hooked(room, side.url)
            inc, _ = room.responding.open(ANA, "shop", "Checkout fails", "SEV1", "command:1")
            room.journal.append(room.responding.switch(ANA, inc, "REGION", "false", "webhook"))
            due = room.clock.now() + timedelta(minutes=1)
            room.journal.append(room.responding.update(ANA, inc, "looking", "", due, None))
            mortal, died = Mortal(room.journal, writes), False
            for minute in ("12:00", "12:02"):
                try:
                    room.clock.forward(seconds=0 if minute == "12:00" else 120)
                    room.sweep(mortal)
                except Killed:
                    died = True
            room.sweep()
            room.say(room.responding.resolve(ANA, inc, "done"))
            room.clock.forward(seconds=3700)
            with suppress(AssertionError):
                room.sweep()
            for kind in ("incident.told", "incident.froze", "incident.overdue", "incident.switched", "incident.closed"):
                assert len(room.noted(kind)) == 1, (writes, kind)
            assert {each.headers["idempotency-key"] for each in side.asked} == {room.now().switches[0].id}
            assert room.record("F-1").status is Status.ENDED
        room.journal.close()
        if not died:
            assert writes > 8
            return
    raise AssertionError("it never came to its end")


def test_texts_that_were_edited_or_deleted_are_erased_where_the_policy_keeps_none(tmp_path: Path) -> None:
    room = Room(tmp_path, RULES + "[incidents]\nkeep_edited = false\n")
    inc, at = room.opened(), room.clock.now().isoformat()
    told: dict[str, Json] = {
        "message": "C1:1.0", "at": at, "version": "1.0", "source": "thread", "author": BO, "files": [],
    }
    room.say([Fact(about=inc, kind="incident.noted", actor=BO, data=told, private="call 0170 123")])
    room.say([Fact(about=inc, kind="incident.edited", actor=BO, data={"entry": "C1:1.0", "version": "1.5"},
                   private="call me")])
    [note] = room.now().timeline()
    assert [room.journal.private(version.entry) for version in note.versions] == [None, "call me"]
    room.say([Fact(about=inc, kind="incident.redacted", actor=BO, data={"entry": "C1:1.0"})])
    assert [room.journal.private(version.entry) for version in note.versions] == [None, None]
    assert len(room.noted("journal.redacted")) == 2
    room.journal.close()


def test_what_changed_names_only_what_went_in(room: Room) -> None:
    files = tuple(
        PlannedFile(version=version, name=name, filename=f"{version}_{name}.sql", sha256="x", statements=1)
        for version, name in (("1", "goes_in"), ("2", "does_not"))
    )
    plan = Plan(project="shop", environment=Environment.PRODUCTION, head=None, files=files)
    data = {"kind": "promotion", "plan": json.loads(json.dumps(plan.to_json()))}
    opens = Opening(kind="promotion", project="shop", stage="apply")
    room.journal.append([Fact(about="P-1", kind="promotion.requested", actor=ANA, data=data, opens=opens)])
    happened: tuple[tuple[str, dict[str, Json]], ...] = (
        ("apply.attempt", {"attempt": "a", "version": "1"}),
        ("apply.committed", {"version": "1", "seconds": 0.1, "statements": 1}),
        ("apply.attempt", {"attempt": "b", "version": "2"}),
        ("apply.failed", {"version": "2", "why": "2 does_not failed at statement 1", "statement": 1, "line": 1,
                          "sqlstate": "23502", "clean": True}),
    )
    for kind, more in happened:
        room.journal.append([Fact(about="P-1", kind=kind, actor=SYSTEM, data=more)])
    said = [str(each["what"]) for each in timeline.changed_before(room.ports, "shop", room.clock.now())]
    assert sorted(said) == ["Production changed: 1 goes_in", "Stopped: 2 does_not failed at statement 1"]
    inc = room.opened(promotion="P-1")
    assert "P-1 changed production last: 1 goes_in." in room.responding.bearing(room.now(inc))


def test_the_thread_opens_with_what_changed_and_what_was_alike(room: Room) -> None:
    room.opened()
    room.say(room.responding.resolve(ANA, "INC-1", "the index was put back"))
    window = room.announce("2026-11-25 02:00 for 2h")
    room.responding.open(BO, "shop", "The checkout fails again", "SEV3", "command:2")
    room.sweep()
    second = Incident.of(room.journal.entries(about="INC-2"))
    assert [(each["record"], each["fixed_by"]) for each in second.similar] == [
        ("INC-1", "the index was put back"),
    ]
    incidents.open_for(room.ports, Beginning(
        project="shop", title="Checkout fails for signed-in readers", severity="SEV2", by=SYSTEM, alert="A-1",
    ))
    room.sweep()
    third = Incident.of(room.journal.entries(about="INC-3"))
    assert window not in {each["record"] for each in third.changes}      # it is yet to come
    assert "INC-1" in {each["record"] for each in third.similar}
