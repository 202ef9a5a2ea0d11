"""The watch of a promotion, on its card and in its thread."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

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
    """`In production since 22:04 · watching for 30 min, until 22:34, 20 min left · nothing new so far; logs read up to
    22:19`: a span and an end, so that a short watch is not taken for one that is over.
    """
    p = sight.promotion
    since = line("In production since ", when(max(file.at for file in p.committed.values())))
    if p.watch_until is None:
        return since
    until = _times(p, p.watch_until, sight.progress)
    if p.looks.wrong:
        linked = f", alert {p.looks.alarm} in the incidents channel" if p.looks.alarm else ""
        return line(since, until, f" · {p.looks.wrong[0]}{_others(p)}{linked}")
    read = sight.progress.get("logs")
    logs = line("; logs read up to ", clock(datetime.fromisoformat(str(read)))) if read else Mark("")
    unseen = f". Not seen: {'; '.join(p.looks.unseen)}" if p.looks.unseen else ""
    return line(since, until, " · nothing new so far", logs, unseen)


def _times(p: Promotion, until: datetime, progress: Mapping[str, Json]) -> Mark:
    """For how long it is watched, until when, and what of that is left; the first verdict while it is to come."""
    lasts = f"for {span(round((until - p.looks.begun).total_seconds()))}, " if p.looks.begun else ""
    if progress.get("late"):
        end = datetime.fromisoformat(str(progress["late"]))
        return line(" · its watch ended at ", clock(until), "; the logs of that time are awaited until ", clock(end),
                    " at most")
    left = progress.get("left")
    more = f", up to {span(left)} left" if isinstance(left, int | float) else ""
    first = Mark("")
    if p.looks.begun and p.looks.first is None and p.looks.close:
        verdict = p.looks.begun + timedelta(seconds=p.looks.close)
        first = line(", first verdict at ", clock(verdict)) if verdict < until else first
    return line(f" · watching {lasts}until ", clock(until), more, first)


def watched(p: Promotion) -> str:
    """What the watch came to, for the Done card."""
    if p.watch_until is None:
        return ""
    linked = f" · alert {p.looks.alarm}" if p.looks.alarm else ""
    return f" · {p.watched}{linked}" if p.watched else " · nobody looked after it went in"


def well_or_not(p: Promotion) -> str:
    """How the news that it is done goes on: what the watch found wrong is not passed over."""
    if p.taken_back and p.taken_back.live:
        return f". Production has all of it, until {p.taken_back.record} has taken it back."
    if not p.looks.wrong:
        return ". Production has all of it."
    linked = f" Alert {p.looks.alarm} has it." if p.looks.alarm else ""
    return (
        f" and production has all of it, and not all is well since: {p.looks.wrong[0]}{_others(p)}.{linked} "
        "Roll back on its card takes it out."
    )


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
    lasts = f"for {span(round((until - e.at).total_seconds()))}, " if p.looks.begun else ""
    return line(f"Watching production {lasts}until ", when(until), f": {named}.{look}{blind}")


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
    return said if said.startswith("http") else said[:1].upper() + said[1:]
