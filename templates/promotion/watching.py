"""The watch of a promotion, on its card and in its thread."""

from __future__ import annotations

from datetime import datetime

from bot.domain.entry import Entry, Json
from bot.domain.promotion import Promotion
from bot.domain.span import span
from bot.domain.values import texts
from bot.domain.visit import Visit
from templates.blocks import Mark, clock, line, mention, when
from templates.promotion.sight import Sight
from templates.words import of_project


def alarm_title(sight: Sight) -> str:
    """The card's first line once something is wrong; nothing before."""
    p = sight.promotion
    if not p.looks.wrong:
        return ""
    errors = any("error" in wrong or "FATAL" in wrong for wrong in p.looks.wrong)
    return f"{'New errors' if errors else 'Trouble'} since this promotion{of_project(p.plan.project)}"


def watching(sight: Sight) -> Mark:
    """`In production since 22:04 · watching until 22:34 · nothing new so far; logs read up to 22:19`."""
    p = sight.promotion
    since = line("In production since ", when(max(file.at for file in p.committed.values())))
    if p.watch_until is None:
        return since
    until = line(" · watching until ", clock(p.watch_until))
    if p.looks.wrong:
        linked = f", alert {p.looks.alarm} in the incidents channel" if p.looks.alarm else ""
        return line(since, until, f" · {p.looks.wrong[0]}{_others(p)}{linked}")
    read = sight.progress.get("logs")
    logs = line("; logs read up to ", clock(datetime.fromisoformat(str(read)))) if read else Mark("")
    unseen = f". Not seen: {'; '.join(p.looks.unseen)}" if p.looks.unseen else ""
    return line(since, until, " · nothing new so far", logs, unseen)


def watched(p: Promotion) -> str:
    """What the watch came to, for the Done card."""
    if p.watch_until is None:
        return ""
    linked = f" · alert {p.looks.alarm}" if p.looks.alarm else ""
    return f" · {p.watched}{linked}" if p.watched else " · nobody looked after it went in"


def begun(p: Promotion, e: Entry) -> Mark:
    """What will be looked at, and what will not."""
    until = datetime.fromisoformat(str(e.data["until"]))
    addresses, pages = _count(e.data.get("health")), _count(e.data.get("pages"))
    seen = [
        "the logs" if e.data.get("logs") else "", "the database's own counters" if e.data.get("database") else "",
        f"{addresses} health address{'es' if addresses != 1 else ''}" if addresses else "",
        f"{pages} page{'s' if pages != 1 else ''}" if pages else "",
    ]
    named = ", ".join(part for part in seen if part) or "nothing but what people see"
    first = e.data.get("first")
    look = f" The first verdict comes after {span(first)}." if isinstance(first, int | float) and first else ""
    blind = "" if e.data.get("logs") else " The logs are not seen: neither a drain nor the Management API brings them."
    return line("Watching production until ", when(until), f": {named}.{look}{blind}")


def looked(p: Promotion, e: Entry) -> Mark | None:
    """A verdict; one that needs people mentions those who asked for it and approved it."""
    said = str(e.data["said"])
    new = e.data.get("new")
    if isinstance(new, list) and new:
        people: list[str] = []
        for person in texts(e.data.get("people")):
            people += [mention(person), " "]
        linked = f" Alert {p.looks.alarm} has it." if p.looks.alarm else ""
        said = f"since {p.id}: {'; '.join(map(str, new))}. It was not so before.{linked}"
        return line(*people, f"{said} Look now; where people are affected, take it back.")
    if e.data.get("last"):
        return line(f"The watch is over. {_sentence(said)}")
    return line(f"First look. {_sentence(said)}") if e.data.get("well") else None


def visited(p: Promotion, e: Entry) -> Mark | None:
    visit = e.data.get("visit")
    return line(Visit.from_json(visit).said) if isinstance(visit, dict) else None


def _others(p: Promotion) -> str:
    more = len(p.looks.wrong) - 1
    return f" and {more} more" if more else ""


def _count(value: Json) -> int:
    return len(value) if isinstance(value, list) else 0


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:]
