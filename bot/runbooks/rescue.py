"""What the stages of a rollback share: its promotion, telling it, and calling people when a rollback fails."""

from __future__ import annotations

from bot.domain.catalog import Snapshot
from bot.domain.entry import SYSTEM, Fact, Json
from bot.domain.promotion import Promotion
from bot.incidents.records import Beginning, open_for
from bot.rollbacks.rights import rolling
from bot.runbooks.outcome import Outcome, Stop
from bot.world import World

catalog = Snapshot.decoded


def promotion_of(promotion: Promotion, world: World) -> Promotion:
    """The promotion that is taken back, as it stands."""
    return Promotion.of(world.ports.journal.entries(about=rolling(promotion).of))


def tell_taken(promotion: Promotion, world: World) -> None:
    """Let the promotion know, once, that production no longer has it; that ends its watch."""
    _tell(promotion, world, "taken_back.done", {"record": promotion.id})


def ended(outcome: Outcome, promotion: Promotion, world: World) -> Outcome:
    """Where a rollback ends without having taken anything back, its promotion is told, and people after a failure."""
    if not isinstance(outcome, Stop):
        return outcome
    _tell(promotion, world, "taken_back.ended", {"record": promotion.id, "verdict": outcome.verdict})
    if outcome.verdict in ("failed", "no backup"):
        call_people(promotion, world, f"it failed: {outcome.why}")
    return outcome


def call_people(promotion: Promotion, world: World, why: str) -> None:
    """Call whoever is on call, once, and open an incident about the promotion, unless one is open: for a rollback
    that went wrong, and for one that was let through by breaking the glass.
    """
    ports = world.ports
    if any(e.kind == "people.called" and e.data["why"] == why for e in ports.journal.entries(about=promotion.id)):
        return
    people = dict.fromkeys((*world.policy.incidents.on_call, *world.policy.approvals.approvers))
    own = rolling(promotion)
    record, new = open_for(ports, Beginning(
        project=promotion.plan.project, title=f"Rollback of {own.of}: {why}", severity="SEV2", by=SYSTEM,
        promotion=own.of, broken=own.reason,
    ))
    data: dict[str, Json] = {"people": list(people), "why": why}
    fact = Fact(about=promotion.id, kind="people.called", actor=SYSTEM, data=data)
    ports.journal.append([fact], key=f"called:{promotion.id}:{why}")
    if new:
        ports.wake(record)
        ports.wake(own.of)
    ports.tell()


def _tell(promotion: Promotion, world: World, kind: str, data: dict[str, Json]) -> None:
    about = rolling(promotion).of
    fact = Fact(about=about, kind=kind, actor=SYSTEM, data=data)
    if world.ports.journal.append([fact], key=f"{promotion.id}:{kind}:{about}"):
        world.ports.wake(about)
        world.ports.tell()
