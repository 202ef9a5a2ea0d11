"""An incident is opened once a cause, and its freeze holds everything but what ends it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.domain.entry import SYSTEM
from bot.errors import Unknown
from bot.incidents import records as incidents
from bot.incidents.records import Beginning
from tests.deploying import ANA, RULES, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, RULES)
    yield made
    made.journal.close()


def test_the_same_alert_opens_one_incident(stage: Stage) -> None:
    alert = Beginning(project="shop", title="Checkout fails", severity="SEV2", by=SYSTEM, alert="A-1")
    with ThreadPoolExecutor(4) as pool:     # of several at once one opens it
        opened = list(pool.map(lambda _: incidents.open_for(stage.ports, alert), range(8)))
    assert sorted(opened) == [("INC-1", False)] * 7 + [("INC-1", True)]
    known = incidents.opened_by(stage.ports, "A-1")
    assert known
    assert (known.incident.id, known.incident.by, known.incident.alert) == ("INC-1", SYSTEM, "A-1")
    assert known.incident.milestones["detected"] == stage.clock.now()
    other = Beginning(project="shop", title="Another", severity="SEV3", by=SYSTEM, alert="A-2")
    assert incidents.open_for(stage.ports, other) == ("INC-2", True)


def test_a_number_is_read_with_and_without_its_letters(stage: Stage) -> None:
    asked = Beginning(project="shop", title="Checkout fails", severity="SEV2", by=ANA, key="command:1")
    for _ in range(2):      # worked on again after a crash, it is the same
        assert incidents.open_for(stage.ports, asked) == ("INC-1", True)
    assert incidents.read(stage.ports, "inc-1").incident.title == "Checkout fails"
    assert incidents.read(stage.ports, "1").incident.title == "Checkout fails"
    with pytest.raises(Unknown, match=r"There is no incident INC-9\. Open: INC-1"):
        incidents.read(stage.ports, "INC-9")
