"""Findings: what a check says of a line of a migration, and what may become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bot.domain.entry import Json



class Level(StrEnum):
    """A block holds the promotion, a warning is shown to those who approve, a note is good to know."""

    BLOCK = "block"
    WARN = "warn"
    NOTE = "note"


class Tag(StrEnum):
    """What a finding means for those who approve: the first two ask for `required_destructive` people."""

    DESTRUCTIVE = "destructive"
    ACCESS = "access"
    SECURITY = "security"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of one file: why it is said, what it locks or loses, and how it is written safely.

    `table` is the one it is about (`schema.name`); where it `weighs`, the level depends on how many rows that has.
    `ignored` holds the author's reason for passing over it. `waivable` is False where atomicity or secrets are at
    stake.
    """

    rule: str
    level: Level
    file: str
    line: int
    why: str
    effect: str = ""
    safe: str = ""
    tags: tuple[Tag, ...] = ()
    table: str = ""
    weighs: bool = False
    waivable: bool = True
    ignored: str = ""

    @property
    def counts(self) -> bool:
        """Whether it still says something: not ignored by a comment with a reason."""
        return not self.ignored

    @property
    def blocks(self) -> bool:
        return self.level is Level.BLOCK and self.counts

    @property
    def destroys(self) -> bool:
        """Whether more people have to approve. No comment takes that away."""
        return Tag.DESTRUCTIVE in self.tags or Tag.ACCESS in self.tags

    @property
    def place(self) -> str:
        """`FILE:LINE`."""
        return f"{self.file}:{self.line}"

    def to_json(self) -> dict[str, Json]:
        return {
            "rule": self.rule, "level": str(self.level), "file": self.file, "line": self.line, "why": self.why,
            "effect": self.effect, "safe": self.safe, "tags": [str(tag) for tag in self.tags], "table": self.table,
            "weighs": self.weighs, "waivable": self.waivable, "ignored": self.ignored,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Finding:
        line, tags = data["line"], data["tags"]
        return cls(
            rule=str(data["rule"]), level=Level(str(data["level"])), file=str(data["file"]),
            line=line if isinstance(line, int) else 1, why=str(data["why"]), effect=str(data["effect"]),
            safe=str(data["safe"]), tags=tuple(Tag(str(tag)) for tag in tags) if isinstance(tags, list) else (),
            table=str(data["table"]), weighs=bool(data["weighs"]), waivable=bool(data["waivable"]),
            ignored=str(data["ignored"]),
        )


class Ignore(NamedTuple):
    """A comment that asks for rules to be passed over, from line `first` to `last`. Squawk's give no reason."""

    rules: tuple[str, ...]
    line: int
    first: int
    last: int
    reason: str
    squawk: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    """Every finding, in the order of files and lines, and the comments that asked for silence, with their files."""

    findings: tuple[Finding, ...] = ()
    ignores: tuple[tuple[str, Ignore], ...] = ()

    def counted(self, level: Level) -> list[Finding]:
        """The findings of a level that nobody ignores."""
        return [finding for finding in self.findings if finding.level is level and finding.counts]

    def summary(self) -> str:
        """`1 block, 3 warnings, 2 notes, 1 ignored`; empty when there is nothing to say."""
        ignored = sum(not finding.counts for finding in self.findings)
        said = [
            f"{count} {word}{'' if count == 1 else 's'}"
            for level, word in ((Level.BLOCK, "block"), (Level.WARN, "warning"), (Level.NOTE, "note"))
            if (count := len(self.counted(level)))
        ]
        return ", ".join([*said, f"{ignored} ignored"] if ignored else said)
