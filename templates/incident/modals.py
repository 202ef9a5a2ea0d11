"""The windows of an incident to fill in; their fields, by action id, and what they start with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.command import GUIDES, ROLES, Severity
from bot.domain.incident import INVESTIGATING, MITIGATING, WATCHING, Incident
from templates.blocks import (
    Block,
    bold,
    choice,
    context,
    line,
    lines,
    modal,
    moment_input,
    person_input,
    private_channel_input,
    section,
    text_input,
)
from templates.incident.card import switch_line

OPEN, UPDATED, RATED, DECIDED, STOPPED, RESOLVED, GIVEN, ADDED, CORRECTED = (
    "incident.opening", "incident.updated", "incident.rated", "incident.decided", "incident.stopped",
    "incident.resolved", "incident.given", "incident.added", "incident.corrected",
)
SAME = "same"
TITLE, SEVERITY, PROJECT, BROKEN, IMPACT, PEOPLE, ACTIONS, ROOM = (
    "title", "severity", "project", "broken", "impact", "people", "actions", "room",
)
TEXT, STATUS, NEXT, WHY, CHOICE, PROMOTION, REVERSIBLE, WHAT, ROLE, PERSON, WHICH, AT, KEY = (
    "text", "status", "next", "why", "choice", "promotion", "reversible", "what", "role", "person", "which", "at",
    "key",
)
STATUSES = (
    ("Investigating: the cause is not known", INVESTIGATING), ("Mitigating: it is being ended", MITIGATING),
    ("Watching: it seems to be over", WATCHING),
)
CRITERIA = (
    ("Rollback: data corrupted, or the app is completely broken", "rollback"),
    ("Forward fix: a minor issue with a known fix", "forward fix"),
    ("Hotfix: a critical security issue", "hotfix"),
)


def open_modal(
    projects: Sequence[str], project: str, title: str, severity: Severity, metadata: str, broken: str = "",
    similar: Sequence[tuple[str, str]] = (),
) -> Block:
    """What is broken, how bad, for whom, what was done. `similar` are open incidents that this might be."""
    blocks: list[Block] = []
    if similar:
        rows = [line(f"{record} {words}") for record, words in similar]
        blocks.append(section(lines(bold("Is it one of these?"), *rows)))
    blocks += [
        text_input("Title", TITLE, TITLE, initial=title, longest=150),
        choice("Severity", SEVERITY, SEVERITY, [(f"{each}: {guide}", str(each)) for each, guide in GUIDES.items()],
               initial=str(severity)),
    ]
    if len(projects) > 1:
        blocks.append(choice("Project", PROJECT, PROJECT, [(name, name) for name in projects], initial=project))
    blocks += [
        text_input("What is broken", BROKEN, BROKEN, multiline=True, optional=True, initial=broken),
        text_input("Impact", IMPACT, IMPACT, optional=True, hint="Who notices, and what they cannot do", longest=500),
        text_input("How many people", PEOPLE, PEOPLE, optional=True, hint="A number, as far as you know", longest=9),
        text_input("Actions taken so far", ACTIONS, ACTIONS, multiline=True, optional=True),
        private_channel_input("Keep it in a private channel", ROOM, ROOM,
                              "Only for what not everybody may read; Stagedoor has to be in it"),
    ]
    return modal("Open an incident", blocks, OPEN, submit="Open", close="Back", metadata=metadata)


def update_modal(incident: Incident, next_at: datetime, channel: str) -> Block:
    return modal(
        f"Update {incident.id}",
        [
            text_input("What is known, what is being done", TEXT, TEXT, multiline=True, longest=2000),
            choice("Status", STATUS, STATUS, STATUSES, initial=incident.status),
            moment_input("Next update by", NEXT, NEXT, next_at, "You are reminded when it is overdue", optional=True),
            text_input("How many people", PEOPLE, PEOPLE, optional=True, longest=9,
                       initial="" if incident.people is None else str(incident.people)),
        ],
        UPDATED, submit="Tell everybody", close="Back", metadata=f"{incident.id}@{channel}",
    )


def severity_modal(incident: Incident, channel: str) -> Block:
    return modal(
        f"Severity of {incident.id}",
        [
            choice("Severity", SEVERITY, SEVERITY, [(f"{each}: {guide}", str(each)) for each, guide in GUIDES.items()],
                   initial=str(incident.severity), hint="SEV1 and SEV2 freeze promotions of the project"),
            text_input("Why", WHY, WHY, optional=True, longest=500),
        ],
        RATED, submit="Change", close="Back", metadata=f"{incident.id}@{channel}",
    )


def decide_modal(
    incident: Incident, evidence: Sequence[str], promotions: Sequence[tuple[str, str]], channel: str,
) -> Block:
    """The seed's criteria with what the evidence says. `promotions` are (label, id) of those that may carry it out."""
    blocks: list[Block] = [
        section(lines(bold("What the evidence says"), *(line(each) for each in evidence))),
        choice("Decision", CHOICE, CHOICE, CRITERIA),
        text_input("Why", WHY, WHY, multiline=True, longest=1000),
    ]
    if promotions:
        blocks.append(choice("Carried out by", PROMOTION, PROMOTION, promotions, optional=True,
                             hint="The freeze of this incident lets that promotion pass"))
    blocks.append(text_input("Can be taken back until", REVERSIBLE, REVERSIBLE, optional=True, longest=200,
                             hint="A time, or what makes it final"))
    title = f"Decide {incident.id}"
    return modal(title, blocks, DECIDED, submit="Decide", close="Back", metadata=f"{incident.id}@{channel}")


