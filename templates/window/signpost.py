"""The title of the bookmark that names the next deploy window: plain text, for bookmarks know no dates of Slack's."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.window import Outlook
from templates.words import of_project

LONGEST = 100


def begins(project: str) -> str:
    """By what the bookmark of a project is found again."""
    return f"Deploys{of_project(project)}: "


def signpost(outlook: Outlook, zone: str) -> str:
    """What the bookmark says as of `outlook.since`; nothing where deploys are always open and nothing is announced."""
    said = _said(outlook, ZoneInfo(zone))
    text = f"{begins(outlook.project)}{said}" if said else ""
    return text if len(text) <= LONGEST else f"{text[:LONGEST - 1]}…"


def _said(outlook: Outlook, zone: ZoneInfo) -> str:
    now = outlook.since
    if closed := next((each for each in outlook.closures if each.covers(now)), None):
        until = f" until {_moment(closed.end, zone)}" if closed.end else ""
        return f"frozen{until} · {closed.why}"
    spans = [] if outlook.always_open else [*outlook.openings]
    spans += [each.span for each in outlook.announced]
    coming = min((span for span in spans if span.end > now), key=lambda span: span.start, default=None)
    if coming is None:
        return "" if outlook.always_open else "no window in the next two weeks"
    if coming.start <= now:
        return f"window open until {_moment(coming.end, zone)}"
    return f"next window {_moment(coming.start, zone)}"


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    there = moment.astimezone(zone)
    return f"{there:%a} {there.day} {there:%b %H:%M} {zone.key}"
