"""Who may do what: the policy's roles, judged for a person as Slack knows them now."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.person import Person
from bot.domain.promotion import Promotion
from bot.errors import Refused
from bot.policy import Policy


def require_member(person: Person, policy: Policy) -> None:
    """Raises `Refused` unless the person may use the bot at all."""
    if not person.full_member:
        raise Refused(
            "Stagedoor is for full members of this workspace; guests, bots and other workspaces' people may not use it."
        )
    members = policy.roles.members
    listed = (*members, *policy.roles.operators, *policy.approvals.approvers, *policy.incidents.on_call)
    if members and not _in(person, listed):
        raise Refused(
            "You are not among Stagedoor's members; the policy lists them under [roles] members.", can=members
        )


def member_of(person: Person, policies: Mapping[str, Policy]) -> tuple[str, ...]:
    """The projects, by name, that the person belongs to. Raises `Refused` for one of none."""
    mine, refusals = list[str](), list[Refused]()
    for project, policy in policies.items():
        try:
            require_member(person, policy)
            mine.append(project)
        except Refused as refusal:
            refusals.append(refusal)
    if not mine and refusals:
        raise refusals[0]
    return tuple(mine)


def require_operator(person: Person, policy: Policy) -> None:
    """Raises `Refused` unless the person may stage, confirm and the like."""
    require_member(person, policy)
    operators = policy.roles.operators or policy.roles.members
    if operators and not _in(person, operators):
        raise Refused("This needs an operator; the policy lists them under [roles] operators.", can=operators)


def require_approver(person: Person, policy: Policy) -> None:
    """Raises `Refused` unless the person is a listed approver; with nobody listed, nobody may."""
    require_member(person, policy)
    approvers = policy.approvals.approvers
    if not approvers:
        raise Refused(
            "Nobody can approve: the policy lists no approvers. Add some under [approvals] and restart Stagedoor."
        )
    if not _in(person, approvers):
        raise Refused("You are not a listed approver.", can=approvers)


def require_on_call(person: Person, policy: Policy) -> None:
    """Raises `Refused` unless the person is an approver or on call: those who may press a proven rollback."""
    require_member(person, policy)
    may = (*policy.approvals.approvers, *policy.incidents.on_call)
    if not may:
        raise Refused("Nobody may: the policy lists neither approvers nor anybody on call.")
    if not _in(person, may):
        raise Refused("This needs an approver or somebody on call.", can=may)


def require_rescuer(person: Person, policy: Policy) -> None:
    """Raises `Refused` unless the person may ask for a rollback: an operator, an approver, or somebody on call."""
    if _in(person, (*policy.approvals.approvers, *policy.incidents.on_call)):
        require_member(person, policy)
    else:
        require_operator(person, policy)


def requesters(promotion: Promotion, policy: Policy) -> frozenset[str]:
    """Slack ids of who asked, and of who wrote or pushed it as far as [people] tells."""
    return frozenset((promotion.requested_by, *(id for login in promotion.authors if (id := policy.slack_id(login)))))


def required_approvals(promotion: Promotion, policy: Policy) -> int:
    """How many people have to approve: more where data is destroyed, access is widened, or nobody can tell yet."""
    return policy.approvals.required_destructive if promotion.destroys else policy.approvals.required


def _in(person: Person, listed: tuple[str, ...]) -> bool:
    return person.id in listed or any(group in listed for group in person.groups)
