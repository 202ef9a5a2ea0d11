"""Applied migrations are never edited, and a planned file is still the one that was asked for."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.baseline import Kind
from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence
from bot.domain.migration import Match

TITLE = "Not modified"


def check(evidence: Evidence) -> tuple[Check, ...]:
    """Refuses a plan whose bytes changed since, and any folder in which an applied file was edited."""
    if evidence.local is None:
        return (_line(State.UNKNOWN, f"Could not read the migration files: {evidence.unread.get('files', '')}"),)
    if changed := _changed(evidence):
        return (_line(State.REFUSED, changed),)
    if evidence.target is None:
        return (
            _line(State.UNKNOWN, f"Could not compare: {evidence.unread.get('target', 'the database did not answer')}"),
        )
    planned = {file.version for file in evidence.plan.files}
    edited = [
        row
        for row in evidence.target
        if row.match is Match.EDITED
        and row.version not in planned
        and not evidence.is_accepted(Kind.EDITED, row.version)
    ]
    if edited:
        names = ", ".join(f"{row.version} {row.name}".rstrip() for row in edited)
        return (
            _line(
                State.REFUSED, f"Edited after it was applied: {names}. Put the applied file back; make a new migration."
            ),
        )
    unclear = sum(
        row.match is Match.CANNOT_TELL and not evidence.is_accepted(Kind.UNKNOWN, row.version)
        for row in evidence.target
    )
    note = f"; {unclear} older ones cannot be compared, their history row keeps no statements" if unclear else ""
    return (replace(_line(State.PASSED, f"applied files are as they were{note}"), as_of=evidence.files_as_of),)


def _changed(evidence: Evidence) -> str:
    assert evidence.local is not None
    for file in evidence.plan.files:
        now = evidence.local.get(file.version)
        if now is None:
            return f"{file.filename} is no longer in the migrations folder. Ask again once the folder is settled."
        if now != file.sha256:
            found = f"{file.filename} changed after it was asked for, so every approval of it is void"
            return f"{found}. Check it on staging and ask again."
    return ""


def _line(state: State, said: str) -> Check:
    return Check(gate="not_modified", title=TITLE, state=state, said=said)
