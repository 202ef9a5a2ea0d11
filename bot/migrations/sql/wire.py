"""How the guarded process and the one that asks it write to each other: JSON, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.entry import Json
from bot.domain.finding import Finding, Ignore
from bot.migrations.sql.rule import Analysis, Fact


def to_json(analysis: Analysis) -> dict[str, Json]:
    """An analysis as JSON: for the wire, and for the shelf where it is kept."""
    return {
        "file": analysis.file, "analysed": analysis.analysed,
        "findings": [finding.to_json() for finding in analysis.findings],
        "facts": [list(fact) for fact in analysis.facts],
        "ignores": [
            [list(one.rules), one.line, one.first, one.last, one.reason, one.squawk] for one in analysis.ignores
        ],
    }


def from_json(data: Mapping[str, Any]) -> Analysis:
    """The same back again."""
    return Analysis(
        file=str(data["file"]), analysed=bool(data["analysed"]),
        findings=[Finding.from_json(item) for item in data["findings"]],
        facts=[Fact(*item) for item in data["facts"]],
        ignores=[Ignore(tuple(item[0]), *item[1:]) for item in data["ignores"]],
    )
