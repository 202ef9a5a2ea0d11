"""The pull request was approved at its last commit by somebody who may write and wrote none of it, checks green.

Without GitHub's word a person gives theirs.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence
from bot.domain.plan import PlannedFile
from bot.domain.review import Review, Reviewed
from bot.gates.manual import tick

TITLE = "Pull request approved"
NAME = "pull_request"

Found = tuple[State, str]

REVIEW = ("is not approved yet", "without a pull request", "so somebody else has to approve", "does not count",
          "and commits came after", "Could not check who wrote")
"""What the sentences about a missing review say: it may follow an emergency. Red checks and objections may not."""


def check(evidence: Evidence) -> tuple[Check, ...]:
    """One line over every pull request that brought a file of the plan; a tick where no code host is configured."""
    if not evidence.code_host:
        return (tick(NAME, TITLE, evidence),)
    return (_waived(_judged(evidence), evidence),)


def _judged(evidence: Evidence) -> Check:
    if evidence.reviews is None:
        why = evidence.unread.get("reviews", "GitHub does not answer.")
        return replace(_line(State.UNKNOWN, f"Nobody can say who approved it. {why}"), may_follow=True)
    pulls = [evidence.reviews.pulls[number] for number in sorted(evidence.reviews.pulls)]
    found = [*(_file(file, evidence) for file in evidence.plan.files), *(_pull(reviewed) for reviewed in pulls)]
    as_of = evidence.reviews.as_of
    follows = all(any(words in one[1] for words in REVIEW) for one in found if one) and not any(
        reviewed.checks.red or reviewed.checks.running for reviewed in pulls
    )
    for state in (State.REFUSED, State.UNKNOWN, State.WAITING):
        if objections := [one[1] for one in found if one and one[0] is state]:
            return replace(_line(state, " ".join(objections)), as_of=as_of, may_follow=follows)
    return replace(_line(State.PASSED, "; ".join(map(_praise, pulls))), as_of=as_of)


def _file(file: PlannedFile, evidence: Evidence) -> Found | None:
    """Whether a file came by a pull request, and with the bytes that were approved there."""
    assert evidence.reviews is not None
    origin, branch = evidence.reviews.origins.get(file.version), evidence.reviews.branch
    if origin is None:
        return State.WAITING, f"{file.filename} is not on {branch} yet. Merge its pull request, or promote that one."
    if not origin.pull:
        return State.WAITING, f"{file.label} came to {branch} without a pull request (commit {origin.commit[:7]})."
    if evidence.reviews.pulls[origin.pull].blobs.get(file.filename) != evidence.blobs.get(file.version):
        return State.REFUSED, (
            f"{file.filename} holds other bytes than #{origin.pull} at its last commit, so nobody approved them. "
            "Have them approved in a pull request, then ask again."
        )
    return None


def _pull(reviewed: Reviewed) -> Found | None:
    pull, name = reviewed.pull, f"#{reviewed.pull.number}"
    if not pull.open and not pull.merged:
        return State.REFUSED, f"{name} was closed without being merged. Reopen it and ask again."
    if pull.draft and pull.open:
        return State.WAITING, f"{name} is a draft. Mark it as ready for review."
    if against := [review.login for review in reviewed.reviews if not review.approves and review.may_write]:
        return State.WAITING, f"{', '.join(against)} asked for changes in {name}: to be approved or withdrawn by them."
    if not _approvers(reviewed):
        return State.WAITING, _missing(reviewed)
    if reviewed.unnamed:
        return State.UNKNOWN, (
            f"Could not check who wrote {name}: {', '.join(reviewed.unnamed)} belongs to no GitHub account."
        )
    if reviewed.checks.red:
        return State.WAITING, f"Checks of {name} failed: {_few(reviewed.checks.red)}. Mend them, or run them again."
    if reviewed.checks.running:
        return State.WAITING, f"Checks of {name} still run: {_few(reviewed.checks.running)}."
    return None


def _approvers(reviewed: Reviewed) -> list[str]:
    return [review.login for review in reviewed.reviews if review.approves and not _flaw(review, reviewed)]


def _flaw(review: Review, reviewed: Reviewed) -> str:
    """Why an approval does not count; empty when it does."""
    head, name = reviewed.pull.head[:7], f"#{reviewed.pull.number}"
    if review.login.lower() in {login.lower() for login in reviewed.authors}:
        return f"{review.login} wrote or pushed a part of {name}, so somebody else has to approve it."
    if not review.person:
        return f"{review.login} is no person, so its approval of {name} does not count."
    if not review.may_write:
        return f"{review.login} may not write to the repository, so their approval of {name} does not count."
    if review.commit != reviewed.pull.head:
        return f"{review.login} approved {name} at {review.commit[:7]}, and commits came after: approve {head} too."
    return ""


def _missing(reviewed: Reviewed) -> str:
    if flaws := [_flaw(review, reviewed) for review in reviewed.reviews if review.approves]:
        return " ".join(flaws)
    return (
        f"#{reviewed.pull.number} is not approved yet. Somebody with write access who wrote none of it "
        f"has to approve its last commit, {reviewed.pull.head[:7]}."
    )


def _praise(reviewed: Reviewed) -> str:
    checks = reviewed.checks
    ran = "checks green" if checks.green else "no checks ran on it"
    partly = f" ({checks.partly})" if checks.partly else ""
    who = " and ".join(_approvers(reviewed))
    return f"#{reviewed.pull.number} by {who} at its last commit, {ran}{partly}{_lacks(reviewed)}"


def _lacks(reviewed: Reviewed) -> str:
    """The runbook says what a description should say: what lacks is shown to those who approve, and holds nothing."""
    return f"; its description does not say: {', '.join(reviewed.missing)}" if reviewed.missing else ""


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _waived(check: Check, evidence: Evidence) -> Check:
    """The line with an approver's waiver. It covers silence, and of what is said only what it was given for."""
    waiver = evidence.waivers.get(NAME)
    if waiver is None or check.state in (State.PASSED, State.REFUSED):
        return check
    if evidence.reviews is not None and check.said not in waiver.said:
        then = "while nobody could check" if waiver.state is State.UNKNOWN else "for something else"
        return replace(check, said=f"{check.said} The waiver was given {then}.")
    said = f"waived: {waiver.reason} Without that: {check.said}"
    return Check(gate=NAME, title=TITLE, state=State.PASSED, said=said, by=waiver.by, at=waiver.at)


def _line(state: State, said: str) -> Check:
    return Check(
        gate=NAME, title=TITLE, state=state, said=said, waivable=state in (State.WAITING, State.UNKNOWN),
    )
