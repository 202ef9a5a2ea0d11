"""What `/incident` answers in private: help and the list."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.incident import Incident
from templates.blocks import Block, Message, bold, code, context, line, lines, section, when
from templates.words import who

COMMANDS = (
    ("open [TITLE]", "open an incident: a window asks what is broken, how bad it is and for whom"),
    ("list [WORDS]", "the newest incidents, or those that say all the words"),
    ("note INC-1 TEXT", "write something into its timeline"),
    ("resolve INC-1", "say what fixed it; it is watched before it is called closed"),
    ("duplicate INC-2 of INC-1", "INC-2 turned out to be INC-1: it ends, and its words go into INC-1's report"),
    ("report INC-1", "its report, as far as it is"),
    ("report 24h", "one page over the last 24 hours"),
    ("help", "this list"),
)


def incident_help(problem: str = "") -> Message:
    """The sub-commands; `problem` comes first when something was not understood."""
    rows = [line(code(f"/incident {usage}"), f"  {does}") for usage, does in COMMANDS]
    blocks: list[Block] = [section(line(problem))] if problem else []
    blocks.append(section(lines(*rows)))
    blocks.append(context(line("In a thread, mention the bot instead: ", code("@stagedoor incident note TEXT"))))
    text = "\n".join(f"/incident {usage}: {does}" for usage, does in COMMANDS)
    return Message(f"{problem}\n{text}".strip(), tuple(blocks))


def incident_list(found: Iterable[Incident], sought: str) -> Message:
    """Incidents, newest first."""
    rows = [_row(each) for each in found]
    title = f"Incidents that say “{sought}”" if sought else "Incidents"
    if not rows:
        none = f"No incident says all of “{sought}”." if sought else "There was no incident yet."
        return Message(none, (section(line(none)),))
    blocks = [section(bold(line(title))), *(section(lines(*rows[at:at + 10])) for at in range(0, len(rows), 10))]
    return Message(lines(title, *rows), tuple(blocks))


def _row(i: Incident) -> str:
    fixed = f" · fixed by: {i.fixed_by}" if i.fixed_by and not i.open else ""
    private = " · private" if i.private else ""
    return line(bold(i.id), f" {i.severity} {i.status} · {i.title}{private} · ", who(i.by), " ", when(i.at), fixed)
