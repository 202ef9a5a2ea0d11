"""A waiver: an approver's word in place of an automatic gate's, with the reason asked for in a modal."""

from __future__ import annotations

from bot.domain.checklist import Check, State
from templates.blocks import Block, button, line, modal, section, text_input

WAIVE, WAIVE_REASON = "gate.waive", "gate.waive.reason"
REASON = "reason"


def waive_button(record: str, check: Check) -> Block | None:
    """`Waive`, on a line that is open for a reason outside."""
    if not check.waivable or check.state is State.PASSED:
        return None
    return button("Waive", WAIVE, f"{record}:{check.gate}")


def waive_modal(record: str, check: Check) -> Block:
    """Why this line may stay open, in the words of the one who takes it on."""
    return modal(
        "Waive",
        [
            section(line(f"{check.title}: {check.said}")),
            section(
                line(
                    f"{record} then goes on without it. Your name and the reason stay on its card and in the journal. "
                    "The waiver holds for exactly these bytes."
                )
            ),
            text_input("Reason", REASON, REASON, multiline=True, longest=300),
        ],
        WAIVE_REASON, submit="Waive", close="Back", metadata=f"{record}:{check.gate}",
    )
