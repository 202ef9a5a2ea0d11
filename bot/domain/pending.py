"""What `/migrate check` shows: the files that are looked at, and what the checks say of them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.finding import Report


@dataclass(frozen=True, kw_only=True)
class Pending:
    """Files by name with what each destroys or opens, the report over all of them, and what could not be read."""

    files: tuple[tuple[str, tuple[str, ...]], ...]
    report: Report
    unread: str = ""
