"""What was tested on staging is what production will meet: no difference between them that no migration explains."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from bot.domain.checklist import Check, State
from bot.domain.drift import Drift, Stray
from bot.domain.evidence import Evidence

TITLE = "No drift"
NAME = "drift"
TOLD = 3
_MARK = re.compile(r"\(drift [0-9a-f]{8}\)")


def check(evidence: Evidence) -> tuple[Check, ...]:
    """Drift holds a promotion until it is mended, accepted by a baseline, or waived; notes are only told."""
    drift = evidence.drift
    if drift is None:
        why = evidence.unread.get("drift", "the catalogs could not be read")
        return (_waived(_line(State.UNKNOWN, f"Could not compare staging with production: {why}"), evidence),)
    strays = drift.open(evidence.accepted)
    if not strays:
        return (_line(State.PASSED, f"staging and production agree{_rest(drift)}"),)
    return (_waived(_held(strays, drift), evidence),)


def _held(strays: tuple[Stray, ...], drift: Drift) -> Check:
    """Where some of it may have an explanation that nobody can know, it could not be checked."""
    told = "; ".join(str(stray).replace("`", "'") for stray in strays[:TOLD])
    more = f"; and {len(strays) - TOLD} more" if len(strays) > TOLD else ""
    found = f"{told}{more} ({_mark(strays)}). "
    onward = "Mend it by a migration, accept it for good (`/migrate baseline`), or have it waived."
    if drift.unsure:
        said = f"Could not tell whether {_count(strays)} between staging and production can be explained"
        return _line(State.UNKNOWN, f"{said}: {drift.unsure}. {found}{onward}")
    return _line(State.WAITING, f"No migration explains {_count(strays)}: {found}{onward}")


def _mark(strays: tuple[Stray, ...]) -> str:
    """Stands for exactly these, so that a waiver of them is for no others."""
    return f"drift {hashlib.sha256(''.join(sorted(stray.digest for stray in strays)).encode()).hexdigest()[:8]}"


def _count(strays: tuple[Stray, ...]) -> str:
    return "1 difference" if len(strays) == 1 else f"{len(strays)} differences"


def _rest(drift: Drift) -> str:
    accepted = f", {len(drift.held)} accepted by a baseline" if drift.held else ""
    count = len(drift.noted)
    return accepted + (f", {count} note{'' if count == 1 else 's'}: {drift.noted[0]}" if count else "")


def _waived(check: Check, evidence: Evidence) -> Check:
    """The line with an approver's waiver, where it was given for just what is open now."""
    waiver = evidence.waivers.get(NAME)
    if waiver is None:
        return check
    now = _MARK.search(check.said)
    if (now[0] if now else "") != (then[0] if (then := _MARK.search(waiver.said)) else ""):
        return replace(check, said=f"{check.said} The waiver was given for something else.")
    said = f"waived: {waiver.reason} Without that: {check.said}"
    return Check(gate=NAME, title=TITLE, state=State.PASSED, said=said, by=waiver.by, at=waiver.at)


def _line(state: State, said: str) -> Check:
    return Check(gate=NAME, title=TITLE, state=state, said=said, waivable=state is not State.PASSED)
