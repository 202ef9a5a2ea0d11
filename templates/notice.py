"""A notice in the channel: what changed, and what it means for what waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from templates.blocks import Message, bold, code, context, line, lines, preformatted, section

MOST = 30


def names_unknown(record: str, names: Sequence[str]) -> Message:
    """What the policy names and Slack does not know."""
    title = line("The policy names what Slack does not know")
    shown = "\n".join(names[:MOST])
    meaning = line("It counts for nothing until the policy is mended. ", code("stagedoor doctor"), " says how.")
    blocks = (section(bold(title)), preformatted(shown), section(meaning), context(line(record)))
    return Message(lines(title, shown, meaning), blocks)


def logs_unseen(record: str, project: str, gap: Mapping[str, str]) -> Message:
    """A span of logs that was never read, and what that means."""
    title = line(f"Logs of {project} {gap['environment']} were not seen")
    begin, end = (datetime.fromisoformat(gap[edge]) for edge in ("begin", "end"))
    span = line(f"From {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC. ", gap["why"])
    meaning = line("Errors of that time raised no alert and are not counted; Supabase's log explorer may have them.")
    blocks = (section(bold(title)), section(span), section(meaning), context(line(record)))
    return Message(lines(title, span, meaning), blocks)


def channel_closed(record: str, closed: Mapping[str, str]) -> Message:
    """A channel that Slack takes nothing for: what that means, and the way on."""
    channel, error = closed["channel"], closed["error"]
    title = line(f"Nothing can be shown in {channel}")
    why = line(
        f"Slack answered {error}, first for {closed['record']}. What was begun goes on as before and is journalled. ",
        "In any other channel ", code("/migrate status"), " and ", code("/incident list"), " answer.",
    )
    then = line(
        f"Unarchive {channel}, invite Stagedoor to it, or name another one in the policy. It is tried again every ten "
        "minutes; what was missed is caught up with then."
    )
    return Message(lines(title, why, then), (section(bold(title)), section(why), section(then), context(line(record))))


def policy_changed(record: str, changes: Sequence[str]) -> Message:
    """What differs from the policy of the last start."""
    title = line("The policy changed")
    shown = "\n".join(changes[:MOST]) + (f"\nand {len(changes) - MOST} more" if len(changes) > MOST else "")
    meaning = "What was asked for before keeps the stricter of the old and the new rules."
    blocks = (section(bold(title)), preformatted(shown), section(line(meaning)), context(line(record)))
    return Message(f"The policy changed\n{shown}\n{meaning}", blocks)
