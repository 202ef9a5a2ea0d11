"""What only a person can have checked: the policy's manual lines, ticked with `Confirm`."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence

TITLE = "Confirmed by a person"


FRONTEND = "Frontend tested with staging"
"""The label that a browser can stand for: it opened every staging page of the policy and nothing complained."""


def check(evidence: Evidence) -> tuple[Check, ...]:
    """One line for each of the policy's labels."""
    return tuple(_browsed(tick("manual", label, evidence), evidence) for label in evidence.manual)


def _browsed(line: Check, evidence: Evidence) -> Check:
    """What a browser saw is told while a person is asked, and stands for one where all was well."""
    if line.label != FRONTEND or line.state is State.PASSED or not evidence.pages:
        return line
    wrong = [visit.said for visit in evidence.pages if not visit.well]
    if wrong:
        return replace(line, said=f"not confirmed yet; {'; '.join(wrong[:3])}")
    if not all(visit.browser for visit in evidence.pages):
        return replace(line, said="not confirmed yet; the pages answer, but no browser opened them")
    count = len(evidence.pages)
    said = f"{count} page{'' if count == 1 else 's'} opened in a browser: no console errors, no failed requests"
    return replace(line, state=State.PASSED, said=said)


def tick(gate: str, label: str, evidence: Evidence) -> Check:
    """The line of one label: who ticked it and when, or that it waits for somebody."""
    given = evidence.ticks.get(label)
    if given is None:
        return Check(gate=gate, title=label, state=State.WAITING, said="not confirmed yet", label=label)
    return Check(gate=gate, title=label, state=State.PASSED, said="", label=label, by=given.by, at=given.at)
