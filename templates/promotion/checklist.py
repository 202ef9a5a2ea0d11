"""The lines of a promotion's checklist on its card: gates, ticks, and what people look at while watching."""

from __future__ import annotations

from bot.domain.checklist import Check, State
from bot.domain.record import Status
from templates.blocks import Block, Mark, button, line, lines, mention, section, speech, when
from templates.promotion.sight import Sight
from templates.promotion.waiver import waive_button

CONFIRM = "promotion.confirm"
MARKS = {State.PASSED: "✓", State.WAITING: "◻", State.REFUSED: "✗", State.UNKNOWN: "?"}


def checklist(sight: Sight) -> list[Block]:
    checks = sight.promotion.checklist
    open_ = sight.record.status is Status.LIVE and not sight.promotion.began
    waivable = {check.gate: button for check in checks if open_ and (button := waive_button(sight.record.id, check))}
    automatic = [_check(check) for check in checks if not check.manual and check.gate not in waivable]
    blocks = [section(lines(*automatic))] if automatic else []
    blocks += [section(_check(check), accessory=waivable[check.gate]) for check in checks if check.gate in waivable]
    return blocks + [_manual(sight, check) for check in checks if check.manual]


def checklist_lines(sight: Sight) -> list[Mark]:
    """The same as text, for who cannot see the blocks."""
    return [_check(check) for check in sight.promotion.checklist]


def _check(check: Check) -> Mark:
    word = f"{check.state}: " if check.state in (State.REFUSED, State.UNKNOWN) else ""
    by = line(", by ", mention(check.by)) if check.by else ""
    at = line(", ", when(check.at)) if check.at else ""
    until = line("; counts until ", when(check.until)) if check.until else ""
    as_of = line(" (GitHub does not answer; as of ", when(check.as_of), ")") if check.as_of else ""
    said = line(": ", word, speech(check.said)) if check.said else ""
    return line(f"{MARKS[check.state]} {check.title}", said, by, at, until, as_of)


def _manual(sight: Sight, check: Check) -> Block:
    open_ = check.state is not State.PASSED and sight.record.status is Status.LIVE and not sight.promotion.began
    tick = button("Confirm", CONFIRM, f"{sight.record.id}:{check.label}") if open_ else None
    return section(_check(check), accessory=tick)


def after(sight: Sight) -> list[Block]:
    blocks: list[Block] = []
    for label in sight.after:
        given = sight.promotion.ticks.get(label)
        if given:
            blocks.append(section(line(f"✓ {label}, by ", mention(given.by), ", ", when(given.at))))
        else:
            tick = button("Confirm", CONFIRM, f"{sight.record.id}:{label}")
            blocks.append(section(line(f"◻ {label}: not confirmed yet"), accessory=tick))
    return blocks
