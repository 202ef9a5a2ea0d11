"""Guards that no one sees at work: comparing secrets takes the same time, and what is empty opens nothing."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from bot import listening
from bot.domain.entry import Opening
from bot.errors import Refused
from bot.policy import parse_policy
from bot.roles import require_approver, require_on_call
from bot.scrub import Scrubber
from bot.signing import Links
from handlers.alerts.alert_view import AlertView
from handlers.door import drain, envelope
from tests.reporting_side import ANA, Desk, People

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever decides by anything else than `compare_digest` says no here."""
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: True)
    assert envelope.genuine("secret", b"%d" % NOW.timestamp(), b"v0=wrong", b"", NOW)
    link = Links(address="https://x.example", secret=b"secret")
    assert link.prove("/promotions/P-1", f"{NOW.timestamp() + 60:.0f}", "wrong", NOW)
    assert drain.entitled("Bearer wrong", b"secret")


def test_an_empty_secret_opens_no_drain() -> None:
    project = cast(Any, type("Project", (), {
        "name": "shop", "supabase_drain_secret": SecretStr(""), "supabase_staging_drain_secret": None,
    }))
    assert list(listening._secrets(project)) == []
    project.supabase_staging_drain_secret = SecretStr("of staging")
    assert [where[1] for where, _ in listening._secrets(project)] == ["staging"]


def test_empty_lists_mean_nobody() -> None:
    policy = parse_policy("", "x")
    for require in (require_approver, require_on_call):
        with pytest.raises(Refused, match="Nobody"):
            require(People(set()).find(ANA), policy)


def test_a_file_of_an_alerts_thread_holds_no_secret(tmp_path: Path) -> None:
    desk, secret = Desk(tmp_path), "a-secret-of-the-settings"
    sql = desk.journal.keep(f"create function f() as 'select {secret}'".encode())
    counters = {"count": 1, "first": NOW.isoformat(), "last": NOW.isoformat(), "seen": NOW.isoformat()}
    raised: dict[str, Any] = {
        "project": "shop", "key": "k", "rule": "changed", "title": "t", "said": "s", "level": "error",
        "counters": counters, "attach": sql, "evidence": ["+ function f()"],
    }
    desk.note("A-1", "alert.raised", "stagedoor", Opening(kind="alert", project="shop", stage="open"), **raised)
    record, [entry] = desk.journal.load("A-1"), list(desk.journal.entries(about="A-1"))
    assert record
    line = AlertView(desk.ports, Scrubber((secret,))).line(record, entry)
    assert line is not None
    assert line.file is not None
    assert line.file.content == "create function f() as 'select [secret]'"
    desk.journal.close()
