"""The report of a day in Slack: one page over everything of the last 24 hours."""

from __future__ import annotations

from bot.domain.day import Day, Item
from templates.blocks import Block, Mark, Message, bold, context, line, lines, mention, section, when
from templates.documents.words import span
from templates.words import of_project

MOST = 15


def day_card(day: Day, id: str = "") -> Message:
    """The whole page; a chapter without anything says so."""
    title = line("The last 24 hours, until ", when(day.until))
    blocks: list[Block] = [section(bold(title))]
    rows: list[str] = [title]
    if day.overdue:
        drawn = lines(bold("Overdue"), *(_overdue(item) for item in day.overdue[:MOST]))
        blocks.append(section(drawn))
        rows.append(drawn)
    for chapter in day.chapters:
        shown = [_item(item) for item in chapter.items[:MOST]]
        if more := len(chapter.items) - len(shown):
            shown.append(line(f"… and {more} more"))
        drawn = lines(bold(f"{chapter.title}: {len(chapter.items) or 'none'}"), *shown)
        blocks.append(section(drawn))
        rows.append(drawn)
    if day.means:
        said = [f"{name} {span(length)} over {count}" for name, length, count in day.means]
        drawn = line("Incidents resolved: ", ", ".join(said))
        blocks.append(section(drawn))
        rows.append(drawn)
    if id:
        blocks.append(context(line(id)))
    return Message(lines(*rows), tuple(blocks))


def _item(item: Item) -> Mark:
    needs = line(" · waits: ", item.needs) if item.needs else Mark("")
    return line(bold(item.id), f"{of_project(item.project)} · {item.title} · {item.state}", needs)


def _overdue(item: Item) -> Mark:
    person = item.needs[:1] in ("U", "W") and item.needs.isalnum() and item.needs.isupper()
    who = line(" · ", mention(item.needs)) if person else Mark(" · nobody owns it")
    return line(bold(item.id), f" · {item.title} · {item.state} since ", when(item.at), who)
