"""When a promotion goes in, as people choose it: put into a window, or run now."""

from __future__ import annotations

from bot.domain.entry import Fact
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.domain.window import Span
from bot.errors import Refused, Unknown
from bot.policy import Policy
from bot.roles import requesters, require_approver, require_member, require_operator
from bot.windows import schedule
from bot.world import Ports


class Timing:
    """The verbs of `Schedule` and `Run now`. Who may is judged here and, for `Run now`, again at the moment of use."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def choices(self, by: str, record_id: str) -> tuple[tuple[Span, str], ...]:
        """The windows that this person may put the promotion into."""
        record = self._schedulable(by, record_id)[0]
        found = schedule.choices(self._ports, record.project)
        if not found:
            raise Refused("No window opens in the next two weeks. Announce one: /deploy window tomorrow 22:00 for 2h")
        return found

    def schedule(self, by: str, record_id: str, chosen: str) -> tuple[Fact, ...]:
        """Put it into the window that opens at this moment (ISO 8601)."""
        record, promotion, _ = self._schedulable(by, record_id)
        left = schedule.choices(self._ports, record.project)
        span = next((span for span, _ in left if span.start.isoformat() == chosen), None)
        if span is None:
            raise Refused("That window is gone meanwhile. Press Schedule again: it shows the ones that are left.")
        needs = schedule.needs(self._ports, promotion)
        if span.end - max(span.start, self._ports.clock.now()) < needs:
            minutes = round(needs.total_seconds() / 60)
            raise Refused(f"{record_id} needs about {minutes} min, more than that window has. Pick a longer one.")
        return (Fact(
            about=record_id, kind="window.scheduled", actor=by,
            data={"opens": span.start.isoformat(), "closes": span.end.isoformat()},
        ),)

    def startable(self, by: str, record_id: str) -> tuple[Promotion, bool]:
        """A promotion that this person may ask to run now, and whether their word alone is enough."""
        record, promotion, policy = self._waiting(by, record_id)
        if by != promotion.requested_by:
            require_operator_or_approver(self._ports, by, policy)
        if record.stage != "window":
            raise Refused(f"{record_id} does not wait for a window: it is at “{record.stage}”.")
        if closed := schedule.closed_now(self._ports, record.project, record_id):
            way = f" An approver can lift it: /deploy unfreeze {closed.name} REASON" if closed.lifts else ""
            raise Refused(f"Run now passes windows, never freezes: {closed.name} stands, {closed.why}.{way}")
        return promotion, self._may_give(by, promotion, policy)

    def run_now(self, by: str, record_id: str, reason: str) -> tuple[Fact, ...]:
        """Ask for a start outside of the windows, or give it as an approver other than the requester."""
        promotion, enough = self.startable(by, record_id)
        reason = " ".join(reason.split())
        if not reason:
            raise Refused("A start outside of the windows needs a reason: it stays on the card and in the journal.")
        if promotion.run_now and promotion.run_now.given_by:
            raise Refused(f"{record_id} was let through already.")
        if enough:
            return (Fact(about=record_id, kind="run_now.given", actor=by, data={"reason": reason}),)
        approvers = self._ports.projects[promotion.plan.project].policy.approvals.approvers
        return (Fact(
            about=record_id, kind="run_now.asked", actor=by, data={"reason": reason, "approvers": list(approvers)},
        ),)

    def _may_give(self, by: str, promotion: Promotion, policy: Policy) -> bool:
        if by == promotion.requested_by or by in requesters(promotion, policy):
            return False
        try:
            require_approver(self._ports.people.find(by), policy)
        except Refused:
            return False
        return True

    def _schedulable(self, by: str, record_id: str) -> tuple[Record, Promotion, Policy]:
        record, promotion, policy = self._waiting(by, record_id)
        if by != promotion.requested_by:
            require_operator_or_approver(self._ports, by, policy)
        return record, promotion, policy

    def _waiting(self, by: str, record_id: str) -> tuple[Record, Promotion, Policy]:
        """A promotion that has not begun, for somebody who may use the bot."""
        record = self._ports.journal.load(record_id)
        if record is None or record.project not in self._ports.projects or record.kind != "promotion":
            raise Unknown(f"There is no promotion {record_id}.")
        promotion = Promotion.of(self._ports.journal.entries(about=record_id))
        policy = self._ports.project_of(record.project, promotion.terms).policy
        require_member(self._ports.people.find(by), policy)
        if record.status is Status.ENDED or promotion.cancelled_by or promotion.rejected:
            raise Refused(f"{record_id} has ended.")
        if promotion.began:
            raise Refused(f"Too late: {record_id} has begun to change {promotion.where}.")
        return record, promotion, policy


def require_operator_or_approver(ports: Ports, by: str, policy: Policy) -> None:
    """Raises `Refused` for somebody who is neither."""
    person = ports.people.find(by)
    try:
        require_approver(person, policy)
    except Refused:
        require_operator(person, policy)
