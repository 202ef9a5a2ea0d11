"""Staging first: the very bytes that go to production ran on staging before."""

from __future__ import annotations

from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence, Row
from bot.domain.migration import Match
from bot.domain.plan import PlannedFile

TITLE = "On staging"


def check(evidence: Evidence) -> tuple[Check, ...]:
    """One line over all files of the plan: the weakest of them decides."""
    if evidence.staging is None:
        return (
            _line(State.UNKNOWN, f"Could not check staging: {evidence.unread.get('staging', 'it did not answer')}"),
        )
    rows = {row.version: row for row in evidence.staging}
    found = [_judge(file, rows[file.version], evidence) for file in evidence.plan.files if file.version in rows]
    if missing := [file for file in evidence.plan.files if file.version not in rows]:
        found.append((State.WAITING, _missing(missing)))
    for state in (State.REFUSED, State.UNKNOWN, State.WAITING):
        if objections := [said for seen, said in found if seen is state]:
            return (_line(state, " ".join(objections)),)
    return (_passed(evidence, [said for _, said in found]),)


def _missing(files: list[PlannedFile]) -> str:
    versions = " ".join(file.version for file in files)
    what = f"{files[0].label} is" if len(files) == 1 else f"{len(files)} files are"
    return f"{what} not there yet. Put {'it' if len(files) == 1 else 'them'} there: `/migrate stage {versions}`"


def _judge(file: PlannedFile, row: Row, evidence: Evidence) -> tuple[State, str]:
    staged = evidence.staged.get(file.version)
    if staged and staged.sha256 == file.sha256:
        if evidence.gathered - staged.at > evidence.expires:
            old = f"Staging ran {file.label} longer than {evidence.expires.days} days ago (gates.evidence_expires)."
            return State.WAITING, f"{old} Have it verified there again: `/migrate stage {file.version}`"
        if row.match is Match.EDITED:
            return State.REFUSED, f"Staging's history holds other statements for {file.label} than Stagedoor ran there."
        return State.PASSED, "by Stagedoor"
    if row.match is Match.SAME:
        return State.PASSED, "by somebody else"
    if row.match is Match.CANNOT_TELL:
        return State.UNKNOWN, f"Could not check {file.label}: staging's history keeps no statements for it."
    return State.REFUSED, f"Staging ran other statements as {file.label} than the file holds now."


def _passed(evidence: Evidence, seen: list[str]) -> Check:
    if all(said == "by Stagedoor" for said in seen):
        runs = [evidence.staged[file.version] for file in evidence.plan.files]
        took = sum(run.seconds for run in runs) * 1000
        head = evidence.staged[evidence.plan.files[0].version].head
        until = min(run.at for run in runs) + evidence.expires
        said = f"same bytes, verified, took {took:.0f} ms there{f' on top of {head}' if head else ''}"
        at = max(run.at for run in runs)
        return Check(gate="on_staging", title=TITLE, state=State.PASSED, said=said, at=at, until=until)
    return _line(
        State.PASSED,
        "same statements in staging's history; applied there by someone else, so Stagedoor did not see it run",
    )


def _line(state: State, said: str) -> Check:
    return Check(gate="on_staging", title=TITLE, state=state, said=said)
