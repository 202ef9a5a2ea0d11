"""What broke once does not break again: the tests that incidents left behind hold on staging and in production."""

from __future__ import annotations

from bot.domain.checklist import Check, State
from bot.domain.evidence import Asserted, Evidence

TITLE = "Tests for what broke"
NAME = "what_broke"


def check(evidence: Evidence) -> tuple[Check, ...]:
    """One line over all tests, and none where there are none. On staging they meet the plan's own files."""
    tests = evidence.asserted
    if not tests:
        return ()
    if unknown := [_told(test, f"could not be asked: {test.why}") for test in tests if test.holds is None]:
        return (_waived(_line(State.UNKNOWN, " ".join(unknown)), evidence),)
    if broken := [_told(test, "does not hold") for test in tests if test.holds is False]:
        return (_waived(_line(State.WAITING, " ".join(broken)), evidence),)
    count = len({(test.incident, test.measure) for test in tests})
    said = f"{count} test{'' if count == 1 else 's'} of earlier incidents hold{'s' if count == 1 else ''} on both sides"
    return (Check(gate=NAME, title=TITLE, state=State.PASSED, said=said),)


def _told(test: Asserted, what: str) -> str:
    return f"{test.measure} of {test.incident} ({test.text.rstrip('.')}) {what.rstrip('.')} in {test.where}."


def _line(state: State, said: str) -> Check:
    return Check(gate=NAME, title=TITLE, state=state, said=said, waivable=True)


def _waived(check: Check, evidence: Evidence) -> Check:
    """A waiver counts for just what was said when it was given."""
    waiver = evidence.waivers.get(NAME)
    if waiver is None or waiver.said != check.said:
        return check
    said = f"waived: {waiver.reason} Without that: {check.said}"
    return Check(gate=NAME, title=TITLE, state=State.PASSED, said=said, by=waiver.by, at=waiver.at)
