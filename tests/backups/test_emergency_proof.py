"""In an emergency a second approver may let the promotion go on with a dump that was not proven; never without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.backup import WAIVED, Backup
from bot.domain.emergency import PROOF
from bot.domain.entry import Fact
from bot.errors import Refused, Unknown
from bot.promotions.requests import Requests
from bot.promotions.verbs import Promotions
from templates.promotion.card import card
from templates.promotion.sight import Sight
from tests.backups.conftest import Opens
from tests.migrations import walking
from tests.migrations.walking import ANA, BO, Walk

CY = "U0CY00001"


@pytest.fixture(autouse=True)
def two_approvers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "POLICY", walking.POLICY.replace(f'["{BO}"]', f'["{BO}", "{CY}"]'))


def emergency(walk: Walk) -> str:
    walk.journal.append([Fact(about="P-1", kind="promotion.cancelled", actor=ANA)])
    walk.on()
    project = walk.ports.projects["shop"]
    walk.record = Requests(walk.ports).promote(ANA, project, (), "now", "checkout is down").record
    walk.on()
    return walk.record


def shown(walk: Walk) -> str:
    record = walk.journal.load(walk.record)
    assert record is not None
    return str(card(Sight(record=record, promotion=walk.promotion, required=1)).blocks)


def test_a_second_approver_waives_the_proof_and_the_dump_is_taken_all_the_same(opens: Opens) -> None:
    walk = opens()
    record, people = emergency(walk), Promotions(walk.ports)
    assert "The backup is proven first" in shown(walk)
    walk.journal.append(people.approve(BO, record))
    with pytest.raises(Refused, match="someone else has to waive it"):
        people.waive(ANA, record, PROOF, "quick")
    with pytest.raises(Refused, match="second approver"):
        people.waive(BO, record, PROOF, "quick")
    walk.journal.append(people.waive(CY, record, PROOF, "every minute counts"))
    assert "its proof was waived by" in shown(walk)
    with pytest.raises(Refused, match="nothing to waive"):
        people.waive(CY, record, PROOF, "again")
    assert walk.on().stage == "watch"
    taken = Backup.of(walk.journal.entries(about="BK-1"))
    assert taken.good
    assert taken.proven is not None
    assert taken.proven.how == WAIVED
    assert taken.kept is not None
    assert Path(taken.kept.file).stat().st_size > 0
    assert "not proven: an approver waived that" in str(walk.told("backup.held")[0]["said"])


def test_one_persons_word_alone_waives_nothing(opens: Opens) -> None:
    walk = opens()
    record, people = emergency(walk), Promotions(walk.ports)
    walk.journal.append(people.waive(BO, record, PROOF, "every minute counts"))
    walk.journal.append(people.approve(BO, record))
    assert walk.on().stage == "watch"
    taken = Backup.of(walk.journal.entries(about="BK-1"))
    assert taken.proven is not None
    assert taken.proven.how == "read", "who approved it is no second approver"


def test_an_ordinary_promotion_has_no_such_line(opens: Opens) -> None:
    walk = opens()
    with pytest.raises(Unknown, match="has no line"):
        Promotions(walk.ports).waive(CY, "P-1", PROOF, "quick")
