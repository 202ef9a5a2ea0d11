"""What Stagedoor says on a pull request: its findings and its evidence, at one commit."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.finding import Report


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What staging showed of one file: in which run, in the lines of its checklist, and what its way back is worth."""

    label: str
    record: str = ""
    lines: tuple[str, ...] = ()
    way_back: str = ""


@dataclass(frozen=True, kw_only=True)
class Commentary:
    """Everything that the one comment tells; `unread` says what could not be looked at."""

    project: str
    number: int
    commit: str
    status: str
    url: str
    report: Report
    files: tuple[Shown, ...]
    missing: tuple[str, ...] = ()
    unread: str = ""
