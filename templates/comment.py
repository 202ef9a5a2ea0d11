"""The comment on a pull request, as Markdown: how far it is, what the checks find, what staging showed, what lacks."""

from __future__ import annotations

import re

from bot.domain.commentary import Commentary, Shown
from bot.domain.finding import Finding, Level
from templates.documents.words import markdown
from templates.text import clean

MOST = 30
_MARKS = {Level.BLOCK: "✗ block", Level.WARN: "◻ warn", Level.NOTE: "· note"}


def comment(said: Commentary) -> str:
    """Everything from outside is escaped: it mentions nobody and links nowhere."""
    status = f"[{markdown(said.status)}]({said.url})" if said.url else markdown(said.status)
    parts = [f"### Stagedoor\n{status} · at {said.commit[:7]}", _findings(said)]
    parts += [_shown(file) for file in said.files]
    if said.missing:
        lacks = ", ".join(map(markdown, said.missing))
        parts.append(f"**The description does not say:** {lacks}.")
    return "\n\n".join(parts)


def _findings(said: Commentary) -> str:
    report = said.report
    counted = [one for one in report.findings if one.counts]
    order = list(Level)
    counted.sort(key=lambda one: order.index(one.level))
    rows = [f"**SQL check:** {report.summary() or 'nothing to say'}"]
    if counted:
        rows += ["", "| | where | rule | what |", "| --- | --- | --- | --- |"]
        rows += [_row(finding) for finding in counted[:MOST]]
    rows += [_safe(finding) for finding in counted[:MOST] if finding.level is Level.BLOCK and finding.safe]
    if len(counted) > MOST:
        rows.append(f"\nAnd {len(counted) - MOST} more; `stagedoor check` tells them all.")
    rows += [
        f"\nPassed over by its author, {markdown(file)}:{one.line}: {markdown(', '.join(one.rules))},"
        f" {markdown('because ' + one.reason if one.reason else 'without a reason')}"
        for file, one in report.ignores[:MOST]
    ]
    if said.unread:
        rows.append(f"\nWhat production holds could not be read: {markdown(said.unread)}")
    return "\n".join(rows)


def _row(finding: Finding) -> str:
    what = markdown(f"{finding.why} {finding.effect}".strip())
    return f"| {_MARKS[finding.level]} | {markdown(finding.place)} | `{finding.rule}` | {what} |"


def _safe(finding: Finding) -> str:
    """The safe form of a block to copy; a fence that its text cannot end."""
    safe = clean(finding.safe)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", safe)), default=0))
    head = f"<details><summary>{markdown(finding.place)}, {finding.rule}: the safe form</summary>"
    return f"\n{head}\n\n{fence}sql\n{safe}\n{fence}\n\n</details>"


def _shown(file: Shown) -> str:
    if not file.record:
        return f"**{markdown(file.label)}:** staging has not run these bytes yet."
    rows = [f"**{markdown(file.label)}** on staging ({markdown(file.record)}):"]
    rows += [f"- {markdown(line)}" for line in file.lines]
    if file.way_back:
        rows.append(f"- Way back: {markdown(file.way_back)}")
    return "\n".join(rows)
