"""The terms that a promotion was asked for under: a policy that is loosened later does not loosen what waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.domain.entry import Json
from bot.policy.tables import Backups, Policy

_WHEN = ("never", "destructive", "always")


def terms(policy: Policy) -> dict[str, Json]:
    """What of a policy decides whether a promotion may go on, as JSON for its request."""
    approvals, gates = policy.approvals, policy.gates
    return {
        "approvers": list(approvals.approvers), "required": approvals.required,
        "required_destructive": approvals.required_destructive,
        "requester_may_approve": approvals.requester_may_approve,
        "expire_after": approvals.expire_after.total_seconds(), "manual": list(gates.manual), "skip": list(gates.skip),
        "evidence_expires": gates.evidence_expires.total_seconds(),
        "backups": {"when": policy.backups.when, "keep_rows": policy.backups.keep_rows},
    }


def stricter(policy: Policy, then: Mapping[str, Json]) -> Policy:
    """The policy of now where it is stricter, the terms of then where those are; without terms, the policy of now.

    Who approves has to be listed in both: somebody who was added meanwhile can approve what is asked for from now on.
    """
    if not then:
        return policy
    approvals, gates = policy.approvals, policy.gates
    return policy.model_copy(update={
        "backups": _more_kept(policy.backups, then.get("backups")),
        "approvals": approvals.model_copy(update={
            "approvers": tuple(listed for listed in approvals.approvers if listed in _texts(then["approvers"])),
            "required": max(approvals.required, _number(then["required"])),
            "required_destructive": max(approvals.required_destructive, _number(then["required_destructive"])),
            "requester_may_approve": approvals.requester_may_approve and bool(then["requester_may_approve"]),
            "expire_after": min(approvals.expire_after, timedelta(seconds=_number(then["expire_after"]))),
        }),
        "gates": gates.model_copy(update={
            "manual": tuple(dict.fromkeys((*_texts(then["manual"]), *gates.manual))),
            "skip": tuple(name for name in gates.skip if name in _texts(then["skip"])),
            "evidence_expires": min(gates.evidence_expires, timedelta(seconds=_number(then["evidence_expires"]))),
        }),
    })


def _more_kept(backups: Backups, then: Json) -> Backups:
    """What was promised to be kept when it was approved is kept."""
    if not isinstance(then, dict):
        return backups
    when = backups.when if _WHEN.index(backups.when) >= _WHEN.index(str(then["when"])) else then["when"]
    return backups.model_copy(update={"when": when, "keep_rows": backups.keep_rows or bool(then["keep_rows"])})


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _number(value: Json) -> int:
    return int(value) if isinstance(value, int | float) else 0
