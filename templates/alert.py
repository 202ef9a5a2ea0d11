"""An alert in #incidents: its card at each moment, and the lines of its thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.alert import Alert, Counters
from bot.domain.entry import Entry
from bot.domain.record import Record, Status
from bot.domain.signal import Cause
from bot.domain.span import span
from bot.domain.values import texts
from templates.blocks import (
    Block,
    Mark,
    Message,
    actions,
    bold,
    button,
    clock,
    confirm,
    context,
    line,
    lines,
    mention,
    notice,
    preformatted,
    rich,
    section,
    when,
)
from templates.words import named, of_project

ACKNOWLEDGE, MUTE, SAMPLE, ERASE = "alert.acknowledge", "alert.mute", "alert.sample", "alert.erase"
OPEN_INCIDENT, ROLL_BACK = "incident.open_from", "promotion.roll_back"
_SAID = 900


@dataclass(frozen=True, kw_only=True)
class AlertSight:
    """What an alert's card is drawn from. `met` says who met the fault, as of now; `incident` is what was opened."""

    record: Record
    alert: Alert
    counters: Counters
    now: datetime
    met: str = ""
    top: tuple[str, ...] = ()
    may_roll_back: bool = False
    may_open: bool = False
    incident: str = ""


def alert_card(sight: AlertSight) -> Message:
    """The one message of an alert, as it is now."""
    a = sight.alert
    title = line(f"{a.title}{of_project(a.project)}", *_counted(sight))
    said = sight.counters.said or a.said
    said = said if len(said) <= _SAID else f"{said[:_SAID - 1]}…"
    state, cause = _state(sight), _cause(a.cause)
    blocks: list[Block] = [section(bold(title)), rich(said)]
    if sight.top:
        blocks.append(preformatted("\n".join(sight.top)))
    told = [sight.met, cause, state]
    if any(told):
        blocks.append(section(lines(*told)))
    if sight.record.status is Status.LIVE:
        blocks.append(actions(*_buttons(sight)))
    blocks.append(context(_small_print(sight)))
    return Message(lines(title, said, *sight.top, *told), tuple(blocks))


def _counted(sight: AlertSight) -> tuple[str, ...]:
    a, counters = sight.alert, sight.counters
    if sight.record.status is Status.ENDED:
        return ()
    if a.state:
        return (f" · for {span(max(0.0, (counters.seen - counters.first).total_seconds()))}",)
    if counters.count <= 1:
        return ()
    took = span(max(1.0, (counters.last - counters.first).total_seconds()))
    return (f" · {counters.count:,} times in {took}{f', {counters.trend}' if counters.trend else ''}",)


def _cause(cause: Cause | None) -> Mark:
    if cause is None:
        return Mark("")
    word = "Likely cause" if cause.sure else "May be linked to"
    return line(f"{word}: promotion {cause.promotion}: {cause.why}.")


def _state(sight: AlertSight) -> Mark:
    a, counters, parts = sight.alert, sight.counters, list[Mark]()
    if sight.record.status is Status.ENDED:
        quiet = line("Over since ", clock(counters.seen)) if a.state else line("Quiet since ", when(counters.last))
        parts.append(quiet if a.state else line(quiet, f" · {counters.count:,} in all"))
    if a.acknowledged:
        parts.append(line("Acknowledged by ", mention(a.acknowledged[0]), ", ", clock(a.acknowledged[1])))
    if a.muted(sight.now) and a.muted_until:
        parts.append(line("Muted by ", mention(a.muted_by), " until ", clock(a.muted_until)))
    if sight.incident:
        parts.append(line(f"Incident {sight.incident}"))
    if a.paged:
        parts.append(line("Paged"))
    elif a.page_trouble:
        parts.append(line(f"Could not page: {a.page_trouble}"))
    joined: list[str] = []
    for part in parts:
        joined += [" · ", part] if joined else [part]
    return line(*joined)


