"""An emergency promotion in Slack: its mark on the card, and the evidence that is asked for afterwards."""

from __future__ import annotations

from bot.domain.emergency import PROOF, proof_line
from bot.domain.entry import Entry
from bot.domain.promotion import Promotion
from templates.blocks import Block, Mark, button, line, mention, section
from templates.promotion.waiver import waive_button


def emergency_mark(p: Promotion) -> Mark:
    """Who asked for it to pass windows and ticks, and why; nothing on an ordinary promotion."""
    if p.emergency is None:
        return Mark("")
    return line("Emergency, by ", mention(p.emergency.by), f": {p.emergency.reason} It passes windows, ticks and the "
                "pull request's review; never staging, a block or the second person.")


def proof_block(p: Promotion) -> list[Block]:
    """The backup's proof, which a second approver may waive while nothing has begun."""
    line_ = proof_line(p.emergency)
    if line_ is None or not (p.plan.risks or p.plan.unread or p.lost or p.backup) or (p.backup and p.backup.done):
        return []
    if given := p.waivers.get(PROOF):
        return [section(line("Backup: its proof was waived by ", mention(given.by), f": {given.reason}"))]
    if p.began or p.ending is not None:
        return []
    return [section(line(f"◻ {line_.title}: {line_.said}"), accessory=waive_button(p.id, line_))]


def owed_blocks(p: Promotion, confirm: str) -> list[Block]:
    """What is still owed, each line with `Confirm`, the action id of which is given."""
    owed = p.emergency.owed if p.emergency else None
    if not owed or p.ending is not None:
        return []
    head = section(line("Skipped by emergency and still owed:"))
    return [head, *(section(line(f"◻ {each}"), button("Confirm", confirm, f"{p.id}:{each}")) for each in owed)]


def owed_line(p: Promotion, entry: Entry) -> Mark | None:
    """The thread's question for what was skipped; nothing more to ask is said, too."""
    owed = entry.data["owed"]
    names = ", ".join(map(str, owed)) if isinstance(owed, list) else ""
    if not names:
        return line("The evidence that was skipped by emergency is all there now.") if entry.data["again"] else None
    again = "Still owed" if entry.data["again"] else "Skipped by emergency, and owed now"
    return line(mention(p.requested_by), f": {again}: {names}. Look, then press Confirm on the card of {p.id}; "
                "the pull request's review by GitHub, or by an approver's Confirm.")
