"""An incident's card at each moment, and the ids of its buttons."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.command import COMMANDER
from bot.domain.incident import CLOSED, RESOLVED, Incident
from bot.domain.record import Record, Status
from bot.domain.switches import Switch
from templates.blocks import (
    Block,
    Mark,
    Message,
    actions,
    bold,
    button,
    clock,
    context,
    line,
    lines,
    mention,
    overflow,
    section,
    when,
)
from templates.words import named, of_project, who

COMMAND, UPDATE, DECIDE, RESOLVE = "incident.command", "incident.update", "incident.decide", "incident.resolve"
REOPEN, MORE, OPEN_FROM, BY_HAND = "incident.reopen", "incident.more", "incident.open_from", "incident.by_hand"
SHORT = 200


def incident_card(
    record: Record, incident: Incident, on_call: Sequence[str], more: Sequence[tuple[str, str]],
) -> Message:
    """The one message of an incident. `more` are further lines of its overflow menu: text and word."""
    title = line(f"{incident.id} · {incident.severity} · {incident.title}")
    rows = [_standing(incident), *_next(incident), *_decided(incident), *_switched(incident)]
    if not incident.commander and incident.open:
        rows.append(line("Nobody leads yet. On call: ", named(on_call)) if on_call else line("Nobody leads yet."))
    blocks: list[Block] = [section(bold(title)), section(lines(*rows))]
    if incident.broken or incident.impact:
        told = [line("Broken: ", incident.broken) if incident.broken else Mark("")]
        told.append(line("Impact: ", incident.impact) if incident.impact else Mark(""))
        blocks.append(section(lines(*told)))
        rows += told
    blocks += _buttons(record, incident, more)
    small = f"{incident.id}{of_project(incident.project)}{' · private' if incident.private else ''}"
    blocks.append(context(line(f"{small} · opened by ", who(incident.by), " ", when(incident.at))))
    return Message(lines(title, *rows), tuple(blocks))


def _standing(i: Incident) -> Mark:
    parts: list[str] = [i.status.capitalize()]
    if i.status == RESOLVED:
        parts = [line("Resolved ", when(i.resolved_at) if i.resolved_at else "")]
        if i.watch_until:
            parts.append(line("watched until ", clock(i.watch_until)))
    elif i.status == CLOSED:
        parts = [line("Closed", line(" ", when(i.closed_at)) if i.closed_at else "")]
    if i.commander:
        parts.append(line("commander ", mention(i.commander)))
    parts += [line(f"{role} ", mention(person)) for role, person in i.roles.items() if role != COMMANDER]
    if i.people is not None:
        parts.append(f"about {i.people} people affected")
    return _joined(parts)


def _next(i: Incident) -> list[Mark]:
    rows: list[str] = []
    if i.open and i.next_update:
        rows.append(line("Next update by ", clock(i.next_update)))
    if i.open and i.frozen_by:
        rows.append(f"{'p' if rows else 'P'}romotions are frozen ({i.frozen_by})")
    said = [_joined(rows)] if rows else []
    if i.updates:
        last = i.updates[-1]
        said.append(line("Last update ", clock(last.at), " by ", who(last.by), ": ", cut(last.text)))
    if not i.open:
        said.append(line("Fixed by: ", i.fixed_by))
    return said


def _decided(i: Incident) -> list[Mark]:
    return [
        line(f"Decided: {d.choice}{f' ({d.promotion})' if d.promotion else ''}, ", who(d.by), ", ", clock(d.at))
        for d in i.decisions[-1:]
    ]


def _switched(i: Incident) -> list[Mark]:
    latest: dict[str, Switch] = {each.flag: each for each in i.switches}
    return [switch_line(each) for each in latest.values()]


def switch_line(switch: Switch) -> Mark:
    """A flag or the code deployment, and how far it is."""
    what = f"{switch.flag} → {switch.to}" if switch.flag else "Code deployment taken back"
    match switch.state:
        case "in_force":
            since = line("in force since ", clock(switch.in_force_at)) if switch.in_force_at else "in force"
        case "asked" | "acting":
            since = "being switched"
        case "following":
            since = "not in force yet, the other side works on it"
        case "accepted":
            since = "accepted; since when it is in force cannot be seen from here"
        case "manual":
            since = "to be done by hand, see the thread"
        case "unknown":
            since = "unknown whether it acted, see the thread"
        case _:
            since = "failed, see the thread"
    return line(f"{what}: ", since, " (", who(switch.by), ")")


def _buttons(record: Record, i: Incident, more: Sequence[tuple[str, str]]) -> list[Block]:
    if record.status is Status.ENDED:
        return [actions(overflow(MORE, *((text, f"{i.id}:{word}") for text, word in more)))] if more else []
    manual = [each for each in i.switches if each.state == "manual"]
    done = [button("Done by hand", BY_HAND, f"{i.id}:{manual[-1].id}")] if manual else []
    if not i.open:
        rest = overflow(MORE, *_options(i, (("Stop the bleeding", "stop"), ("Severity", "severity"), *more)))
        return [actions(button("Reopen", REOPEN, i.id), *done, rest)]
    command = button("Take command", COMMAND, f"{i.id}:{i.commander}", style=None if i.commander else "primary")
    first = [] if i.commander else [command]
    shown = [
        *first, button("Update", UPDATE, i.id, style="primary" if i.commander else None),
        button("Decide", DECIDE, i.id), button("Resolve", RESOLVE, i.id), *done,
    ]
    words = [("Take command", f"command:{i.commander}")] if i.commander else []
    words += [("Severity", "severity"), ("Stop the bleeding", "stop"), ("Roles", "roles"), *more]
    return [actions(*shown, overflow(MORE, *_options(i, words)))]


def _options(i: Incident, words: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(text, f"{i.id}:{word}") for text, word in words]


def cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= SHORT else f"{flat[:SHORT - 1]}…"


def _joined(parts: Sequence[str]) -> Mark:
    return line(*(piece for at, part in enumerate(parts) for piece in ((" · ",) if at else ()) + (part,)))
