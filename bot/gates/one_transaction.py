"""Every file runs in one transaction together with its history row: all of it is in, or nothing."""

from __future__ import annotations

from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence

TITLE = "Runs in one transaction"


def check(evidence: Evidence) -> tuple[Check, ...]:
    """Refuses files whose own transaction control, or whose kind of statement, breaks all-or-nothing."""
    found = [
        f"{file.filename}: {evidence.obstacles[file.version]}"
        for file in evidence.plan.files
        if file.version in evidence.obstacles
    ]
    if found:
        return (Check(gate="one_transaction", title=TITLE, state=State.REFUSED, said=" ".join(found)),)
    return (
        Check(gate="one_transaction", title=TITLE, state=State.PASSED, said="each file goes in whole or not at all"),
    )
