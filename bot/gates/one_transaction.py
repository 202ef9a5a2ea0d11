"""Every file runs in one transaction together with its history row; what cannot is the only statement of its file."""

from __future__ import annotations

from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence

NAME = "one_transaction"
"""Older than what it judges today, and public: `[gates] skip` names it."""
TITLE = "Runs in one transaction, or alone"


def check(evidence: Evidence) -> tuple[Check, ...]:
    """Refuses files that can neither go in whole with their row nor consist of one statement that has to run alone."""
    found = [
        f"{file.filename}: {evidence.obstacles[file.version]}"
        for file in evidence.plan.files
        if file.version in evidence.obstacles
    ]
    if found:
        return (_line(State.REFUSED, " ".join(found)),)
    alone = "; ".join(
        f"{file.version} is {evidence.alone[file.version]}, alone outside a transaction"
        for file in evidence.plan.files if file.version in evidence.alone
    )
    if not alone:
        return (_line(State.PASSED, "each file goes in whole or not at all"),)
    others = "; each other file goes in whole or not at all" if len(evidence.alone) < len(evidence.plan.files) else ""
    return (_line(State.PASSED, f"{alone}: if it fails, what it left is dropped again{others}"),)


def _line(state: State, said: str) -> Check:
    return Check(gate=NAME, title=TITLE, state=state, said=said)
