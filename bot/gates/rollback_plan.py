"""Every migration has its way back: a file or a draft that was tried on staging and led exactly to where it began."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence
from bot.domain.plan import PlannedFile
from bot.domain.way_back import Schema

TITLE = "Has a rollback plan"
NAME = "rollback_plan"

Found = tuple[State, str]
"""What was found of one file, and how it is said where it passed: without what data is lost, which is said once."""


def check(evidence: Evidence) -> tuple[Check, ...]:
    """One line over all files of the plan: the weakest of them decides."""
    found = [_judge(file, evidence) for file in evidence.plan.files]
    for state in (State.REFUSED, State.UNKNOWN, State.WAITING):
        if objections := [said for seen, said in found if seen is state]:
            wrong = [said for said in objections if _verdict(Schema.DIFFERS) in said]
            return (_waived(_line(state, " ".join(dict.fromkeys(objections)), waivable=True), wrong, evidence),)
    return (_line(State.PASSED, "; ".join(dict.fromkeys(said for _, said in found)) + _lost(evidence)),)


def _judge(file: PlannedFile, evidence: Evidence) -> Found:
    proof, back = evidence.proofs.get(file.version), evidence.rollbacks.get(file.version, "")
    twin = f"supabase/rollbacks/{file.filename}"
    if proof is None or proof.sha256 != file.sha256:
        why = evidence.unread.get("proof", "")
        return State.WAITING, f"The way back from {file.label} was not tried yet{f': {why}' if why else ''}."
    if proof.down_sha256 != back:
        return State.WAITING, f"{twin} changed since it was tried. It is tried again once staging is free."
    way = proof.way
    what = "the rollback file" if way.source == "file" else "a draft"
    if not way.proven:
        state = State.UNKNOWN if way.schema is Schema.UNKNOWN else State.WAITING
        word = "mend" if way.source == "file" else "write"
        return state, (
            f"{what.capitalize()} for {file.label} {_verdict(way.schema)}: {'; '.join(way.said[:3])} "
            f"{word.capitalize()} {twin}; it is then tried on staging by itself."
        )
    how = ", though not as it is written" if way.by_stand_in else ""
    order = " but for column order" if way.schema is Schema.ORDER else ""
    return State.PASSED, f"schema proven exact{order} by {what}{how}"


def _lost(evidence: Evidence) -> str:
    """What no SQL brings back, once for all files: going back by a file takes back those after it as well."""
    lost = tuple(dict.fromkeys(
        text for file in evidence.plan.files if (proof := evidence.proofs.get(file.version)) for text in proof.way.lost
    ))
    return f"; no SQL brings back {', '.join(lost)}" if lost else ""


def _verdict(schema: Schema) -> str:
    return "does not lead back" if schema is Schema.DIFFERS else "could not be tried"


def _waived(check: Check, wrong: list[str], evidence: Evidence) -> Check:
    """The line with an approver's waiver. Of what was found to lead elsewhere it covers what it was given for."""
    waiver = evidence.waivers.get(NAME)
    if waiver is None or (waiver.state is State.UNKNOWN and check.state is State.WAITING):
        return check
    if not all(said in waiver.said for said in wrong):
        return replace(check, said=f"{check.said} The waiver was given for something else.")
    said = f"waived: {waiver.reason} Without that: {check.said}"
    return replace(check, state=State.PASSED, said=said, by=waiver.by, at=waiver.at, waivable=False)


def _line(state: State, said: str, waivable: bool = False) -> Check:
    return Check(gate=NAME, title=TITLE, state=state, said=said, waivable=waivable)
