"""Two incidents that are one: the later one ends there and then, lets go, owes nothing, and loses no word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.entry import Fact
from bot.domain.record import Status
from bot.errors import Refused
from bot.incidents.same import Joining
from handlers.incidents.reports import gathered
from tests.deploying import ANA, BO, SAM
from tests.incidents.test_incident_runbook import Room


class Two(Room):
    """A stage with a SEV3 and, a minute later, a SEV1 about the same."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.joining = Joining(self.ports, self.responding)
        for number, severity in enumerate(("SEV3", "SEV1"), start=1):
            self.responding.open(ANA, "shop", f"Trouble {number}", severity, f"command:{number}")
            self.sweep()
            self.at(f"11:0{number}")
        self.say(self.responding.note(SAM, "INC-2", "the pool is empty"))


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path)
    yield made
    made.journal.close()


def test_it_ends_lets_go_and_owes_no_report(two: Two) -> None:
    assert two.now("INC-2").frozen_by
    assert [each.id for each in two.joining.others(BO, two.now("INC-2"))] == ["INC-1"]
    two.say(two.joining.join(BO, "INC-2", "INC-1", "both are the pool"))
    two.sweep()
    assert two.record("INC-2").status is Status.ENDED
    assert not two.now("INC-2").frozen_by
    assert two.now("INC-2").fixed_by == "the same as INC-1"
    assert two.now("INC-2").draft.due is None
    assert two.noted("report.begun", record="INC-2") == []
    assert two.now("INC-1").open
    report = gathered(two.journal, two.journal, "INC-1")
    assert any(line.what == "INC-2: the pool is empty" and line.who == SAM for line in report.timeline)
    assert any("INC-2 is the same: Trouble 2" in line.what for line in report.timeline)
    for again in (lambda: two.joining.join(BO, "INC-2", "INC-1"), lambda: two.responding.reopen(BO, "INC-2")):
        with pytest.raises(Refused, match="the same as INC-1"):
            again()


def test_also_after_it_was_resolved_while_its_report_is_due(two: Two) -> None:
    two.say(two.responding.resolve(BO, "INC-2", "it went away"))
    two.sweep()
    assert two.noted("report.begun", record="INC-2")
    two.say(two.joining.join(BO, "INC-2", "INC-1"))
    two.sweep()
    assert two.record("INC-2").status is Status.ENDED
    assert two.now("INC-2").fixed_by == "it went away"
    two.at("23:59")
    assert two.noted("report.reminded", record="INC-2") == []


def test_only_what_belongs_together_becomes_one(two: Two) -> None:
    with pytest.raises(Refused, match="INC-1 is itself"):
        two.joining.join(BO, "INC-1", "INC-1")
    with pytest.raises(Refused, match="operator"):
        two.joining.join(SAM, "INC-2", "INC-1")
    secret, _ = two.responding.open(ANA, "shop", "Keys leaked", "SEV1", "command:3", private=True, channel="C0KEYS")
    two.sweep()
    assert [each.id for each in two.joining.others(ANA, two.now("INC-1"))] == ["INC-2"]
    for one, other in ((secret, "INC-1"), ("INC-1", secret)):
        with pytest.raises(Refused, match="private"):
            two.joining.join(ANA, one, other)
    two.say(two.joining.join(BO, "INC-2", "INC-1"))
    with pytest.raises(Refused, match="Name that one"):
        two.joining.join(BO, "INC-1", "INC-2")
    two.say([Fact(about="INC-1", kind="report.published", actor=BO)])
    assert two.now("INC-1").took_in == ("INC-2",)
