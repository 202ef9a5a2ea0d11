"""The SQL of a plan, as a modal or a file."""

from __future__ import annotations

from bot.domain.promotion import Promotion
from templates.blocks import Block, bold, line, modal, preformatted, section

SQL_IN_A_MODAL = 12_000
"""Characters of SQL that a modal shows; what is longer is a file in the thread."""


def sql_modal(promotion: Promotion, files: list[tuple[str, str]]) -> Block:
    """The SQL of the plan, exactly as it would run."""
    shown = sum(len(sql) for _, sql in files)
    blocks: list[Block] = [
        section(
            line(
                f"{promotion.id} · plan {promotion.plan.digest[:6]} · an approval is for these bytes and no others."
            )
        )
    ]
    if shown > SQL_IN_A_MODAL:
        blocks.append(
            section(line("It is long: the whole of it is a file in the thread of the card; here is the beginning."))
        )
    room = SQL_IN_A_MODAL
    for filename, sql in files:
        blocks += [section(bold(filename)), preformatted(sql[:room] or "(nothing)")]
        room -= len(sql)
        if room <= 0:
            break
    return modal("SQL", blocks, "promotion.sql.read")


def long_sql(files: list[tuple[str, str]]) -> str:
    """The same SQL as one text for a file, or nothing when the modal shows it whole."""
    if sum(len(sql) for _, sql in files) <= SQL_IN_A_MODAL:
        return ""
    return "\n".join(f"-- {filename}\n{sql}" for filename, sql in files)
