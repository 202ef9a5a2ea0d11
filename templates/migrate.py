"""What `/migrate` answers in private: help, status, history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.overview import Line, Overview
from bot.domain.promotion import Promotion
from bot.domain.record import Record
from templates.blocks import (
    Block,
    Message,
    bold,
    code,
    context,
    line,
    lines,
    mention,
    preformatted,
    section,
    table,
    when,
)
from templates.words import of_project

COMMANDS = (
    ("status", "each migration with local, staging and production columns, and drift between the two databases"),
    ("check [VERSION…]", "what the pending migrations, or these, would lock, lose or open, with the line"),
    ("stage [VERSION…|#PR]", "put the pending migrations, these, or a pull request's into staging and verify them"),
    ("restage VERSION", "take it back on staging and apply the edited file there"),
    ("promote [VERSION…|#PR] [--emergency REASON]", "ask for the pending migrations, these, or a pull request's to go "
     "to production; an emergency passes windows and ticks, opens an incident, and owes them afterwards"),
    ("rollback [PROMOTION]", "take the last promotion, or this one, back from production"),
    ("baseline", "accept how files, histories and catalogs differ today, with one approval"),
    ("checklist [PROMOTION]", "the runbook's checklist as it was ticked, also as Markdown for the pull request"),
    ("backup [now]", "the backups there are and how one is restored; now takes one, as an operator"),
    ("backup restore P-31", "ask for the rows back that a promotion destroyed, once it was rolled back"),
    ("history", "the last promotions, staging runs and rollbacks"),
    ("help", "this list"),
)
MOST_LINES = 40
NEWEST = 20
"""Of those, the ones at the end of a long history, whether or not they need something."""
STAGES = {
    "again": "being verified again", "take_back": "being taken back on staging", "proof": "having its way back tried",
    "gates": "held by its gates", "approval": "waiting for approval", "window": "waiting for the deploy window",
    "severity": "being planned", "plan": "being planned", "staging": "taken back, staging next",
    "file": "taken back, its file next",
    "backup": "being backed up", "put_back": "having its rows put back",
    "apply": "being applied", "verify": "being verified", "watch": "being watched",
}


def help_card(problem: str = "") -> Message:
    """The sub-commands; `problem` comes first when something was not understood."""
    rows = [line(code(f"/migrate {usage}"), f"  {does}") for usage, does in COMMANDS]
    blocks: list[Block] = [section(line(problem))] if problem else []
    blocks.append(section(lines(*rows)))
    blocks.append(context(line("In a thread, mention the bot instead: ", code("@stagedoor migrate status"))))
    text = "\n".join(f"/migrate {usage}: {does}" for usage, does in COMMANDS)
    return Message(f"{problem}\n{text}".strip(), tuple(blocks))


def status_card(overview: Overview) -> Message:
    """Every migration of a project, the newest at the end; of long histories what is remarked on, and the newest."""
    shown = _shown(overview.lines)
    rows = [(f"{row.version} {row.name}", row.local, row.staging, row.production, row.remark) for row in shown]
    blocks: list[Block] = [section(bold(f"Migrations{of_project(overview.project)}"))]
    hidden = len(overview.lines) - len(shown)
    if hidden:
        left = sum(bool(row.remark) for row in overview.lines) - sum(bool(row.remark) for row in shown)
        more = f" {left} more need something as well." if left else ""
        what = "Those that need something, and the newest"
        blocks.append(context(line(f"{what}: {len(shown)} of {len(overview.lines)}.{more}")))
    blocks.append(
        table(rows, ("", "local", "staging", "production", ""))
        if rows
        else section("There are no migrations here yet: the folder and both histories are empty.")
    )
    for place, why in overview.unread.items():
        blocks.append(section(line(f"Could not check {place}: {why}")))
    if overview.skipped:
        blocks.append(section(line("Left out of the folder: ", "; ".join(overview.skipped))))
    for filename, difference in overview.diffs[:3]:
        blocks += [section(line("Changed after it was applied: ", bold(filename))), preformatted(difference)]
    blocks += _drift(overview)
    if overview.unwatched:
        blocks += [section(bold("Not watched in production")), preformatted("\n".join(overview.unwatched))]
    text = "\n".join(
        f"{row.version} {row.name}: local {row.local}, staging {row.staging}, production {row.production}. {row.remark}"
        for row in shown
    )
    text += "".join(f"\nDrift: {stray}" for stray in overview.strays[:MOST_LINES])
    text += "".join(f"\nNot watched in production: {said}" for said in overview.unwatched)
    return Message(f"Migrations{of_project(overview.project)}\n{text}", tuple(blocks))


def _drift(overview: Overview) -> list[Block]:
    """What staging and production hold otherwise than each other, and no migration explains."""
    drift, strays = overview.drift, overview.strays
    if drift is None:
        return []
    if not strays:
        accepted = f" but for {len(drift.held)} accepted differences" if drift.held else ""
        told = f"Drift: none, the catalogs of staging and production agree{accepted}."
        return [context(line(told, *(f" {note}." for note in drift.noted[:3])))]
    count = f"{len(strays)} difference{'' if len(strays) == 1 else 's'}"
    said = f"Drift: {count} between staging and production that no migration explains"
    unsure = f" (perhaps: {drift.unsure})" if drift.unsure else ""
    listed = [str(stray) for stray in strays[:MOST_LINES]]
    if len(strays) > MOST_LINES:
        listed.append(f"and {len(strays) - MOST_LINES} more")
    rest = [context(line("Not held against a promotion: ", "; ".join(drift.noted[:5])))] if drift.noted else []
    return [section(bold(f"{said}{unsure}")), preformatted("\n".join(listed)), *rest]


def _shown(rows: Sequence[Line]) -> list[Line]:
    """At most `MOST_LINES`, in their order: the newest, and of the older ones first those that need something."""
    if len(rows) <= MOST_LINES:
        return list(rows)
    older, newest = rows[:-NEWEST], rows[-NEWEST:]
    chosen = sorted(older, key=lambda row: not row.remark)[: MOST_LINES - NEWEST]
    quiet = [row for row in chosen if not row.remark]
    if quiet:    # room is left: for the newest of those that need nothing
        calm = [row for row in older if not row.remark]
        chosen = [row for row in chosen if row.remark] + calm[-len(quiet):]
    return [*sorted(chosen, key=lambda row: row.version), *newest]


def history_card(project: str, runs: Iterable[tuple[Record, Promotion]]) -> Message:
    """The newest runs, newest first."""
    rows = [_run(record, promotion) for record, promotion in runs]
    if not rows:
        return Message(
            f"Nothing has been staged or promoted yet{of_project(project)}",
            (section(line(f"Nothing has been staged or promoted yet{of_project(project)}")),),
        )
    title = f"History{of_project(project)}"
    return Message(lines(title, *rows), (section(bold(title)), section(lines(*rows))))


def _run(record: Record, p: Promotion) -> str:
    back = p.taken_back if p.taken_back and p.taken_back.done else None
    verdict = p.ending.verdict if p.ending else STAGES.get(record.stage, f"at “{record.stage}”")
    verdict = f"rolled back by {back.record}" if back else verdict
    files = ", ".join(file.label for file in p.plan.files[:3]) + (
        f" and {len(p.plan.files) - 3} more" if len(p.plan.files) > 3 else ""
    )
    return line(bold(record.id), f" {verdict} · {files} · ", mention(p.requested_by), " · ", when(p.requested_at))
