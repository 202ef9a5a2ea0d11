"""How an analysis is written: as a line of JSON on the way from the guarded process, and for the shelf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from bot.domain.finding import Finding, Ignore
from bot.migrations.sql.rule import Analysis, Fact

if TYPE_CHECKING:
    from bot.domain.entry import Json

_READS: msgspec.json.Decoder[Analysis | None] = msgspec.json.Decoder(Analysis | None)


def line(analysis: Analysis | None) -> bytes:
    """An analysis as the guarded process says it; None where it gave up."""
    return msgspec.json.encode(analysis) + b"\n"


def read(said: bytes) -> Analysis | None:
    """The same back again. Raises `ValueError` for what is none."""
    return _READS.decode(said)


def to_json(analysis: Analysis) -> dict[str, Json]:
    """An analysis for the shelf where it is kept."""
    return {
        "file": analysis.file, "analysed": analysis.analysed,
        "findings": [finding.to_json() for finding in analysis.findings],
        "facts": [[fact.kind, fact.line, fact.subject, fact.detail] for fact in analysis.facts],
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
