"""The gate of the pull request as a table: what passes, and for each change the one objection and the way on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot import gates
from bot.domain.checklist import Check, State, automatic_passed
from bot.domain.evidence import Evidence, Tick, Waiver
from bot.domain.review import Checks, Origin, Pull, Review, Reviewed, Reviews
from tests.test_gates import NOW, READY, A, B

HEAD, OLD = "3fa91c0" + "0" * 33, "1a2b3c4" + "0" * 33
PULL = Pull(
    number=48, url="https://github.example/acme/shop/pull/48", author="ana-dev", head=HEAD, branch="feature",
    base="main",
)
BO = Review(login="bo-dev", approves=True, commit=HEAD, may_write=True)
REVIEWED = Reviewed(
    pull=PULL, authors=("ana-dev", "cy-dev"), reviews=(BO,), checks=Checks(green=2),
    blobs={f"{A}_x.sql": "blob-a", f"{B}_x.sql": "blob-b"},
)
ORIGIN = Origin(commit=HEAD, pull=48)
SAID = Reviews(origins={A: ORIGIN, B: ORIGIN}, pulls={48: REVIEWED}, branch="main")
SILENT = {"reviews": "GitHub answered 502."}
DEE = replace(BO, login="dee-dev", approves=False)
JUDGED = replace(READY, code_host=True, ticks={}, reviews=SAID, blobs={A: "blob-a", B: "blob-b"})


def judged(evidence: Evidence) -> Check:
    return next(check for check in gates.judge(evidence, gates.PROMOTION) if check.gate == "pull_request")


def of(evidence: Evidence, **changes: Any) -> Evidence:
    """The same with another pull request; fields of `Pull` change that, the others what was said of it."""
    pull = {name: value for name, value in changes.items() if hasattr(PULL, name)}
    rest = {name: value for name, value in changes.items() if name not in pull}
    return replace(evidence, reviews=replace(SAID, pulls={48: replace(REVIEWED, pull=replace(PULL, **pull), **rest)}))


def test_approved_at_its_last_commit_by_somebody_else_with_green_checks() -> None:
    check = judged(JUDGED)
    assert check.state is State.PASSED, check
    assert check.said == "#48 by bo-dev at its last commit, checks green"
    assert not check.manual


@pytest.mark.parametrize(("change", "state", "said"), [
    (lambda e: replace(e, reviews=None, unread=SILENT), State.UNKNOWN, "GitHub answered 502."),
    (lambda e: of(e, reviews=()), State.WAITING, "#48 is not approved yet. Somebody with write access who wrote none"),
    (lambda e: of(e, reviews=(replace(BO, commit=OLD),)), State.WAITING,
     "bo-dev approved #48 at 1a2b3c4, and commits came after: approve 3fa91c0 too."),
    (lambda e: of(e, reviews=(replace(BO, login="Ana-Dev"),)), State.WAITING, "Ana-Dev wrote or pushed a part of #48"),
    (lambda e: of(e, reviews=(replace(BO, login="cy-dev"),)), State.WAITING, "somebody else has to approve it"),
    (lambda e: of(e, reviews=(replace(BO, may_write=False),)), State.WAITING, "may not write to the repository"),
    (lambda e: of(e, reviews=(replace(BO, person=False),)), State.WAITING, "is no person"),
    (lambda e: of(e, reviews=(BO, DEE)), State.WAITING, "dee-dev asked for changes"),
    (lambda e: of(e, draft=True), State.WAITING, "#48 is a draft"),
    (lambda e: of(e, open=False), State.REFUSED, "closed without being merged"),
    (lambda e: of(e, unnamed=("Foo Bar",)), State.UNKNOWN, "Foo Bar belongs to no GitHub account"),
    (lambda e: of(e, checks=Checks(red=("test", "build"))), State.WAITING, "Checks of #48 failed: test, build."),
    (lambda e: of(e, checks=Checks(running=("e2e",))), State.WAITING, "still run: e2e"),
    (lambda e: replace(e, blobs={A: "blob-a", B: "other"}), State.REFUSED, "other bytes than #48 at its last commit"),
    (lambda e: replace(e, reviews=replace(SAID, origins={A: SAID.origins[A]})), State.WAITING, "is not on main yet"),
    (lambda e: replace(e, reviews=replace(SAID, origins={**SAID.origins, B: Origin(commit=OLD)})), State.WAITING,
     "came to main without a pull request (commit 1a2b3c4)"),
])
def test_one_change_one_objection(change: Callable[[Evidence], Evidence], state: State, said: str) -> None:
    check = judged(change(JUDGED))
    assert check.state is state, check
    assert said in check.said
    assert check.waivable is (state is not State.REFUSED)


def test_reviewers_without_write_access_cannot_hold_it_up() -> None:
    passerby = replace(BO, login="eve", approves=False, may_write=False)
    assert judged(of(JUDGED, reviews=(BO, passerby))).state is State.PASSED


@pytest.mark.parametrize(("checks", "said"), [
    (Checks(), "no checks ran on it"), (Checks(green=1, partly="GitHub Actions alone"), "green (GitHub Actions alone)"),
])
def test_what_the_checks_do_not_say_is_said(checks: Checks, said: str) -> None:
    assert judged(of(JUDGED, checks=checks)).said.endswith(said)


def test_a_merged_one_counts_and_all_of_several_have_to_pass() -> None:
    assert judged(of(JUDGED, open=False, merged=True)).state is State.PASSED
    second = replace(REVIEWED, pull=replace(PULL, number=49), reviews=())
    both = replace(SAID, origins={**SAID.origins, B: Origin(commit=HEAD, pull=49)}, pulls={48: REVIEWED, 49: second})
    assert "#49 is not approved" in judged(replace(JUDGED, reviews=both)).said
    both = replace(both, pulls={48: REVIEWED, 49: replace(second, reviews=(BO,))})
    assert judged(replace(JUDGED, reviews=both)).said.count("by bo-dev") == 2


def test_what_was_read_before_github_fell_silent_counts_with_its_time() -> None:
    check = judged(replace(JUDGED, reviews=replace(SAID, as_of=NOW)))
    assert check.state is State.PASSED
    assert check.as_of == NOW


def test_without_github_it_is_a_tick() -> None:
    assert judged(replace(JUDGED, code_host=False)).manual
    ticked = replace(JUDGED, code_host=False, ticks={"Pull request approved": Tick(by="U0BO00001", at=NOW)})
    assert judged(ticked).state is State.PASSED
    assert not judged(JUDGED).manual, "with GitHub nobody ticks it"


def waived(evidence: Evidence, state: State, given_for: Evidence | None = None) -> Evidence:
    """With a waiver that was given for what the line said then, or for what it says now."""
    said = judged(given_for or evidence).said
    waiver = Waiver(by="U0BO00001", at=NOW, reason="Outage.", state=state, said=said)
    return replace(evidence, waivers={"pull_request": waiver})


def test_a_waiver_stands_for_what_it_was_given_for() -> None:
    silent = replace(JUDGED, reviews=None, unread={"reviews": "GitHub answered 502."})
    check = judged(waived(silent, State.UNKNOWN))
    assert (check.state, check.by) == (State.PASSED, "U0BO00001")
    assert "waived: Outage. Without that: Nobody can say who approved it. GitHub answered 502." in check.said
    assert judged(waived(of(JUDGED, reviews=()), State.WAITING)).state is State.PASSED
    assert judged(waived(silent, State.WAITING, of(JUDGED, reviews=()))).state is State.PASSED


@pytest.mark.parametrize("later", [
    of(JUDGED, reviews=(BO, DEE)), of(JUDGED, checks=Checks(red=("test",))), of(JUDGED, reviews=(), head=OLD),
    of(JUDGED, unnamed=("Foo Bar",)), of(JUDGED, reviews=(replace(BO, login="cy-dev"),)),
])
def test_a_waiver_covers_no_objection_that_came_later(later: Evidence) -> None:
    for state, then in ((State.WAITING, of(JUDGED, reviews=())), (State.UNKNOWN, replace(JUDGED, reviews=None))):
        check = judged(waived(later, state, then))
        assert check.state is not State.PASSED, check
        assert "The waiver was given" in check.said


def test_a_waiver_for_silence_does_not_cover_an_objection() -> None:
    silent = replace(JUDGED, reviews=None, unread={"reviews": "GitHub answered 502."})
    check = judged(waived(of(JUDGED, reviews=()), State.UNKNOWN, silent))
    assert check.state is State.WAITING
    assert "given while nobody could check" in check.said


def test_a_waiver_never_covers_a_refusal_and_is_silent_where_all_is_well() -> None:
    assert judged(waived(replace(JUDGED, blobs={}), State.WAITING)).state is State.REFUSED
    assert judged(waived(JUDGED, State.WAITING)).said.startswith("#48 by bo-dev")


def test_no_other_gate_can_be_waived() -> None:
    nothing = replace(JUDGED, staging=(), target=None, local=None, reviews=None)
    open_ = [check for check in gates.judge(nothing, gates.PROMOTION) if check.state is not State.PASSED]
    assert {check.gate for check in open_ if check.waivable} == {"pull_request"}
    assert len(open_) > 2


def test_an_objection_holds_up_the_approval() -> None:
    assert automatic_passed(gates.judge(JUDGED, gates.PROMOTION))
    assert not automatic_passed(gates.judge(of(JUDGED, reviews=()), gates.PROMOTION))


def test_what_was_said_survives_the_journal() -> None:
    checks = Checks(green=1, red=("a",), running=("b",), partly="c")
    full = replace(SAID, pulls={48: replace(REVIEWED, unnamed=("Foo",), checks=checks)})
    assert Reviews.from_json(full.to_json(), NOW) == replace(full, as_of=NOW)
    for evidence in (JUDGED, of(JUDGED, reviews=()), replace(JUDGED, reviews=replace(SAID, as_of=NOW))):
        check = judged(evidence)
        assert Check.from_json(check.to_json()) == check


@pytest.mark.parametrize(("change", "follows"), [
    (lambda e: replace(e, reviews=None, unread=SILENT), True),
    (lambda e: of(e, reviews=()), True),
    (lambda e: of(e, reviews=(replace(BO, commit=OLD),)), True),
    (lambda e: of(e, reviews=(replace(BO, login="Ana-Dev"),)), True),
    (lambda e: of(e, unnamed=("Foo Bar",)), True),
    (lambda e: of(e, reviews=(BO, DEE)), False),
    (lambda e: of(e, draft=True), False),
    (lambda e: of(e, reviews=(), checks=Checks(red=("test",))), False),
    (lambda e: of(e, reviews=(), checks=Checks(running=("test",))), False),
    (lambda e: of(e, checks=Checks(red=("test",))), False),
    (lambda e: of(e, open=False), False),
])
def test_in_an_emergency_only_the_review_may_follow(change: Callable[[Evidence], Evidence], follows: bool) -> None:
    check = judged(change(JUDGED))
    assert check.state is not State.PASSED
    assert check.may_follow is follows
