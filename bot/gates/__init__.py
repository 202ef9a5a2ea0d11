"""The gates: one judgement a file, pure functions of evidence, in the order in which people see them."""

from __future__ import annotations

from types import ModuleType

from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence
from bot.gates import (
    backup,
    drift,
    in_order,
    manual,
    not_modified,
    on_staging,
    one_transaction,
    pull_request,
    rollback_plan,
    sql_check,
    what_broke,
)

PROMOTION: tuple[ModuleType, ...] = (
    on_staging, not_modified, in_order, drift, one_transaction, sql_check, rollback_plan, backup, what_broke,
    pull_request, manual,
)
"""What a promotion to production has to pass."""

STAGING: tuple[ModuleType, ...] = (not_modified, in_order, one_transaction)
"""What a staging run has to pass: the rest is what the staging run is for."""


def judge(evidence: Evidence, gates: tuple[ModuleType, ...], skip: tuple[str, ...] = ()) -> tuple[Check, ...]:
    """The whole checklist of a plan. A gate named in `skip` (the policy's) is shown as left out, not silently gone."""
    lines: list[Check] = []
    for gate in gates:
        name = gate.__name__.rpartition(".")[2]
        if name in skip:
            lines.append(left_out(name, gate.TITLE))
        else:
            lines.extend(gate.check(evidence))
    return tuple(lines)


def left_out(name: str, title: str) -> Check:
    """The line of a gate that the policy leaves out."""
    return Check(gate=name, title=title, state=State.PASSED, said="left out by the policy (gates.skip)")
