"""What people can ask of rollbacks; every answer is facts for the journal, or a refusal."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass

from bot.domain.entry import Fact, Json, Opening
from bot.domain.forgone import Counted
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.domain.rolling_back import How, Rolling, Severity, Step
from bot.errors import Refused, Unknown
from bot.evidence.proofs import proofs
from bot.policy import Policy
from bot.policy.terms import terms
from bot.ports import Put, Take
from bot.promotions.requests import SERIES
from bot.roles import require_approver, require_member, require_on_call, require_operator, require_rescuer
from bot.rollbacks.counting import counted_soon, in_numbers
from bot.rollbacks.plans import Planned, last_promotion, planned, steps_of
from bot.rollbacks.rights import may_approve, may_be_pressed
from bot.world import Ports, Project


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """What the modal shows before anybody decided: from the journal, since a modal cannot wait for databases long."""

    promotion: Promotion
    steps: tuple[Step, ...]
    why_not: str
    lost: tuple[str, ...]
    given_up: tuple[str, ...]
    stays: tuple[str, ...]
    counted: Counted
    """The rows that go, as far as production says so at once."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The rollback that a request opened; `again` when there was one already. `pressed`: it begins at once."""

    record: str
    promotion: Promotion
    again: bool = False
    pressed: bool = False


