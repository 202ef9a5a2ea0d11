"""`Schedule` and `Run now` of a promotion: the windows that they open, and what the card and thread say of them."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from bot.domain.promotion import Promotion
from bot.domain.turn import RunNow
from bot.domain.window import Span
from templates.blocks import Block, Mark, choice, line, mention, modal, section, text_input

SCHEDULE, SCHEDULE_INTO, WINDOW = "promotion.schedule", "promotion.schedule.into", "window"
RUN_NOW, RUN_NOW_BECAUSE, REASON = "promotion.now", "promotion.now.because", "reason"


def schedule_modal(record: str, choices: Sequence[tuple[Span, str]], zone: str, channel: str) -> Block:
    """The windows of the next two weeks, in the reader's time zone: options cannot hold Slack's date tokens."""
    options = [(f"{_span(span, ZoneInfo(zone))}{f' · {name}' if name else ''}", span.start.isoformat())
               for span, name in choices]
    return modal(
        "Schedule",
        [
            section(line(f"{record} then starts in that window and no sooner. Times are {zone}.")),
            choice("Window", WINDOW, WINDOW, options, initial=options[0][1]),
        ],
        SCHEDULE_INTO, submit="Schedule", close="Back", metadata=f"{record}@{channel}",
    )


def run_now_modal(promotion: Promotion, enough: bool, channel: str) -> Block:
    """Why it cannot wait for a window; an approver's word lets it start, anybody else's asks for one."""
    asked = promotion.run_now
    said = (
        f"{promotion.id} starts at once, outside of the deploy windows. Your name and the reason stay on its card."
        if enough else f"{promotion.id} starts outside of the deploy windows once an approver other than its requester "
        "presses Run now as well."
    )
    reason = text_input("Reason", REASON, REASON, multiline=True, longest=300, initial=asked.reason if asked else "")
    return modal(
        "Run now", [section(line(said)), reason], RUN_NOW_BECAUSE, submit="Run now" if enough else "Ask for it",
        close="Back", metadata=f"{promotion.id}@{channel}",
    )


def run_now_mark(run_now: RunNow | None) -> Mark:
    """What stays on the card of a promotion that did not wait for a window."""
    if run_now is None:
        return Mark("")
    if not run_now.given_by:
        way = "An approver other than the requester has to press it too."
        return line("Run now asked for by ", mention(run_now.asked_by), f": {run_now.reason}. {way}")
    given = mention(run_now.given_by)
    return line("Outside of the deploy windows: let through by ", given, f". Reason: {run_now.reason}")


def _span(span: Span, zone: ZoneInfo) -> str:
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    ends = f"{end:%H:%M}" if (end - start).total_seconds() < 86400 else f"{end:%a %d %b %H:%M}"
    return f"{start:%a %d %b %H:%M} to {ends}"
