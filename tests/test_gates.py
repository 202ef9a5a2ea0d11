"""Gates as tables: evidence that passes, and for each change of it the one objection."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from bot import gates
from bot.domain.checklist import Check, State, automatic_passed, passed
from bot.domain.drift import Drift, Stray
from bot.domain.evidence import Asserted, Evidence, Row, Staged, Tick, Waiver
from bot.domain.finding import Finding, Ignore, Level, Report
from bot.domain.migration import Match
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.way_back import Proof, Schema, WayBack
from bot.policy.tables import GateName

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
A, B, C = "20261101120000", "20261101121500", "20261101123000"
BASE = "20261020090000"


def file(version: str, sha256: str = "") -> PlannedFile:
    return PlannedFile(
        version=version, name="x", filename=f"{version}_x.sql", sha256=sha256 or f"sha-{version}", statements=1
    )


def row(version: str, match: Match | None = Match.SAME) -> Row:
    return Row(version=version, name="x", match=match)


def staged(version: str, ago: timedelta = timedelta(hours=1), sha256: str = "") -> Staged:
    return Staged(sha256=sha256 or f"sha-{version}", at=NOW - ago, record="S-1", seconds=0.041, head="20261001000000")


def proof(
    version: str, schema: Schema = Schema.EXACT, sha256: str = "", lost: tuple[str, ...] = (),
    said: tuple[str, ...] = (),
) -> Proof:
    way = WayBack(version=version, schema=schema, source="draft", down="", lost=lost, said=said)
    return Proof(sha256=sha256 or f"sha-{version}", down_sha256="", sql="", at=NOW, record="S-1", way=way)


READY = Evidence(
    plan=Plan(project="shop", environment=Environment.PRODUCTION, head=BASE, files=(file(A), file(B))),
    gathered=NOW,
    local={version: f"sha-{version}" for version in (BASE, A, B)},
    target=(row(BASE),),
    staging=(row(BASE), row(A), row(B)),
    staged={A: staged(A), B: staged(B)},
    proofs={A: proof(A), B: proof(B)},
    ticks={
        "Pull request approved": Tick(by="U0BO00001", at=NOW),
        "Frontend tested": Tick(by="U0ANA0001", at=NOW),
    },
    manual=("Frontend tested",),
    lint=Report(),
    drift=Drift(),
)
HACK = Stray(sign="-", key=("column", "public.books.hack"), digest="a1")
OPEN = Stray(sign="~", key=("policy", "public.books.open"), digest="b2", detail="using: production a, staging b")


def finding(**more: Any) -> Finding:
    known: dict[str, Any] = {
        "rule": "rls-missing", "level": Level.BLOCK, "file": "x.sql", "line": 3, "why": "It is open.",
    }
    return Finding(**{**known, **more})


def report(*findings: Finding, ignores: tuple[tuple[str, Ignore], ...] = ()) -> Report:
    return Report(findings=findings, ignores=ignores)


def judged(evidence: Evidence, *skip: str) -> dict[str, Check]:
    return {check.label or check.gate: check for check in gates.judge(evidence, gates.PROMOTION, skip)}


def test_ready_evidence_passes_every_gate() -> None:
    checks = judged(READY)
    assert passed(checks.values()), checks
    on_staging = checks["on_staging"]
    assert "same bytes, verified, took 82 ms there on top of 20261001000000" in on_staging.said
    assert on_staging.at
    assert on_staging.until == on_staging.at + READY.expires
    assert Check.from_json(on_staging.to_json()) == on_staging


@pytest.mark.parametrize(
    ("change", "gate", "state", "said"),
    [
        (lambda e: replace(e, staging=(row(BASE), row(A))), "on_staging", State.WAITING, f"/migrate stage {B}"),
        (lambda e: replace(e, staging=None, unread={"staging": "no answer"}), "on_staging", State.UNKNOWN, "no answer"),
        (
            lambda e: replace(e, staged={}, staging=(row(BASE), row(A), row(B, Match.EDITED))),
            "on_staging", State.REFUSED, "other statements",
        ),
        (
            lambda e: replace(e, staged={}, staging=(row(BASE), row(A), row(B, Match.CANNOT_TELL))),
            "on_staging", State.UNKNOWN, "keeps no statements",
        ),
        (
            lambda e: replace(
                e, staged={A: staged(A), B: staged(B, sha256="other")}, staging=(row(A), row(B, Match.EDITED)),
            ),
            "on_staging", State.REFUSED, "other statements",
        ),
        (
            lambda e: replace(e, staging=(row(BASE), row(A), row(B, Match.EDITED))),
            "on_staging", State.REFUSED, "than Stagedoor ran there",
        ),
        (lambda e: replace(e, local={**e.local, A: "other"}), "not_modified", State.REFUSED, "approval of it is void"),
        (lambda e: replace(e, local={BASE: "x", A: f"sha-{A}"}), "not_modified", State.REFUSED, "no longer in"),
        (lambda e: replace(e, target=(row(BASE, Match.EDITED),)), "not_modified", State.REFUSED, "Edited after"),
        (lambda e: replace(e, local=None, unread={"files": "gone"}), "not_modified", State.UNKNOWN, "gone"),
        (lambda e: replace(e, target=None, unread={"target": "down"}), "in_order", State.UNKNOWN, "down"),
        (lambda e: replace(e, target=(row(BASE), row(A))), "in_order", State.REFUSED, "moved"),
        (
            lambda e: replace(e, target=(row("20260101000000", None), row(BASE))),
            "in_order", State.REFUSED, "without a file",
        ),
        (lambda e: replace(e, local={"20261001000000": "s", **e.local}), "in_order", State.REFUSED, "Out of order"),
        (
            lambda e: replace(e, plan=replace(e.plan, files=(file(B),))),
            "in_order", State.REFUSED, f"{A} would be left out",
        ),
        (lambda e: replace(e, drift=None, unread={"drift": "staging is away"}), "drift", State.UNKNOWN, "is away"),
        (lambda e: replace(e, drift=Drift(held=(HACK,))), "drift", State.WAITING, "books.hack is only in production"),
        (
            lambda e: replace(e, drift=Drift(held=(OPEN,), unsure="nobody saw it run")), "drift", State.UNKNOWN,
            "nobody saw it run",
        ),
        (lambda e: replace(e, obstacles={A: "COMMIT at line 3."}), "one_transaction", State.REFUSED, "line 3"),
        (lambda e: replace(e, proofs={A: proof(A)}), "rollback_plan", State.WAITING, f"from {B} x was not tried yet"),
        (
            lambda e: replace(e, proofs={A: proof(A, sha256="other"), B: proof(B)}),
            "rollback_plan", State.WAITING, "was not tried yet",
        ),
        (lambda e: replace(e, rollbacks={A: "new"}), "rollback_plan", State.WAITING, "changed since it was tried"),
        (
            lambda e: replace(e, proofs={A: proof(A, Schema.DIFFERS, said=("table t is left.",)), B: proof(B)}),
            "rollback_plan", State.WAITING, "does not lead back: table t is left.",
        ),
        (
            lambda e: replace(e, proofs={A: proof(A, Schema.UNKNOWN, said=("locked.",)), B: proof(B)}),
            "rollback_plan", State.UNKNOWN, "could not be tried: locked.",
        ),
        (lambda e: replace(e, lint=None), "sql_check", State.UNKNOWN, "Could not check"),
        (
            lambda e: replace(e, lint=report(finding())),
            "sql_check", State.WAITING, "1 block. x.sql line 3, rls-missing: It",
        ),
        (
            lambda e: replace(e, lint=report(finding(waivable=False))),
            "sql_check", State.WAITING, "rls-missing cannot be waived",
        ),
        (lambda e: replace(e, ticks={}), "Frontend tested", State.WAITING, "not confirmed"),
        (lambda e: replace(e, ticks={}), "Pull request approved", State.WAITING, "not confirmed"),
    ],
)
def test_one_change_one_objection(change: Callable[[Evidence], Evidence], gate: str, state: State, said: str) -> None:
    check = judged(change(READY))[gate]
    assert check.state is state, check
    assert said in check.said


def test_what_the_cli_pushed_counts_with_its_weaker_label() -> None:
    check = judged(replace(READY, staged={}))["on_staging"]
    assert check.state is State.PASSED
    assert "did not see it run" in check.said


def test_old_evidence_waits_until_it_is_made_anew() -> None:
    check = judged(replace(READY, staged={A: staged(A), B: staged(B, ago=timedelta(days=8))}))["on_staging"]
    assert check.state is State.WAITING
    assert "longer than 7 days ago" in check.said
    assert f"`/migrate stage {B}`" in check.said


def test_rows_without_statements_are_said_not_passed_over() -> None:
    checks = judged(replace(READY, target=(row(BASE, Match.CANNOT_TELL),)))
    assert "1 older ones cannot be compared" in checks["not_modified"].said


def test_our_own_committed_files_are_the_expected_head() -> None:
    half = replace(READY, target=(row(BASE), row(A)), applied=(A,))
    assert judged(half)["in_order"].state is State.PASSED


def test_a_gate_that_the_policy_leaves_out_is_shown_as_left_out() -> None:
    checks = judged(replace(READY, ticks={}), "pull_request")
    assert checks["pull_request"].state is State.PASSED
    assert "left out by the policy" in checks["pull_request"].said


def test_the_sql_check_tells_warnings_notes_and_what_was_passed_over() -> None:
    ignore = Ignore(("if-exists",), 2, 3, 3, "the table is new")
    passed_over = finding(ignored="the table is new")
    seen = report(
        finding(level=Level.WARN), finding(level=Level.NOTE), finding(level=Level.NOTE), passed_over,
        ignores=(("x.sql", ignore),),
    )
    check = judged(replace(READY, lint=seen))["sql_check"]
    assert check.state is State.PASSED
    passed = "Passed over by its author: if-exists on line 2 of x.sql: the table is new"
    assert check.said == f"nothing blocks, 1 warning, 2 notes. {passed}"


def test_a_waiver_of_the_sql_check_holds_for_the_blocks_that_it_was_given_for() -> None:
    held = judged(replace(READY, lint=report(finding())))["sql_check"]
    assert held.waivable
    waiver = Waiver(by="U0BO00001", at=NOW, reason="It is meant.", state=held.state, said=held.said)
    waived = replace(READY, waivers={"sql_check": waiver})
    check = judged(replace(waived, lint=report(finding())))["sql_check"]
    assert check.state is State.PASSED
    assert check.said.startswith("waived: It is meant.")
    another = judged(replace(waived, lint=report(finding(), finding(rule="grants", line=9))))["sql_check"]
    assert another.state is State.WAITING
    assert "before x.sql line 9, grants" in another.said
    stuck = judged(replace(waived, lint=report(finding(waivable=False))))["sql_check"]
    assert stuck.state is State.WAITING
    assert not stuck.waivable


def test_ticks_do_not_hold_up_the_approval() -> None:
    checks = judged(replace(READY, ticks={})).values()
    assert automatic_passed(checks)
    assert not passed(checks)


def test_every_gate_module_is_on_the_list() -> None:
    listed = {gate.__name__.rpartition(".")[2] for gate in gates.PROMOTION}
    assert listed == {module.name for module in pkgutil.iter_modules(gates.__path__)}
    assert {*get_args(GateName)} == listed - {"manual"}


def test_a_checklist_survives_the_journal() -> None:
    for check in judged(READY).values():
        assert Check.from_json(check.to_json()) == check


def test_a_waived_way_back_is_not_one_that_leads_elsewhere() -> None:
    untried = replace(READY, proofs={A: proof(A)})
    then = judged(untried)["rollback_plan"]
    waiver = Waiver(by="U0BO00001", at=NOW, reason="It is urgent.", state=then.state, said=then.said)
    waived = replace(untried, waivers={"rollback_plan": waiver})
    assert judged(waived)["rollback_plan"].state is State.PASSED
    tried = replace(waived, proofs={
        A: proof(A), B: proof(B, Schema.DIFFERS, said=("t is left.",)),
    })
    later = judged(tried)["rollback_plan"]
    assert later.state is State.WAITING
    assert later.said.endswith("The waiver was given for something else.")


# Tests for what broke

def asserted(where: str, holds: bool | None = True, why: str = "") -> Asserted:
    return Asserted(measure="A-1", incident="INC-7", text="No order is negative.", where=where, holds=holds, why=why)


def of_what_broke(*tests: Asserted, waivers: dict[str, Waiver] | None = None) -> list[Check]:
    evidence = replace(READY, asserted=tests, waivers=waivers or {})
    return [check for check in gates.judge(evidence, gates.PROMOTION) if check.gate == "what_broke"]


def test_without_tests_of_incidents_there_is_no_line() -> None:
    assert of_what_broke() == []


def test_a_test_of_an_incident_holds_a_promotion_until_it_is_true_again() -> None:
    [passing] = of_what_broke(asserted("staging"), asserted("production"))
    assert (passing.state, passing.said) == (State.PASSED, "1 test of earlier incidents holds on both sides")
    [broken] = of_what_broke(asserted("staging", False), asserted("production"))
    assert (broken.state, broken.waivable) == (State.WAITING, True)
    assert broken.said == "A-1 of INC-7 (No order is negative) does not hold in staging."
    [unknown] = of_what_broke(asserted("staging", False), asserted("production", None, "production does not answer."))
    assert unknown.state is State.UNKNOWN
    assert "production does not answer" in unknown.said


def test_a_waiver_covers_just_what_was_broken_when_it_was_given() -> None:
    [broken] = of_what_broke(asserted("production", False))
    waiver = Waiver(by="U0BO00001", at=NOW, reason="this mends it", state=broken.state, said=broken.said)
    waivers = {"what_broke": waiver}
    [waived] = of_what_broke(asserted("production", False), waivers=waivers)
    assert (waived.state, waived.by) == (State.PASSED, "U0BO00001")
    [more] = of_what_broke(asserted("staging", False), asserted("production", False), waivers=waivers)
    assert more.state is State.WAITING
def test_drift_is_accepted_or_waived_as_it_is_and_no_other() -> None:
    drifted = replace(READY, drift=Drift(held=(HACK, OPEN), noted=("an index",)))
    accepted = replace(drifted, accepted=frozenset({HACK.difference}))
    line = judged(accepted)["drift"]
    assert "1 difference" in line.said
    assert "hack" not in line.said
    both = replace(drifted, accepted=frozenset({HACK.difference, OPEN.difference}))
    assert judged(both)["drift"].said == "staging and production agree, 2 accepted by a baseline, 1 note: an index"
    open_ = judged(drifted)["drift"]
    waiver = Waiver(by="U0BO00001", at=NOW, reason="known", state=open_.state, said=open_.said)
    waived = judged(replace(drifted, waivers={"drift": waiver}))["drift"]
    assert waived.state is State.PASSED
    assert waived.said.startswith("waived: known")
    more = replace(drifted, drift=Drift(held=(replace(HACK, digest="c3"), OPEN)), waivers={"drift": waiver})
    assert judged(more)["drift"].state is State.WAITING, "the column became another one"
