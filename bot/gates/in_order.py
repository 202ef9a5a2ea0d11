"""Migrations go in by version, one after the other, on the head that was approved."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.baseline import Kind
from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence, Row

TITLE = "In order"


def check(evidence: Evidence) -> tuple[Check, ...]:
    """Refuses a moved head, rows without a file, files out of order and files left out in between."""
    where = str(evidence.plan.environment)
    if evidence.target is None:
        return (
            _line(
                State.UNKNOWN, f"Could not read {where}'s history: {evidence.unread.get('target', 'it did not answer')}"
            ),
        )
    if evidence.local is None:
        return (_line(State.UNKNOWN, f"Could not read the migration files: {evidence.unread.get('files', '')}"),)
    if objection := _objection(evidence, where):
        return (_line(State.REFUSED, objection),)
    head, ahead = evidence.plan.head, evidence.ahead
    said = f"{where} is at {head}" if head else f"{where} has no migrations yet"
    if ahead and ahead.brings:
        said = f"goes in after {ahead.record}, which brings {', '.join(ahead.brings)}"
    return (replace(_line(State.PASSED, said), as_of=evidence.files_as_of),)


def _objection(evidence: Evidence, where: str) -> str:
    assert evidence.target is not None
    assert evidence.local is not None
    ahead = evidence.ahead
    if ahead and ahead.brings and not ahead.live:
        return f"{ahead.record}, which this was to follow, ended without {', '.join(ahead.brings)}. Ask again."
    applied = [*(row.version for row in evidence.target), *(ahead.brings if ahead else ())]
    expected = evidence.applied[-1] if evidence.applied else evidence.plan.head
    head = max(applied, default=None)
    if head != expected:
        was = f"{where.capitalize()} moved: it is at {head or 'nothing'}"
        return f"{was}, the plan was made for {expected or 'an empty history'}. Ask again."
    if missing := [f"{row.version} {row.name}".rstrip() for row in _fileless(evidence)]:
        known = f"{where.capitalize()} has {', '.join(missing)}"
        return f"{known}, without a file here. Bring it back, or accept it: /migrate baseline."
    planned = [file.version for file in evidence.plan.files]
    pending = [
        version
        for version in evidence.local
        if version not in set(applied) and not evidence.is_accepted(Kind.NEVER, version)
    ]
    early = [version for version in pending if head and version < head and version not in evidence.applied]
    if early:
        found = f"Out of order: {', '.join(early)} {_is(early)} older than {where}'s head {head}"
        return f"{found}. Give {_it(early)} a newer version."
    left_out = [version for version in pending if version < max(planned) and version not in planned]
    if left_out:
        found = f"{', '.join(left_out)} would be left out and could then never go in order"
        return f"{found}. Promote {_it(left_out)} too, or first."
    return ""


def _fileless(evidence: Evidence) -> list[Row]:
    return [
        row
        for row in evidence.target or ()
        if row.match is None
        and row.version not in evidence.elsewhere
        and not evidence.is_accepted(Kind.MISSING, row.version)
    ]


def _is(items: list[str]) -> str:
    return "is" if len(items) == 1 else "are"


def _it(items: list[str]) -> str:
    return "it" if len(items) == 1 else "them"


def _line(state: State, said: str) -> Check:
    return Check(gate="in_order", title=TITLE, state=state, said=said)
