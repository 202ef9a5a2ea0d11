"""A policy that is changed between a request and its use: what is stricter of the two holds, key by key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.entry import Json
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.risks import Ran, Unread
from bot.policy import Policy, parse_policy
from bot.policy.terms import stricter, terms
from bot.roles import required_approvals

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STRICT = """
[approvals]
approvers = ["U0BO00001", "U0CY00001"]
required = 2
required_destructive = 3
requester_may_approve = false
expire_after = "24h"
[gates]
manual = ["Edge cases tested", "Exports work"]
skip = []
evidence_expires = "1d"
[backups]
when = "always"
keep_rows = true
"""
LOOSE = """
[approvals]
approvers = ["U0BO00001", "U0CY00001", "U0ANA0001"]
required = 1
required_destructive = 1
requester_may_approve = true
expire_after = "72h"
[gates]
manual = []
skip = ["drift"]
evidence_expires = "7d"
[backups]
when = "never"
keep_rows = false
"""
HOLDS: dict[str, tuple[Callable[[Policy], object], object]] = {
    "approvers": (lambda p: p.approvals.approvers, ("U0BO00001", "U0CY00001")),
    "required": (lambda p: p.approvals.required, 2),
    "required_destructive": (lambda p: p.approvals.required_destructive, 3),
    "requester_may_approve": (lambda p: p.approvals.requester_may_approve, False),
    "expire_after": (lambda p: p.approvals.expire_after, timedelta(hours=24)),
    "manual": (lambda p: p.gates.manual, ("Edge cases tested", "Exports work")),
    "skip": (lambda p: p.gates.skip, ()),
    "evidence_expires": (lambda p: p.gates.evidence_expires, timedelta(days=1)),
    "backups.when": (lambda p: p.backups.when, "always"),
    "backups.keep_rows": (lambda p: p.backups.keep_rows, True),
}


@pytest.mark.parametrize("key", HOLDS)
@pytest.mark.parametrize(("then", "now"), [(STRICT, LOOSE), (LOOSE, STRICT), (STRICT, STRICT)])
def test_the_stricter_of_then_and_now_holds(key: str, then: str, now: str) -> None:
    read, strict = HOLDS[key]
    assert read(stricter(parse_policy(now, "x"), terms(parse_policy(then, "x")))) == strict


def test_what_destroys_or_opens_or_cannot_be_read_takes_more_people() -> None:
    policy = parse_policy(STRICT, "x")

    def needs(way_back: dict[str, Json] | None = None, ran: tuple[Ran, ...] = (), **changes: Any) -> int:
        file = PlannedFile(version="1", name="a", filename="1_a.sql", sha256="x", statements=1, **changes)
        plan = Plan(project="shop", environment=Environment.PRODUCTION, head=None, files=(file,))
        return required_approvals(Promotion(
            id="P-1", kind="promotion", plan=plan, requested_by="U0ANA0001", requested_at=NOW,
            way_back=way_back or {}, ran={"1": ran} if ran else {},
        ), policy)

    unread = (Unread(line=3, said="calls f"), Unread(line=5, said="calls g"))
    well, ill = (tuple(Ran(line=at, did="", harmless=at < most) for at in (3, 5)) for most in (9, 5))
    assert needs() == 2
    assert needs(risks=("drops books.title",)) == 3
    assert needs({"lost": ["books.title"]}) == 3, "what its trial on staging found"
    assert needs(unread=unread) == 3
    assert needs(unread=unread, ran=ill) == 3
    assert needs(unread=unread, ran=well) == 2, "staging has shown each of them"
    assert needs(unread=(*unread, Unread(line=7, said="calls h")), ran=well) == 3
