"""What people can say about promotions and staging runs; every answer is facts for the journal, or a refusal."""

from __future__ import annotations

import re

from bot.domain.checklist import Check, State
from bot.domain.emergency import PROOF, proof_line
from bot.domain.entry import Fact, Json
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.errors import Refused, Unknown
from bot.evidence.gathering import manual_labels
from bot.gates.pull_request import TITLE as PULL_REQUEST
from bot.policy import Policy
from bot.promotions.requests import SERIES
from bot.roles import requesters, require_approver, require_member, require_operator, required_approvals
from bot.world import Ports, Project

_RECORD = re.compile(r"[A-Za-z]{1,4}-\d{1,9}")
DECIDED = ("promotion", "staging", "baseline", "restore")
"""Kinds of records that these verbs are about. A button may name any record; a rollback has verbs of its own."""


class Promotions:
    """The verbs. Who may is judged here, at the click; the runbooks judge it again at the moment of use."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def project(self, name: str = "") -> Project:
        """The project of that name, or the only one. Raises `Unknown`."""
        projects = self._ports.projects
        if not name and len(projects) == 1:
            return next(iter(projects.values()))
        if name in projects:
            return projects[name]
        none = f"There is no project {name}. " if name else ""
        raise Unknown(f"{none}Say which project: {', '.join(f'project:{known}' for known in projects)}.")

    def project_about(self, id: str) -> Project | None:
        """The project of a record (`P-31`); of a freeze of everything, the first one. None where there is no such."""
        record = self._ports.journal.load(id.upper()) if _RECORD.fullmatch(id) else None
        if record is None:
            return None
        return self._ports.projects.get(record.project) or self.projects()[0]

    def projects(self) -> tuple[Project, ...]:
        """Every project that is known."""
        return tuple(self._ports.projects.values())

    def require_member(self, by: str, project: Project) -> None:
        """Raises `Refused` unless this person may use the bot."""
        require_member(self._ports.people.find(by), project.policy)

    def approve(self, by: str, record_id: str) -> tuple[Fact, ...]:
        """Give this person's approval to exactly the plan that the card shows."""
        record, promotion, policy = self._known(record_id)
        person = self._ports.people.find(by)
        require_member(person, policy)
        if not policy.approvals.requester_may_approve:
            self._require_other(by, promotion, policy, "approve it")
        require_approver(person, policy)
        self._require_open(record, promotion)
        if record.stage == "gates":
            raise Refused(f"{record_id} cannot be approved yet: {record.waits_for or 'its gates are being checked'}.")
        required = required_approvals(promotion, policy)
        if by in promotion.approvals:
            raise Refused(
                f"You have approved {record_id} already: {len(promotion.approvals)} of {required}."
            )
        if record.stage != "approval":
            raise Refused(f"{record_id} has the approvals it needs. It is at “{record.stage}”.")
        return (Fact(about=record_id, kind="promotion.approved", actor=by, data={"plan": promotion.plan.digest}),)

    def waivable(self, by: str, record_id: str, gate: str) -> Check:
        """The open line of a gate that this person may waive. Raises `Refused` or `Unknown`."""
        record, promotion, policy = self._known(record_id)
        person = self._ports.people.find(by)
        require_member(person, policy)
        self._require_other(by, promotion, policy, "waive it")
        require_approver(person, policy)
        self._require_open(record, promotion)
        lines = (*promotion.checklist, *filter(None, (proof_line(promotion.emergency),)))
        line = next((check for check in lines if check.gate == gate), None)
        if line is None:
            raise Unknown(f"{record_id} has no line “{gate}”.")
        if gate == PROOF and set(promotion.approvals) == {by}:
            raise Refused("You approved it, and its backup's proof takes a second approver's word.")
        if line.state is State.PASSED or (gate == PROOF and gate in promotion.waivers):
            raise Refused(f"“{line.title}” passes already; there is nothing to waive.")
        if not line.waivable:
            raise Refused(f"“{line.title}” cannot be waived: {line.said}")
        return line

    def waive(self, by: str, record_id: str, gate: str, reason: str) -> tuple[Fact, ...]:
        """Put this person's word, with a reason, in place of what a gate could not or did not find."""
        line = self.waivable(by, record_id, gate)
        reason = " ".join(reason.split())
        if not reason:
            raise Refused("A waiver needs a reason: it stays on the card and in the journal.")
        data: dict[str, Json] = {"gate": gate, "reason": reason, "state": str(line.state), "said": line.said}
        return (Fact(about=record_id, kind="gate.waived", actor=by, data=data),)

    def attend(self, by: str, record_id: str) -> tuple[Fact, ...]:
        """Say that somebody is there when the promotion starts: its requester, or an approver."""
        record, promotion, policy = self._known(record_id)
        person = self._ports.people.find(by)
        require_member(person, policy)
        if by != promotion.requested_by:
            require_approver(person, policy)
        self._require_open(record, promotion)
        if promotion.window_opens is None:
            raise Refused(f"{record_id} does not wait for anybody to be there.")
        return (Fact(about=record_id, kind="promotion.attended", actor=by),)

    def reject(self, by: str, record_id: str, reason: str) -> tuple[Fact, ...]:
        """End a promotion that has not begun, as an approver."""
        record, promotion, policy = self._known(record_id)
        require_approver(self._ports.people.find(by), policy)
        self._require_open(record, promotion)
        return (Fact(about=record_id, kind="promotion.rejected", actor=by, data={"reason": reason}),)

    def cancel(self, by: str, record_id: str) -> tuple[Fact, ...]:
        """End a promotion that has not begun, as the one who asked or an operator."""
        record, promotion, policy = self._known(record_id)
        person = self._ports.people.find(by)
        require_member(person, policy)
        if by != promotion.requested_by:
            require_operator(person, policy)
        self._require_open(record, promotion)
        return (Fact(about=record_id, kind="promotion.cancelled", actor=by),)

    def confirm(self, by: str, record_id: str, label: str) -> tuple[Fact, ...]:
        """Tick a manual line. Ticks before the apply are gates; those of `gates.after` are given while watching."""
        record, promotion, policy = self._known(record_id)
        person = self._ports.people.find(by)
        require_member(person, policy)
        before = manual_labels(self._ports.project_of(record.project, promotion.terms))
        after = tuple(policy.gates.after)
        if promotion.emergency and label == PULL_REQUEST and label in (promotion.emergency.owed or ()):
            # In place of a review that GitHub would show: it takes somebody else who may approve.
            self._require_other(by, promotion, policy, "confirm its review")
            require_approver(person, policy)
        else:
            require_operator(person, policy)
            if label not in (*before, *after):
                raise Unknown(f"{record_id} has no line “{label}” to confirm.")
        if label in promotion.ticks:
            raise Refused(f"“{label}” was confirmed already.")
        if record.status is Status.ENDED:
            raise Refused(self._ended(record_id, promotion))
        return (Fact(about=record_id, kind="promotion.ticked", actor=by, data={"label": label}),)

    def read(self, by: str, record_id: str) -> tuple[Record, Promotion]:
        """A promotion for reading, by anybody who may use the bot."""
        record, promotion, policy = self._known(record_id, (*DECIDED, "rollback"))
        require_member(self._ports.people.find(by), policy)
        return record, promotion

    def recent(self, project: Project, limit: int = 15) -> list[tuple[Record, Promotion]]:
        """The newest promotions and staging runs of a project, newest first."""
        found = self._ports.journal.find(project=project.name, limit=100_000)
        records = [record for record in found if record.kind in SERIES][-limit:]
        return [(record, self._fold(record.id)) for record in reversed(records)]

    def _known(self, record_id: str, kinds: tuple[str, ...] = DECIDED) -> tuple[Record, Promotion, Policy]:
        record = self._ports.journal.load(record_id)
        if record is None or record.project not in self._ports.projects or record.kind not in kinds:
            raise Unknown(f"There is no promotion {record_id}.")
        promotion = self._fold(record_id)
        return record, promotion, self._ports.project_of(record.project, promotion.terms).policy

    def _fold(self, record_id: str) -> Promotion:
        return Promotion.of(self._ports.journal.entries(about=record_id))

    @staticmethod
    def _require_other(by: str, promotion: Promotion, policy: Policy, what: str) -> None:
        """Raises `Refused` for the one who asked, and for those who wrote it."""
        asking = requesters(promotion, policy)
        if by in asking:
            others = tuple(listed for listed in policy.approvals.approvers if listed not in asking)
            did = "asked for" if by == promotion.requested_by else "wrote or pushed a part of"
            raise Refused(f"You {did} this promotion, so someone else has to {what}.", can=others)

    def _require_open(self, record: Record, promotion: Promotion) -> None:
        if record.status is Status.ENDED:
            raise Refused(self._ended(record.id, promotion))
        if promotion.cancelled_by:
            raise Refused(f"{record.id} was cancelled.")
        if promotion.rejected:
            raise Refused(f"{record.id} was rejected.")
        if promotion.began:
            raise Refused(f"Too late: {record.id} has begun to change {promotion.where}. Its card says how it goes on.")

    @staticmethod
    def _ended(record_id: str, promotion: Promotion) -> str:
        ending = promotion.ending
        return f"{record_id} has ended: {ending.verdict if ending else 'over'}. Nothing changed by this."
