"""The modals of a rollback: how bad it is and why, and why one person decides alone."""

from __future__ import annotations

from bot.domain.promotion import Promotion
from bot.domain.rolling_back import Severity
from bot.domain.way_back import Schema
from templates.blocks import Block, Mark, choice, line, lines, modal, section, text_input

GLASS, GLASS_BECAUSE, ASK = "rollback.glass", "rollback.glass.because", "rollback.ask"
REVIEWED = "rollback.reviewed"
SEVERITY, REASON = "severity", "reason"
SCHEMAS = {
    Schema.EXACT: "proven exact on staging", Schema.ORDER: "proven exact on staging but for column order",
    Schema.DIFFERS: "tried on staging, and it does not lead back exactly",
    Schema.UNKNOWN: "never tried: nobody knows where it leads",
}


def rollback_ask_modal(promotion: Promotion, steps: list[str], data: Mark, rows: Mark, channel: str) -> Block:
    """Severity and reason; what would be taken back, by what, and what that costs."""
    return modal(
        "Roll back",
        [
            section(lines(
                line(f"{promotion.id} is taken back from production by a new migration, newest file first:"),
                *(line(f"· {step}") for step in steps),
            )),
            section(lines(data, rows)),
            choice(
                "How bad is it?", SEVERITY, SEVERITY,
                [("Major: data corruption, or the app is broken", str(Severity.MAJOR)),
                 ("Minor: cosmetic, the app works", str(Severity.MINOR))],
                hint="Major: roll back now. Minor: a forward fix is usually the better way.",
            ),
            text_input(
                "Reason", REASON, REASON, multiline=True, longest=300,
                hint="It stands in the new migration's header, on the card and in the journal.",
            ),
        ],
        ASK, submit="Roll back", close="Back", metadata=f"{promotion.id}@{channel}",
    )


def glass_modal(seen: str, channel: str) -> Block:
    """Why one person decides alone; `seen` is the record with the mark of the plan that they look at."""
    record = seen.partition(":")[0]
    said = "Nobody answered. Your word alone then lets it begin; people are called, and somebody else reviews it."
    reason = text_input("Reason", REASON, REASON, multiline=True, longest=300)
    return modal(
        "Break glass", [section(line(f"{record}: {said}")), reason], GLASS_BECAUSE, submit="Roll back", close="Back",
        metadata=f"{seen}@{channel}",
    )


def step_line(label: str, source: str, schema: str) -> str:
    """One file that is taken back, and what its way back is worth."""
    whose = "the rollback file" if source == "file" else "the draft"
    return f"{label}, by {whose}, {SCHEMAS[Schema(schema)]}"
