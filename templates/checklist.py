"""The runbook's checklist in Slack: a line each, and the same as Markdown to copy."""

from __future__ import annotations

from bot.domain.document import Checklist, Line, Tick
from bot.domain.entry import SYSTEM
from templates.blocks import (
    Block,
    Mark,
    Message,
    bold,
    context,
    line,
    lines,
    mention,
    preformatted,
    section,
    speech,
    when,
)

MARKS = {Tick.DONE: "✓", Tick.OPEN: "◻", Tick.LEFT_OUT: "\u2013"}


def checklist_card(checklist: Checklist, markdown: str) -> Message:
    """Every chapter with its lines, and then the Markdown for a pull request."""
    title = f"Checklist of {checklist.record} · {checklist.name}"
    blocks: list[Block] = [section(bold(title))]
    rows: list[str] = [title]
    for chapter in checklist.chapters:
        drawn = [_row(each) for each in chapter.lines]
        blocks.append(section(lines(bold(chapter.title), *drawn)))
        rows += [chapter.title, *drawn]
    blocks.append(context("As Markdown, for the pull request:"))
    blocks.append(preformatted(markdown))
    return Message(lines(*rows), tuple(blocks))


def _row(each: Line) -> Mark:
    if each.tick is Tick.LEFT_OUT:
        return line(f"{MARKS[each.tick]} {each.title}: not needed")
    said = line(": ", speech(each.said)) if each.said else ""
    return line(f"{MARKS[each.tick]} {each.title}", said, _by(each.by), line(", ", when(each.at)) if each.at else "")


def _by(actor: str) -> Mark:
    if not actor:
        return Mark("")
    person = actor[0] in "UW" and actor.isalnum() and actor.isupper()
    return line(", by ", mention(actor) if person else "Stagedoor" if actor == SYSTEM else actor)
