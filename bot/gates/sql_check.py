"""Nothing in the SQL is known to lock, lose or open what it should not; or an approver answers for it."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence
from bot.domain.finding import Finding, Level, Report

TITLE = "SQL check"
NAME = "sql_check"
TOLD = 3
"""Blocks that are told in full on the card; `/migrate check` tells the rest."""


def check(evidence: Evidence) -> tuple[Check, ...]:
    """Blocks hold the promotion; warnings, notes and what the authors passed over are shown to those who approve."""
    report = evidence.lint
    if report is None:
        return (_line(State.UNKNOWN, "Could not check the SQL."),)
    blocks = report.counted(Level.BLOCK)
    if not blocks:
        return (_line(State.PASSED, f"nothing blocks{_rest(report)}"),)
    versions = " ".join(dict.fromkeys(finding.file.partition("_")[0] for finding in blocks))
    onward = f"Write it safely (`/migrate check {versions}` says how), or have it waived"
    if stuck := sorted({finding.rule for finding in blocks if not finding.waivable}):
        onward = f"Mend it (`/migrate check {versions}` says how): {', '.join(stuck)} cannot be waived"
    said = f"{len(blocks)} block{'' if len(blocks) == 1 else 's'}{_rest(report)}. {_told(blocks)} {onward}."
    waiting = _line(State.WAITING, said, waivable=not stuck)
    return (_waived(waiting, blocks, evidence),)


def _told(blocks: list[Finding]) -> str:
    """The first ones in full, the others by name, so that a waiver is for every one of them."""
    full = [f"{_key(finding)}: {finding.why.replace('`', chr(39))}" for finding in blocks[:TOLD]]
    more = ", ".join(map(_key, blocks[TOLD:]))
    return " ".join(full) + (f" And {more}." if more else "")


def _key(finding: Finding) -> str:
    return f"{finding.file} line {finding.line}, {finding.rule}"


def _rest(report: Report) -> str:
    """`, 1 warning, 2 notes`, and what was passed over with whose reason."""
    warnings, notes = len(report.counted(Level.WARN)), len(report.counted(Level.NOTE))
    said = f", {warnings} warning{'' if warnings == 1 else 's'}" if warnings else ""
    said += f", {notes} note{'' if notes == 1 else 's'}" if notes else ""
    passed = [
        f"{', '.join(one.rules)} on line {one.line} of {file}: {one.reason.replace('`', chr(39)) or 'no reason given'}"
        for file, one in report.ignores
    ]
    return f"{said}. Passed over by its author: {'; '.join(passed)}" if passed else said


def _waived(check: Check, blocks: list[Finding], evidence: Evidence) -> Check:
    """The line with an approver's waiver, as far as it was given for just these blocks."""
    waiver = evidence.waivers.get(NAME)
    if waiver is None or not check.waivable:
        return check
    if new := [_key(finding) for finding in blocks if _key(finding) not in waiver.said]:
        return replace(check, said=f"{check.said} The waiver was given before {', '.join(new)}.")
    said = f"waived: {waiver.reason} Without that: {check.said}"
    return Check(gate=NAME, title=TITLE, state=State.PASSED, said=said, by=waiver.by, at=waiver.at)


def _line(state: State, said: str, *, waivable: bool = False) -> Check:
    return Check(gate=NAME, title=TITLE, state=state, said=said, waivable=waivable)
