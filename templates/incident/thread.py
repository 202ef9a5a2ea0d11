"""The lines of an incident's thread: what changed before it, and what Stagedoor and its people did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.entry import Entry, Json
from bot.domain.incident import Incident
from bot.domain.values import texts
from templates.blocks import Mark, Message, bold, code, line, lines, link, notice, section, when
from templates.incident.card import cut
from templates.words import length, named, who

LATE = timedelta(minutes=1)


def opened(incident: Incident) -> Message:
    """What whoever opened it said."""
    rows = [line(bold("Opened"), " by ", who(incident.by), f": {incident.title}")]
    if incident.actions:
        rows.append(line("Done so far: ", incident.actions))
    if incident.promotion:
        word = "It is to be ended by" if incident.ends_it else "Likely cause:"
        rows.append(line(f"{word} {incident.promotion}."))
    if incident.alert:
        rows.append(line(f"Opened from the alert {incident.alert}."))
    if incident.message.startswith("http"):
        rows.append(link(incident.message, "the message it was opened from"))
    return notice(lines(*rows))


def opened_too(entry: Entry) -> Message:
    """What somebody else said who opened the same a moment later."""
    d = entry.data
    rows = [line(bold("Opened"), " by ", who(entry.actor), f", too: {d.get('title', '')}")]
    rows += [line(f"{label}: ", str(d[key])) for label, key in (
        ("Broken", "broken"), ("Impact", "impact"), ("Done so far", "actions"),
    ) if d.get(key)]
    return notice(lines(*rows))


def told(entry: Entry) -> Message:
    """What changed in the last 24 h, the newest first, and past incidents that were like this one."""
    changes, similar = _maps(entry.data.get("changes")), _maps(entry.data.get("similar"))
    title = line(bold("What changed in the last 24 h"))
    rows = [_change(each) for each in changes] or [line("Nothing that Stagedoor knows of: no promotion, window, freeze "
                                                        "or alert of this project.")]
    blocks = [section(title), *(section(lines(*rows[at:at + 10])) for at in range(0, len(rows), 10))]
    alike = [_similar(each) for each in similar]
    if alike:
        blocks.append(section(lines(bold("It was like this before"), *alike)))
    return Message(lines(title, *rows, *alike), tuple(blocks))


def _change(change: Mapping[str, Json]) -> Mark:
    by = named(texts(change.get("by")))
    at = datetime.fromisoformat(str(change["at"]))
    return line(when(at), f" {change['record']} {cut(str(change['what']))}", " · " if by else "", by)


def _similar(other: Mapping[str, Json]) -> Mark:
    fixed = str(other.get("fixed_by", ""))
    said = f"{other['record']} {cut(str(other['title']))} ({other['why']})"
    return line(said, f". Fixed by: {fixed}" if fixed else "")


@dataclass(frozen=True, kw_only=True)
class Told:
    """An entry with the incident as it was just before it and just after it."""

    entry: Entry
    before: Incident
    incident: Incident
    on_call: Sequence[str]

    @property
    def by(self) -> str:
        return who(self.entry.actor)

    def said(self, name: str) -> str:
        return str(self.entry.data.get(name) or "")

    def when(self, name: str) -> Mark:
        return when(datetime.fromisoformat(self.said(name)))

    @property
    def call(self) -> Mark:
        """Who has to hear of it: the commander, or while nobody leads who is on call."""
        leads = self.incident.commander or self.before.commander
        return named([leads] if leads else self.on_call)


def incident_line(of: Told) -> Message | None:
    """What the thread says about an entry; None for what is not worth a line."""
    if of.entry.kind == "incident.opened":
        return opened(of.incident) if of.entry.seq == of.incident.seq else opened_too(of.entry)
    if of.entry.kind == "incident.told":
        return told(of.entry)
    draw = _LINES.get(of.entry.kind)
    text = draw(of) if draw else None
    return notice(text) if text else None


def _severity(of: Told) -> Mark:
    why = f": {of.said('why')}" if of.said("why") else ""
    return line(f"{of.before.severity} → {of.said('to')}, ", of.by, why)


def _status(of: Told) -> Mark:
    return line(f"{of.said('to').capitalize()}, ", of.by) if of.before.status != of.said("to") else Mark("")


def _overdue(of: Told) -> Mark:
    whom = [of.said("who")] if of.said("who") else list(of.on_call)
    late = _late(of.entry.data.get("late"))
    return line(named(whom), " The next update was promised for ", of.when("due"), late, ". Press Update on the card.")


def _asked(of: Told) -> Mark:
    if len(of.before.switches) == len(of.incident.switches):
        return Mark("")     # somebody wished the same a moment earlier
    what = f"{of.said('flag')} to {of.said('to')}" if of.said("flag") else "the code deployment back"
    return line(of.by, f" switches {what}.")


def _detected(of: Told) -> Mark:
    if of.said("name") != "detected" or abs(of.before.at - datetime.fromisoformat(of.said("at"))) < LATE:
        return Mark("")
    return line("Detected ", of.when("at"))


def _resolved(of: Told) -> Mark:
    if of.before.open:
        return line("Resolved by ", of.by, f": {of.said('fixed_by')}")
    return line("It was resolved a moment before. ", of.by, f" says what fixed it, too: {of.said('fixed_by')}")


def _watching(of: Told) -> Mark:
    health = "the health addresses and " if of.entry.data.get("health") else ""
    missing = "" if health else " The policy names no health addresses, so none is asked."
    return line(
        "Watching until ", of.when("until"), f": Stagedoor looks at {health}new alerts.{missing} "
        "Whether users report less only people can say: tell it here.",
    )


def _saw(of: Told) -> Mark:
    return line(of.call, f" While watching: {of.said('what')}. Press Reopen on the card if it is not over.")


def _closed(of: Told) -> Mark:
    saw = of.entry.data.get("saw")
    well = f"trouble was seen {saw} times, see above" if saw else "nothing new was seen"
    return line(f"Closed: the watch is over, {well}.")


def _reopened(of: Told) -> Mark:
    return Mark("") if of.before.open else line(of.call, " Reopened by ", of.by, f": {of.said('why')}")


def _joined(of: Told) -> Mark:
    why = f": {of.said('why').rstrip('.')}" if of.said("why") else ""
    return line(f"This is the same as {of.said('into')} {of.said('title')}, says ", of.by, why,
                ". It goes on there, and its report has what was said here.")


def _took_in(of: Told) -> Mark:
    people = of.entry.data.get("people")
    hit = f", about {people} people" if people else ""
    return line(f"{of.said('from')} {of.said('title')} ({of.said('severity')}{hit}) is the same, says ", of.by,
                ". What was said there is in this report.")


def _froze(of: Told) -> Mark:
    return line(
        f"Promotions are frozen ({of.said('freeze')}), but for what ends this. An approver can lift it: ",
        code(f"/deploy unfreeze {of.said('freeze')} REASON"),
    )


def _thawed(of: Told) -> Mark:
    return line(f"Promotions are no longer frozen by this: {of.said('why')}.")


def _corrected(of: Told) -> Mark:
    return line(of.by, " corrected an entry of the timeline; what it said before stays to be seen.")


def _role(of: Told) -> Mark:
    role, person = of.said("role"), of.said("person")
    holds = of.incident.roles.get(role, "")
    if holds != person and holds and person:    # somebody else was a moment earlier
        return line(who(person), ": ", who(holds), f" is {role} since a moment before. Ask again to take over.")
    if of.before.roles.get(role, "") == person or holds != person:
        return Mark("")
    if not person:
        return line(f"Nobody is {role} any more, ", of.by)
    given = "" if person == of.entry.actor else line(", named by ", of.by)
    return line(who(person), " leads now" if role == "commander" else f" is {role} now", given)


def _update(of: Told) -> Mark:
    entry = of.entry
    rows = [line(bold("Update"), " by ", who(entry.actor)), line(str(entry.data["text"]))]
    if people_hit := entry.data.get("people"):
        rows.append(line(f"About {people_hit} people affected."))
    if next_at := entry.data.get("next_at"):
        rows.append(line("Next update by ", when(datetime.fromisoformat(str(next_at)))))
    return lines(*rows)


def _decided(of: Told) -> Mark:
    entry, d = of.entry, of.entry.data
    options, evidence = d.get("options"), d.get("evidence")
    rows = [line(bold(f"Decided: {d['choice']}"), ", ", who(entry.actor), f". {d['why']}" if d.get("why") else "")]
    if isinstance(options, list):
        rows.append(line(f"Out of: {', '.join(str(each) for each in options)}"))
    if isinstance(evidence, list):
        rows += [line(str(each)) for each in evidence]
    if d.get("promotion"):
        rows.append(line(f"Carried out by {d['promotion']}, which the freeze of this incident lets pass."))
    rows.append(line(f"Can be taken back until: {d['reversible_until']}" if d.get("reversible_until")
                     else "Until when it can be taken back: nobody said."))
    return lines(*rows)


def _switched(of: Told) -> Mark:
    d = of.entry.data
    if any(each.id == d.get("switch") and each.state == "in_force" for each in of.before.switches):
        return Mark("")     # somebody did the same by hand a moment earlier
    what = f"{d['flag']} to {d['to']}" if d.get("flag") else "The code deployment back"
    in_force, steps = d.get("in_force_at"), d.get("steps")
    state = {
        "in_force": "in force", "following": "under way, not in force yet", "accepted": "accepted by the other side",
        "manual": "has to be done by hand", "failed": "failed, nothing was switched",
        "unknown": "nobody can say whether it was switched",
    }.get(str(d["state"]), str(d["state"]))
    since = line(" since ", when(datetime.fromisoformat(str(in_force)))) if in_force else Mark("")
    rows = [line(f"{what}: {state}", since, ". ", str(d.get("answer", "")))]
    if isinstance(steps, list):
        rows += [line(f"{at}. {step}") for at, step in enumerate(steps, start=1)]
    if d.get("way_back"):
        rows.append(line(f"Way back: {d['way_back']}"))
    return lines(*rows)


def _late(seconds: Json) -> str:
    passed = timedelta(seconds=seconds if isinstance(seconds, int | float) else 0)
    return f" (late by {length(passed)})" if passed >= LATE else ""


def _maps(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


_LINES: Mapping[str, Callable[[Told], Mark]] = {
    "incident.role": _role, "incident.severity": _severity, "incident.status": _status, "incident.update": _update,
    "incident.overdue": _overdue, "incident.decided": _decided, "incident.switch_asked": _asked,
    "incident.following": _switched, "incident.switched": _switched, "incident.reverted": _switched,
    "incident.milestone": _detected, "incident.resolved": _resolved, "incident.watching": _watching,
    "incident.watch_saw": _saw, "incident.closed": _closed, "incident.reopened": _reopened,
    "incident.joined": _joined, "incident.took_in": _took_in,
    "incident.froze": _froze, "incident.thawed": _thawed, "incident.corrected": _corrected,
}

TOLD = frozenset({"incident.opened", "incident.told", *_LINES})
"""The kinds of entries that the thread may say something about."""
