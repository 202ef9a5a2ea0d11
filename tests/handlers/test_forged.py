"""Buttons that carry something else than they were drawn with: an answer, and no word for another record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bot.errors import StagedoorError
from bot.scrub import Scrubber
from handlers.conversation import Ask, Subject, together
from handlers.incidents.report_desk import ReportDesk
from handlers.migrations.promotion_view import PromotionView
from handlers.subjects import subjects
from tests.test_who_may import APPROVER, ASKER, MEMBER, OPERATOR, STRANGER, Office

RECORDS = ("P-1", "P-2", "R-1", "W-1", "F-1", "A-1", "INC-1", "S-9")
VALUES = (
    *RECORDS, *(f"{record}:{rest}" for record in RECORDS for rest in ("", "drift", "command:", "A-7", "report", "0")),
    "", ":", "::", "@C0DEPLOYS", "../../etc/passwd", "P-1' or '1'='1", "{}", "[]", "null", "x" * 2000, "\u202e",
    "INC-1:A-7:more",
)


class Reading:
    """What Slack would answer about messages."""

    def permalink(self, channel: str, ts: str, thread: str = "") -> str:
        return ""

    def message(self, channel: str, ts: str) -> dict[str, Any] | None:
        return None

    def kept(self, files: object) -> list[Any]:
        return []


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = Office(tmp_path_factory.mktemp("office"))
    yield made
    made.journal.close()


@pytest.fixture(scope="module")
def spoken(office: Office) -> Subject:
    scrub = Scrubber(())
    view = PromotionView(office.ports, scrub)
    return together(subjects(office.ports, view, lambda name: name, Reading(), ReportDesk(office.ports, scrub)))


def asks(spoken: Subject, user: str) -> Iterator[tuple[Any, Ask]]:
    common: dict[str, Any] = {"user": user, "team": "T", "channel": "C1", "trigger": "t", "message": "1.0"}
    for name, handler in spoken.actions.items():
        for value in VALUES:
            yield handler, Ask(key=f"{name}{value}{user}", kind="action", name=name, value=value, **common)


@pytest.mark.parametrize("user", [STRANGER, MEMBER, OPERATOR, APPROVER, ASKER])
def test_whatever_they_carry_it_is_answered_and_about_nothing_else(office: Office, spoken: Subject, user: str) -> None:
    faults = set()
    for handler, ask in asks(spoken, user):
        try:
            reply = handler(ask)
        except StagedoorError:
            continue
        except Exception as fault:
            faults.add((ask.name, repr(fault)))
            continue
        for fact in reply.facts:
            if user == STRANGER or (fact.kind == "promotion.approved" and not fact.about.startswith("P-")):
                faults.add((ask.name, f"{fact.kind} of {fact.about}"))
    assert not faults, "\n".join(sorted(map(str, faults)))
