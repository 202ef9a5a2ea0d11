"""A policy that changes while something waits: told at the start, and never loosened for what waits."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.stories.house import BO, CY, ERIN, POLICY, House

Opens = Callable[..., House]


def restarted(h: House, policy: str) -> None:
    h.end_bot()
    h.write_policy(policy)
    h.start_bot()


def test_names_that_slack_does_not_know_are_said_and_count_for_nothing(house: Opens) -> None:
    policy = POLICY.replace('["S0DBAPPR1"]', '["S0DBAPPR1", "U0NOBODY1"]')
    h = house(policy=policy + '[channels]\nincidents = "#no-such"\n')
    said = h.until(
        lambda: next((t for m in h.slack.messages() if "Slack does not know" in (t := h.slack.text_of(m))), None), "it",
    )
    assert "U0NOBODY1 (approvals.approvers)" in said
    assert "#no-such" in said
    notes = httpx.get(f"http://127.0.0.1:{h.bot_port}/readyz").json()
    assert notes["status"] == "ok"
    assert any("U0NOBODY1" in note for note in notes["notes"])


def told(h: House) -> str:
    return h.until(lambda: next(iter(notices(h)), None), "the notice")


def notices(h: House) -> list[str]:
    texts = [h.slack.text_of(message) for message in h.slack.messages()]
    return [text for text in texts if "The policy changed" in text]


@pytest.mark.slow
def test_a_stricter_policy_holds_for_what_waits(house: Opens) -> None:
    h = house()
    card = h.ready_to_approve()
    restarted(h, POLICY.replace("[approvals]", "[approvals]\nrequired = 2"))
    assert "approvals.required: 1 → 2" in told(h)
    h.presses(BO, card, "Approve")
    h.reads(card, "1 of 2")
    h.presses(CY, card, "Approve")
    h.reads(card, "Done · in production")


@pytest.mark.slow
def test_a_looser_policy_does_not(house: Opens) -> None:
    h = house(policy=POLICY.replace("[approvals]", "[approvals]\nrequired = 2"))
    card = h.ready_to_approve()
    looser = POLICY.replace('["S0DBAPPR1"]', f'["S0DBAPPR1", "{ERIN}"]')
    restarted(h, looser)
    assert "approvals.required: 2 → 1" in told(h)
    h.presses(ERIN, card, "Approve")
    h.told(ERIN, "not a listed approver")
    h.presses(BO, card, "Approve")
    assert "[Approve]" in h.reads(card, "1 of 2")
    restarted(h, looser)
    assert len(notices(h)) == 1