def stop_modal(incident: Incident, offered: Sequence[tuple[str, str]], channel: str) -> Block:
    """Flags and the code deployment, with how they stand. `offered`: (label, value)."""
    latest = {each.flag: each for each in incident.switches}
    blocks: list[Block] = [section(lines(*(switch_line(each) for each in latest.values())))] if latest else []
    blocks.append(choice("Switch", WHAT, WHAT, offered))
    blocks.append(context(line("It is done once, however often it is asked for; the thread says what came of it.")))
    title = "Stop the bleeding"
    return modal(title, blocks, STOPPED, submit="Switch", close="Back", metadata=f"{incident.id}@{channel}")


def resolve_modal(incident: Incident, watched: str, others: Sequence[tuple[str, str]], channel: str) -> Block:
    """What fixed it; or (`others`: label, id) which other incident it turned out to be."""
    same = [choice("Or it is the same as", SAME, SAME, others, optional=True,
                   hint="Then it ends here, owes no report, and goes on there")] if others else []
    return modal(
        f"Resolve {incident.id}",
        [
            text_input("What fixed it", TEXT, TEXT, multiline=True, longest=1000, optional=bool(others)), *same,
            context(line(f"It is watched for {watched} before it is called closed, and reopens with one click.")),
        ],
        RESOLVED, submit="Resolve", close="Back", metadata=f"{incident.id}@{channel}",
    )


def roles_modal(incident: Incident, channel: str) -> Block:
    return modal(
        f"Roles of {incident.id}",
        [
            choice("Role", ROLE, ROLE, [(f"{role}: {does}", role) for role, does in ROLES.items()]),
            person_input("Person (nobody leaves it open)", PERSON, PERSON),
        ],
        GIVEN, submit="Give", close="Back", metadata=f"{incident.id}@{channel}",
    )


def add_modal(choices: Sequence[tuple[str, str]], text: str, metadata: str) -> Block:
    """To which incident a message belongs."""
    return modal(
        "Add to an incident",
        [section(text[:500] or "A message without words"), choice("Incident", WHICH, WHICH, choices,
                                                                initial=choices[0][1])],
        ADDED, submit="Add", close="Back", metadata=metadata,
    )


def correct_modal(text: str, at: datetime, key: bool, metadata: str) -> Block:
    """An entry's text and time; the old ones stay to be seen."""
    return modal(
        "Correct the timeline",
        [
            text_input("Text", TEXT, TEXT, multiline=True, optional=True, initial=text),
            moment_input("When it happened", AT, AT, at, "Your time zone"),
            choice("Key moment", KEY, KEY, (("No", "no"), ("Yes, the report shows it first", "yes")),
                   initial="yes" if key else "no"),
        ],
        CORRECTED, submit="Correct", close="Back", metadata=metadata,
    )


def flags_offered(
    incident: Incident, flags: Mapping[str, tuple[str, str, str]], revert: str,
) -> tuple[tuple[str, str], ...]:
    """What can be switched: (label, value). `flags`: kind, off and on by name. A value is looked up again later."""
    latest = {each.flag: each for each in incident.switches}
    offered: list[tuple[str, str]] = []
    for name, (kind, off, on) in flags.items():
        offered.append((f"{name} → {off} ({kind})", f"flag:{name}:off"))
        if name in latest and (on or latest[name].before):
            offered.append((f"{name} back to {latest[name].before or on}", f"flag:{name}:on"))
    offered.append((f"Take the code deployment back ({revert})", "revert"))
    return tuple(offered)
