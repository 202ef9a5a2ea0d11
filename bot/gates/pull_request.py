"""The pull request was reviewed and approved; without GitHub's word a person gives theirs."""

from __future__ import annotations

from bot.domain.checklist import Check
from bot.domain.evidence import Evidence
from bot.gates.manual import tick

TITLE = "Pull request approved"


def check(evidence: Evidence) -> tuple[Check, ...]:
    """A manual tick."""
    return (tick("pull_request", TITLE, evidence),)
