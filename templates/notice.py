"""A notice in the channel: what changed, and what it means for what waits."""

from __future__ import annotations

from collections.abc import Sequence

from templates.blocks import Message, bold, context, line, preformatted, section

MOST = 30


def policy_changed(record: str, changes: Sequence[str]) -> Message:
    """What differs from the policy of the last start."""
    title = line("The policy changed")
    shown = "\n".join(changes[:MOST]) + (f"\nand {len(changes) - MOST} more" if len(changes) > MOST else "")
    meaning = "What was asked for before keeps the stricter of the old and the new rules."
    blocks = (section(bold(title)), preformatted(shown), section(line(meaning)), context(line(record)))
    return Message(f"The policy changed\n{shown}\n{meaning}", blocks)
