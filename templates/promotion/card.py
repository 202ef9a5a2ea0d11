"""A promotion's card in Slack, at each moment."""

from __future__ import annotations

from bot.domain.plan import PlannedFile
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from templates.blocks import Block, Mark, Message, actions, bold, context, line, lines, rich, section
from templates.promotion.buttons import buttons_of
from templates.promotion.checklist import CONFIRM, after, checklist, checklist_lines
from templates.promotion.course import origin
from templates.promotion.emergency import emergency_mark, owed_blocks, proof_block
from templates.promotion.sight import Sight
from templates.promotion.status import status as status_of
from templates.promotion.status import title as title_of
from templates.promotion.timing import run_now_mark
from templates.promotion.unread import unread_lines
from templates.promotion.way_back import card_lines


def card(sight: Sight) -> Message:
    """The one message of a promotion, as it is now."""
    p = sight.promotion
    title, status = title_of(sight), status_of(sight)
    blocks: list[Block] = [section(bold(title)), section(status), rich(*_files(p))]
    for mark in filter(None, (origin(p), emergency_mark(p))):
        blocks.append(section(mark))
    if mark := run_now_mark(p.run_now):
        blocks.append(section(mark))
    risks = line(f"Destroys data or opens access: {'; '.join(p.plan.risks)}.")
    if p.plan.risks and p.kind == "promotion":
        blocks.append(section(risks))
    if p.plan.unread and p.kind == "promotion":
        blocks.append(section(unread_lines(p)))
    if p.kind == "promotion":
        blocks.extend(card_lines(p))
    told = [title, status, *_lines(p), risks if p.plan.risks and p.kind == "promotion" else "",
            unread_lines(p) if p.kind == "promotion" else ""]
    if sight.record.status is Status.LIVE or not p.changed_something:
        blocks.extend(checklist(sight))
        told += checklist_lines(sight)
    if sight.record.stage == "watch" and sight.record.status is Status.LIVE:
        blocks.extend(after(sight))
    blocks.extend([*proof_block(p), *owed_blocks(p, CONFIRM)])
    if buttons := buttons_of(sight):
        blocks.append(actions(*buttons))
    blocks.append(context(_small_print(sight)))
    return Message(lines(*told), tuple(blocks))


def _lines(p: Promotion) -> list[Mark]:
    return [line("✓ in  " if file.version in p.committed else "", file.label) for file in p.plan.files]


def _files(p: Promotion) -> tuple[str, ...]:
    parts: list[str] = []
    for file in p.plan.files:
        state = "✓ in  " if file.version in p.committed else ""
        parts += [
            state,
            bold(file.label),
            f"  {file.purpose}" if file.purpose else "",
            f"  ({_statements(file)})",
            "\n",
        ]
    return tuple(parts[:-1])


def _statements(file: PlannedFile) -> str:
    return (
        f"{file.statements} statement{'s' if file.statements != 1 else ''}"
        if file.statements
        else "cannot run as it is"
    )


def _small_print(sight: Sight) -> Mark:
    p = sight.promotion
    head = p.expected_head
    place = f"{p.where} is at {head}" if head else f"{p.where} has no migrations"
    if p.plan.after and not p.began:
        place = f"after {p.plan.after}, for {p.where} at {head}"
    tail = f" · journal head {sight.head_hash[:12]}" if sight.head_hash else ""
    source = p.plan.source
    read = f"{source.label}{', a fork' if source.fork else ''} · " if source else ""
    return line(f"{sight.record.id} · plan {p.plan.digest[:6]} · {read}{place}{tail}")