def _buttons(sight: AlertSight) -> list[Block]:
    a, id = sight.alert, sight.record.id
    buttons: list[Block] = []
    if not a.acknowledged:
        buttons.append(button("Acknowledge", ACKNOWLEDGE, id, style="primary"))
    if sight.may_roll_back and a.cause and a.cause.sure:
        buttons.append(button("Roll back", ROLL_BACK, a.cause.promotion, style="danger"))
    if sight.may_open and not sight.incident:
        buttons.append(button("Open incident", OPEN_INCIDENT, id))
    if not a.muted(sight.now):
        buttons.append(button("Mute 1 h", MUTE, id))
    return buttons


def _small_print(sight: AlertSight) -> Mark:
    a = sight.alert
    again = f" · again after {a.before}" if a.before else ""
    return line(f"{sight.record.id}{again} · since ", when(a.raised.first))


def alert_line(alert: Alert, entry: Entry) -> Message | None:
    """What the thread says about an entry. Acknowledging and muting change the card and add no line."""
    match entry.kind:
        case "alert.raised":
            return _evidence(alert)
        case "alert.called":
            return _called(alert, entry)
        case "alert.doubled":
            who = mention(alert.acknowledged[0]) if alert.acknowledged else Mark("")
            return notice(line(who, f": {alert.id} has doubled since, to {entry.data['count']:,} times. Look again."))
        case "alert.pictured" if entry.data.get("sha256"):
            return notice(line(str(entry.data["alt"])))
        case "alert.pictured":
            return notice(line(f"The curve could not be drawn: {entry.data.get('why')}"))
        case "alert.page_failed":
            return notice(line(f"Nobody could be paged: {entry.data['why']} It is tried again until somebody is."))
        case "alert.erased":
            return notice(line("The samples were erased by ", mention(entry.actor)))
        case "watch.linked":
            return notice(line(str(entry.data["said"])))
        case "walk.ended":
            return notice(line(f"{alert.id} is over{_in_all(alert, entry)}."))
        case _:
            return None


def _in_all(alert: Alert, entry: Entry) -> str:
    if alert.rule == "blind":
        return ": all of it is watched again"
    count = str(entry.data.get("why", ""))
    return "" if alert.state or alert.keeps or not count.isdigit() else f": quiet, {int(count):,} in all"


def _evidence(alert: Alert) -> Message | None:
    """What is known at the beginning, with the way to the messages themselves where there are any."""
    rows = [row for row in alert.evidence if row]
    if not rows and not alert.fingerprint:
        return None
    shown = "\n".join(rows)
    blocks: list[Block] = [preformatted(shown)] if shown else []
    ask = line("The message as it came may hold what customers wrote; operators can read it.")
    if alert.fingerprint:
        blocks += [section(ask), actions(button("Show sample", SAMPLE, alert.id))]
    return Message(lines(shown, ask if alert.fingerprint else ""), tuple(blocks))


def _called(alert: Alert, entry: Entry) -> Message:
    people = texts(entry.data["people"])
    why = f": {entry.data['why']}" if entry.data.get("why") else ""
    nobody = "" if people else " Nobody is on call: the policy's [incidents] on_call is empty."
    said = f"{alert.id}, {alert.title.lower()}{why}. Press Acknowledge on it.{nobody}"
    return notice(line(named(people), " " if people else "", said))


def samples_card(alert: Alert, samples: Sequence[tuple[datetime, datetime, str]]) -> Message:
    """Messages as they came, each with when and until when they are kept; for one person's eyes."""
    if not samples:
        return notice(f"There are no samples of {alert.id}: none was logged with its text, or they expired.")
    blocks: list[Block] = []
    for at, expires, text in samples[:5]:
        blocks += [context(line("At ", when(at), ", kept until ", when(expires))), preformatted(text[:2800])]
    blocks.append(actions(button(
        "Erase samples", ERASE, alert.id, style="danger",
        confirm=confirm("Erase them?", "The messages are gone for good; the counts stay.", "Erase", "Back"),
    )))
    texts = "\n".join(text[:300] for _, _, text in samples[:5])
    return Message(f"Samples of {alert.id}\n{texts}", tuple(blocks))
