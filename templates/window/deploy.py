"""What `/deploy` answers in private: help, what was understood, the calendar, and its windows to fill in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.window import Closure, Outlook, Span
from templates.blocks import (
    Block,
    Mark,
    Message,
    actions,
    bold,
    button,
    choice,
    code,
    context,
    header,
    home,
    line,
    lines,
    mention,
    modal,
    moment_input,
    notice,
    section,
    text_input,
    when,
)
from templates.hints import complete_blocks
from templates.window.card import queue_lines, span, utc
from templates.words import of_project, place

CONFIRM_IT = "deploy.confirm"
PICK, AT, LASTS, WHY = "deploy.pick", "at", "lasts", "why"
LENGTHS = (("30 minutes", "30"), ("1 hour", "60"), ("2 hours", "120"), ("4 hours", "240"), ("8 hours", "480"))

COMMANDS = (
    ("window WHEN [for DURATION] [REASON]", "announce a deploy window; without WHEN, pick it"),
    ("windows", "the calendar of the next two weeks"),
    ("freeze [until WHEN] REASON", "stop promotions at once; project:all stops every project's"),
    ("unfreeze [F-1] REASON", "lift a freeze, as an approver"),
    ("cancel W-1", "take an announced window back"),
    ("help", "this list"),
)
EXAMPLES = ("tomorrow 02:00", "Tue 22:00 for 2h", "in 45 min", "2026-12-01 02:00 Europe/Berlin", "tonight")
MOST = 40


def deploy_help(problem: str = "") -> Message:
    """The sub-commands; `problem` comes first when something was not understood."""
    rows = [line(code(f"/deploy {usage}"), f"  {does}") for usage, does in COMMANDS]
    blocks: list[Block] = [section(line(problem))] if problem else []
    blocks.append(section(lines(*rows)))
    examples = ", ".join(EXAMPLES)
    blocks.append(context(line(f"WHEN is in your time zone unless it names another: {examples}")))
    text = "\n".join(f"/deploy {usage}: {does}" for usage, does in COMMANDS)
    return Message(f"{problem}\n{text}\nWHEN: {examples}".strip(), tuple(blocks))


def understood(kind: str, token: str, of: Span, zone: str, reason: str, closed: str) -> Message:
    """What was understood, in the reader's zone and in UTC, with the button that makes it count."""
    there = ZoneInfo(zone)
    if kind == "window":
        said = line("A deploy window ", span(of), f": {reason}" if reason else "")
        local = f"{_in(of.start, there)} to {_in(of.end, there)} {zone}; {utc(of)}"
    else:
        said = line("Promotions frozen from now until ", when(of.end), f": {reason}")
        local = f"{_in(of.end, there)} {zone}; {of.end:%Y-%m-%d %H:%M} UTC"
    shut = line(f"Nothing can start in a part of it: {closed}.") if closed else Mark("")
    ask = line("It counts, and the team is told, once you press Confirm.")
    blocks = (
        section(bold(said)), section(lines(local, shut, ask)),
        actions(button("Confirm", CONFIRM_IT, token, style="primary")),
    )
    return Message(lines(said, local, shut, ask), blocks)


def counts(record: str, channels: Sequence[str]) -> Message:
    first, *more = (place(each) for each in channels)
    return notice(line(f"{record} counts. Its card is in ", first, *(line(", ", each) for each in more), "."))


def pick_modal(project: str, suggested: datetime, measured: bool, channel: str) -> Block:
    """A window from a date picker; `suggested` is the quietest hour where that is known."""
    hint = (
        "Suggested: the hour with the least activity in production, as far as it was measured."
        if measured else "Which hours are quiet is not known yet: Stagedoor measures production for some days first."
    )
    return modal(
        "Deploy window",
        [
            moment_input("Opens", AT, AT, suggested, hint),
            choice("Lasts", LASTS, LASTS, LENGTHS, initial="120"),
            text_input("Reason", WHY, WHY, optional=True, longest=200),
        ],
        PICK, submit="Show it", close="Back", metadata=f"{project}@{channel}",
    )


def calendar_card(outlook: Outlook) -> Message:
    """Two weeks of one project, for one reader."""
    blocks = calendar_blocks(outlook)
    title, rows = _title(outlook), _rows(outlook)
    return Message(lines(title, *rows, *queue_lines(outlook.queue)), tuple(blocks))


def calendar_blocks(outlook: Outlook) -> list[Block]:
    rows = _rows(outlook)
    blocks: list[Block] = [section(bold(_title(outlook)))]
    blocks += [section(lines(*rows[at:at + 10])) for at in range(0, len(rows), 10)]
    blocks.append(section(lines(*queue_lines(outlook.queue))))
    if outlook.quietest:
        blocks.append(context(line("The quietest hour to come, as measured in production: ", when(outlook.quietest))))
    return blocks


def home_view(outlooks: Sequence[Outlook]) -> Block:
    """App Home: the same calendar, of every project that the reader may see."""
    blocks: list[Block] = [header("Deploy windows")]
    for outlook in outlooks:
        announce = context(line("As of ", when(outlook.since), ". Announce a window: ",
                                code("/deploy window tomorrow 22:00 for 2h")))
        own = [*calendar_blocks(outlook), announce]
        blocks += complete_blocks(own, outlook.project) if len(outlooks) > 1 else own
    if not outlooks:
        blocks.append(section("Stagedoor is for full members of this workspace."))
    return home(blocks)


def _title(outlook: Outlook) -> Mark:
    return line(f"Deploy windows of the next two weeks{of_project(outlook.project)}")


def _rows(outlook: Outlook) -> list[Mark]:
    """Openings, announced windows and closures by their time."""
    own = {window.span.start: window for window in outlook.announced if not window.recurring}
    rows: list[tuple[datetime, Mark]] = []
    if outlook.always_open:
        rows.append((outlook.since, line("Deploys are always open: the policy names no windows.")))
    else:
        rows += [(each.start, line("Open ", span(each))) for each in outlook.openings if each.start not in own]
    for window in own.values():
        reason = f": {window.reason}" if window.reason else ""
        said = line("Open ", span(window.span), f" · {window.id}, announced by ", mention(window.by), reason)
        rows.append((window.span.start, said))
    rows += [(max(each.start, outlook.since), _closure(each)) for each in outlook.closures]
    if not rows:
        way = line("Nothing opens. Announce one: ", code("/deploy window tomorrow 22:00 for 2h"))
        rows.append((outlook.since, way))
    rows.sort(key=lambda row: row[0])
    more = [line(f"… and {len(rows) - MOST} more")] if len(rows) > MOST else []
    return [said for _, said in rows[:MOST]] + more


def _closure(each: Closure) -> Mark:
    until = line(" to ", when(each.end)) if each.end else line(", until an approver lifts it")
    return line("Closed ", when(each.start), until, f" · {each.name}: {each.why}")


def _in(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M}"
