"""An incident is opened once a cause, and its freeze holds everything but what ends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.entry import SYSTEM
from bot.incidents import records as incidents
from tests.deploying import ANA, RULES, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, RULES)
    yield made
    made.journal.close()


def test_the_same_alert_opens_one_incident(stage: Stage) -> None:
    first = incidents.opening(stage.ports, "shop", "Checkout fails", "SEV2", SYSTEM, alert="A-1")
    again = incidents.opening(stage.ports, "shop", "Checkout fails", "SEV2", ANA, alert="A-1")
    assert first[0].about == again[0].about == "INC-1"      # two at once: the same number
    stage.journal.append(first)
    stage.journal.append(again)
    assert incidents.opening(stage.ports, "shop", "Checkout fails", "SEV2", SYSTEM, alert="A-1") == ()
    known = incidents.opened_by(stage.ports, "A-1")
    assert known
    assert (known.incident.id, known.incident.by, known.incident.alert) == ("INC-1", SYSTEM, "A-1")
    assert known.incident.milestones["detected"] == stage.clock.now()
    other = incidents.opening(stage.ports, "shop", "Another", "SEV3", SYSTEM, alert="A-2")
    assert other[0].about == "INC-2"


def test_a_number_is_read_with_and_without_its_letters(stage: Stage) -> None:
    stage.journal.append(incidents.opening(stage.ports, "shop", "Checkout fails", "SEV2", ANA, key="command:1"))
    assert incidents.read(stage.ports, "inc-1").incident.title == "Checkout fails"
    assert incidents.read(stage.ports, "1").incident.title == "Checkout fails"
    with pytest.raises(incidents.Unknown, match=r"There is no incident INC-9\. Open: INC-1"):
        incidents.read(stage.ports, "INC-9")
