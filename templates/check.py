"""What `/migrate check` answers: each finding with its line, the reason, what it costs, and the safe form."""

from __future__ import annotations

from bot.domain.finding import Finding, Ignore, Level
from bot.domain.pending import Pending
from templates.blocks import Block, Mark, Message, bold, code, context, line, lines, preformatted, section
from templates.words import of_project

MARKS = {Level.BLOCK: "✗", Level.WARN: "◻", Level.NOTE: "·"}
MOST = 12
"""Findings that are told in full: the gravest first."""


def check_card(project: str, pending: Pending) -> Message:
    """The findings of the pending files, or of those that were named."""
    report = pending.report
    count = len(pending.files)
    title = f"SQL check{of_project(project)} · {count} file{'' if count == 1 else 's'}"
    said = report.summary() or "nothing to say"
    blocks: list[Block] = [section(lines(bold(title), said))]
    if not pending.files:
        blocks = [section(lines(bold(title), "Nothing is pending: production has every migration of the folder."))]
    blocks += [section(_risk(filename, risks)) for filename, risks in pending.files if risks]
    order = list(Level)
    findings = sorted((one for one in report.findings if one.counts), key=lambda one: order.index(one.level))
    for finding in findings[:MOST]:
        blocks.append(section(_finding(finding)))
        if finding.safe and finding.level is not Level.NOTE:
            blocks.append(preformatted(finding.safe))
    if rest := findings[MOST:]:
        blocks.append(context(line(f"And {len(rest)} more; ", code("stagedoor check"), " tells them all.")))
    blocks += [section(_ignore(file, ignore)) for file, ignore in report.ignores[:MOST]]
    if pending.unread:
        blocks.append(context(line(f"The sizes of production's tables could not be read: {pending.unread}")))
    text = "\n".join(
        [f"{title}: {said}", *(f"{one.level} {one.place} {one.rule}: {one.why}" for one in findings[:MOST])]
    )
    return Message(text, tuple(blocks))


def _risk(filename: str, risks: tuple[str, ...]) -> Mark:
    return line(bold(filename), f" destroys data or opens access, so more people approve it: {'; '.join(risks)}.")


def _finding(finding: Finding) -> Mark:
    tags = f" ({', '.join(finding.tags)})" if finding.tags else ""
    first = line(f"{MARKS[finding.level]} {finding.level} ", bold(finding.rule), f"{tags} · {finding.place}")
    return lines(first, f"{finding.why} {finding.effect}".strip())


def _ignore(file: str, ignore: Ignore) -> Mark:
    why = f"because {ignore.reason}" if ignore.reason else "without a reason"
    return line(f"Passed over by its author, {file}:{ignore.line}: {', '.join(ignore.rules)}, {why}")
