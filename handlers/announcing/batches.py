"""Thread lines that wait, gathered into one message, so that a burst stays within a message a second."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.entry import Entry
from handlers.announcing.showing import Line, Upload
from templates.blocks import Block, Mark, Message, context, line, lines, when

LATE = timedelta(minutes=2)
"""From then on a line says when it happened, since the message's own time would mislead."""

_BLOCKS, _TEXT = 45, 3500


@dataclass(frozen=True)
class Batch:
    """Lines for one message: its words, the first and the last entry it tells, and the last one it settles."""

    message: Message
    first: Entry
    last: Entry
    file: Upload | None


def gather(entries: Iterable[Entry], draw: Callable[[Entry], Line | None], now: datetime) -> tuple[Batch | None, int]:
    """The next lines as one message, and the last entry that is settled by it (0: nothing to settle)."""
    told: list[tuple[Entry, Line]] = []
    through, blocks, length = 0, 0, 0
    for entry in entries:
        drawn = draw(entry)
        if drawn is None:
            through = entry.seq
            continue
        body = drawn.message.to_json()
        blocks += len(_blocks(drawn))
        length += len(str(body["text"])) + 1
        if told and (drawn.alone or blocks > _BLOCKS or length > _TEXT):
            break
        told.append((entry, drawn))
        through = entry.seq
        if drawn.alone or drawn.file:
            break
    if not told:
        return None, through
    return _batch(told, now), through


def _batch(told: list[tuple[Entry, Line]], now: datetime) -> Batch:
    first, last = told[0][0], told[-1][0]
    blocks = [block for _, drawn in told for block in _blocks(drawn)]
    if now - first.at > LATE:
        blocks.insert(0, context(_late(first, last)))
    text = lines(*(Mark(str(drawn.message.to_json()["text"])) for _, drawn in told))
    return Batch(Message(text, tuple(blocks)), first, last, told[-1][1].file)


def _late(first: Entry, last: Entry) -> Mark:
    if last.at - first.at < timedelta(minutes=1):
        return line("Told late: this happened ", when(first.at))
    return line("Told late: this happened from ", when(first.at), " to ", when(last.at))


def _blocks(drawn: Line) -> list[Block]:
    blocks = drawn.message.to_json()["blocks"]
    assert isinstance(blocks, list)
    return [block for block in blocks if isinstance(block, dict)]