class Rollbacks:
    """The verbs. Who may is judged here, at the click; the runbook judges it again at the moment of use."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._asking = threading.Lock()

    def sketch(self, by: str, project: Project, named: str) -> Sketch:
        """The promotion that is meant (the last one, unless one is named), and what taking it back would mean."""
        require_rescuer(self._ports.people.find(by), project.policy)
        return self._sketched(self._meant(project, named))

    def sketch_of(self, by: str, record_id: str) -> Sketch:
        """The same for the button on a promotion's card."""
        promotion, project = self._promotion(record_id)
        require_rescuer(self._ports.people.find(by), project.policy)
        return self._sketched(promotion)

    def ask(self, by: str, record_id: str, severity: str, reason: str, key: str) -> Asked:
        """Ask for a rollback; where it was approved with its promotion, an approver's or on-call's asking is the press.

        For a minor fault it is not: a forward fix is advised first, so that it takes a press of its own.
        """
        promotion, project = self._promotion(record_id)
        require_rescuer(self._ports.people.find(by), project.policy)
        reason = " ".join(reason.split())
        if not reason:
            raise Refused("A rollback needs a reason: it stands in its file, on its card and in the journal.")
        with self._asking:
            if doc := self._ports.shelves.get("requests", key):
                return Asked(record=str(doc["record"]), promotion=promotion)
            promotion, project = self._promotion(record_id)
            self._require_possible(promotion)
            if promotion.taken_back and promotion.taken_back.live:
                return Asked(record=promotion.taken_back.record, promotion=promotion, again=True)
            now = planned(self._ports, project, promotion, Severity(severity), reason)
            now = in_numbers(self._ports, project, promotion, now)
            return self._open(by, project, promotion, now, key)

    def approve(self, by: str, seen: str) -> tuple[Fact, ...]:
        """Let it begin, as an approver other than the one who asked, or as one who presses what was approved before.

        `seen` is the record, after a colon with the mark of the plan that its card showed.
        """
        record_id, _, mark = seen.partition(":")
        record, rollback, own, policy = self._known(record_id)
        person = self._ports.people.find(by)
        require_member(person, policy)
        self._require_waiting(record, rollback, own)
        self._require_seen(rollback, own, mark)
        if may_be_pressed(rollback, self._ports.clock.now()):
            require_on_call(person, policy)
            return (_word(rollback, own, by, How.PRESSED),)
        if not may_approve(by, rollback, policy):
            others = tuple(listed for listed in policy.approvals.approvers if listed != by)
            raise Refused("You asked for this rollback, so someone else has to approve it.", can=others)
        require_approver(person, policy)
        return (_word(rollback, own, by, How.APPROVED),)

    def break_glass(self, by: str, seen: str, reason: str) -> tuple[Fact, ...]:
        """Let it begin alone, with a reason, after nobody answered; `seen` as for `approve`."""
        record_id, _, mark = seen.partition(":")
        record, rollback, own, policy = self._known(record_id)
        require_rescuer(self._ports.people.find(by), policy)
        self._require_waiting(record, rollback, own)
        self._require_seen(rollback, own, mark)
        if not own.glass and own.answered:
            until = own.answered[1] + policy.rollback.break_glass_after
            raise Refused(
                "Somebody who may decide answered the page, so the glass stays closed until "
                f"{until:%H:%M} UTC. Talk to them.", can=(own.answered[0],),
            )
        if not own.glass:
            minutes = policy.rollback.break_glass_after.total_seconds() / 60
            raise Refused(f"The glass can be broken once paging was not answered for {minutes:g} min.")
        reason = " ".join(reason.split())
        if not reason:
            raise Refused("Breaking the glass needs a reason: it stays on the card and in the journal.")
        return (_word(rollback, own, by, How.GLASS, reason),)

    def require_breakable(self, by: str, seen: str) -> None:
        """Raises `Refused` for somebody, or at a moment, that the glass is not for."""
        self.break_glass(by, seen, "to be given")

    def review(self, by: str, record_id: str) -> tuple[Fact, ...]:
        """Say that one looked at what one person let through alone, as somebody else who might have."""
        record, rollback, own, policy = self._known(record_id)
        require_rescuer(self._ports.people.find(by), policy)
        if own.alone is None or record.status is Status.ENDED or own.reviewed_by or not rollback.committed:
            raise Refused(f"{record_id} does not wait for a review.")
        if by == own.alone.by:
            others = (*policy.approvals.approvers, *policy.incidents.on_call)
            raise Refused(
                "You let it begin alone, so somebody else has to look at it.",
                can=tuple(each for each in dict.fromkeys(others) if each != by),
            )
        return (Fact(about=record_id, kind="rollback.reviewed", actor=by),)

    def reject(self, by: str, record_id: str) -> tuple[Fact, ...]:
        """End a rollback that has not begun, as an approver."""
        record, rollback, _, policy = self._known(record_id)
        require_approver(self._ports.people.find(by), policy)
        self._require_open(record, rollback)
        return (Fact(about=record_id, kind="promotion.rejected", actor=by, data={"reason": ""}),)

    def cancel(self, by: str, record_id: str) -> tuple[Fact, ...]:
        """End a rollback that has not begun, as the one who asked or an operator."""
        record, rollback, _, policy = self._known(record_id)
        if by != rollback.requested_by:
            require_operator(self._ports.people.find(by), policy)
        self._require_open(record, rollback)
        return (Fact(about=record_id, kind="promotion.cancelled", actor=by),)

    def _open(self, by: str, project: Project, promotion: Promotion, now: Planned, key: str) -> Asked:
        ports = self._ports
        data: dict[str, Json] = {
            "kind": "rollback", "plan": now.plan.to_json(), "rolling": now.rolling.to_json(),
            "terms": terms(project.policy),
        }
        begins = Opening(kind="rollback", project=project.name, stage="severity")
        pressed = False
        if now.rolling.until and ports.clock.now() <= now.rolling.until and now.rolling.severity is Severity.MAJOR:
            with suppress(Refused):
                require_on_call(ports.people.find(by), project.policy)
                pressed = True

        def opens(take: Take) -> tuple[list[Fact], list[Put]]:
            record = take(SERIES["rollback"])
            asked: dict[str, Json] = {
                "record": record, "reason": now.rolling.reason, "severity": str(now.rolling.severity),
            }
            word: dict[str, Json] = {
                "plan": now.plan.digest, "ground": now.rolling.ground, "how": str(How.PRESSED),
            }
            facts = [
                Fact(about=record, kind="promotion.requested", actor=by, data=data, opens=begins),
                Fact(about=promotion.id, kind="taken_back.asked", actor=by, data=asked),
                *([Fact(about=record, kind="rollback.word", actor=by, data=word)] if pressed else ()),
            ]
            return facts, [Put(shelf="requests", key=key, doc={"record": record})]

        # Whichever process they come from: the rollback after the one that was known is opened once.
        once = f"taken_back:{promotion.id}:{promotion.taken_back.record if promotion.taken_back else ''}"
        opened = ports.journal.open(opens, key=once)
        if opened is None:
            return self._again(promotion.id)
        return Asked(record=opened[0].about, promotion=promotion, pressed=pressed)

    def _again(self, promotion_id: str) -> Asked:
        promotion, _ = self._promotion(promotion_id)
        assert promotion.taken_back is not None
        return Asked(record=promotion.taken_back.record, promotion=promotion, again=True)

    def _meant(self, project: Project, named: str) -> Promotion:
        if named:
            found, of = self._promotion(named.upper())
            if of.name != project.name:
                raise Unknown(f"{found.id} belongs to {of.name}: /migrate rollback {found.id} project:{of.name}")
            return found
        last = last_promotion(self._ports, project.name)
        if last is None:
            raise Refused("No promotion of this project changed production, so there is nothing to roll back.")
        return last

    def _promotion(self, record_id: str) -> tuple[Promotion, Project]:
        record = self._ports.journal.load(record_id)
        if record is None or record.kind != "promotion" or record.project not in self._ports.projects:
            raise Unknown(f"There is no promotion {record_id}. /migrate history lists them.")
        return Promotion.of(self._ports.journal.entries(about=record_id)), self._ports.projects[record.project]

    def _sketched(self, promotion: Promotion) -> Sketch:
        self._require_possible(promotion)
        if promotion.taken_back and promotion.taken_back.live:
            raise Refused(f"{promotion.taken_back.record} is about that already. Its card says how far it is.")
        steps, why_not = tuple[Step, ...](), ""
        try:
            steps = steps_of(promotion, self._ports.shelves)
        except Refused:
            why_not = "no way back was proven; the rollback file decides, if there is one"
        known = proofs(self._ports.shelves, promotion.plan)
        ways = [known[step.version].way for step in steps if step.version in known]
        return Sketch(
            promotion=promotion, steps=steps, why_not=why_not,
            lost=tuple(dict.fromkeys(text for way in ways for text in way.lost)),
            given_up=tuple(dict.fromkeys(text for way in ways for text in way.given_up)),
            stays=tuple(dict.fromkeys(text for way in ways for text in way.stays)),
            counted=counted_soon(self._ports, self._ports.projects[promotion.plan.project], promotion),
        )

    def _require_possible(self, promotion: Promotion) -> None:
        if not promotion.changed_something:
            raise Refused(f"{promotion.id} changed nothing in production, so there is nothing to roll back.")
        if promotion.taken_back and promotion.taken_back.done:
            raise Refused(f"{promotion.id} was rolled back already, by {promotion.taken_back.record}.")
        if promotion.may_have_changed:
            raise Refused(f"Nobody knows what of {promotion.id} is in. Look at production first.")
        held = self._ports.shelves.get("hold", f"{promotion.plan.project}:promotion")
        if held and held["record"] == promotion.id and promotion.ending is None:
            raise Refused(f"{promotion.id} is changing production right now. Wait until its card says how it went.")

    def _known(self, record_id: str) -> tuple[Record, Promotion, Rolling, Policy]:
        record = self._ports.journal.load(record_id)
        if record is None or record.kind != "rollback" or record.project not in self._ports.projects:
            raise Unknown(f"There is no rollback {record_id}.")
        rollback = Promotion.of(self._ports.journal.entries(about=record_id))
        assert rollback.rolling is not None
        return record, rollback, rollback.rolling, self._ports.project_of(record.project, rollback.terms).policy

    def _require_waiting(self, record: Record, rollback: Promotion, own: Rolling) -> None:
        self._require_open(record, rollback)
        if own.words:
            raise Refused(f"{record.id} has the word that it needs.")
        if record.stage != "approval":
            raise Refused(f"{record.id} cannot be approved yet: {record.waits_for or 'its plan is being made'}.")

    @staticmethod
    def _require_seen(rollback: Promotion, own: Rolling, mark: str) -> None:
        """A word is for the plan that its giver saw: one that was made since has another mark."""
        if mark and mark != own.mark(rollback.plan.digest):
            raise Refused(
                f"The plan of {rollback.id} was made anew since that card was drawn, because production moved. "
                "Look at its card again."
            )

    @staticmethod
    def _require_open(record: Record, rollback: Promotion) -> None:
        if record.status is Status.ENDED or rollback.cancelled_by or rollback.rejected:
            raise Refused(f"{record.id} has ended. Nothing changed by this.")
        if rollback.began:
            raise Refused(f"Too late: {record.id} has begun to change production. Its card says how it goes on.")


def _word(rollback: Promotion, own: Rolling, by: str, how: How, reason: str = "") -> Fact:
    data: dict[str, Json] = {"plan": rollback.plan.digest, "ground": own.ground, "how": str(how), "reason": reason}
    return Fact(about=rollback.id, kind="rollback.word", actor=by, data=data)
