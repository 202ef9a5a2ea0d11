"""Plans: exactly which bytes go into which database, in which order, on top of which head."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.baseline import Difference
from bot.domain.entry import Json, canonical
from bot.domain.project import Environment
from bot.domain.risks import Unread
from bot.domain.source import Source
from bot.domain.values import integer, maps, texts


@dataclass(frozen=True, kw_only=True)
class PlannedFile:
    """One file of a plan. The bytes themselves lie in the journal's blobs under `sha256`.

    `risks` says what the file destroys or opens up; where there is any, more people have to approve. So they have to
    for what is `unread`, until a staging run has shown what it does.
    """

    version: str
    name: str
    filename: str
    sha256: str
    statements: int
    purpose: str = ""
    risks: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def label(self) -> str:
        """`VERSION name`, as people write it."""
        return f"{self.version} {self.name}".rstrip()

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> PlannedFile:
        """The file as it was journalled."""
        return cls(
            version=str(data["version"]), name=str(data["name"]), filename=str(data["filename"]),
            sha256=str(data["sha256"]), statements=integer(data["statements"]),
            purpose=str(data.get("purpose", "")), risks=texts(data.get("risks", [])),
            unread=tuple(map(Unread.from_json, maps(data.get("unread")))),
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an approval is bound to: the files' bytes, their order, and the head below them (None: empty history).

    `accepts` are the differences that a baseline accepts; it has no files.
    `source` says where the bytes were read; it is None for a folder on this machine's disk.
    `after` is the promotion that has to bring `head` first, where it waits itself; the approval is bound to the head.
    """

    project: str
    environment: Environment
    head: str | None
    files: tuple[PlannedFile, ...]
    accepts: tuple[Difference, ...] = ()
    source: Source | None = None
    after: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over everything that is approved, in hex; the card shows its first six characters.

        The same bytes read at another commit are the same plan.
        """
        return hashlib.sha256(canonical(self._approved()).encode()).hexdigest()

    @property
    def risks(self) -> tuple[str, ...]:
        """What the plan destroys or opens up, each with its file."""
        return tuple(f"{file.version} {risk}" for file in self.files for risk in file.risks)

    @property
    def unread(self) -> tuple[str, ...]:
        """What of the plan runs but cannot be read, each with its file."""
        return tuple(f"{file.version} {each}" for file in self.files for each in file.unread)

    def heads(self) -> tuple[str | None, ...]:
        """The heads that production goes through: before the first file, then after each."""
        return (self.head, *(file.version for file in self.files))

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Plan:
        """The plan as it was journalled."""
        files = data["files"]
        assert isinstance(files, list)
        return cls(
            project=str(data["project"]),
            environment=Environment(str(data["environment"])),
            head=None if data["head"] is None else str(data["head"]),
            files=tuple(PlannedFile.from_json(file) for file in files if isinstance(file, dict)),
            accepts=tuple(Difference.parse(text) for text in texts(data.get("accepts", []))),
            source=Source.from_json(source) if isinstance(source := data.get("source"), dict) else None,
            after=str(data.get("after", "")),
        )

    def to_json(self) -> dict[str, Json]:
        read: dict[str, Json] = {"source": self.source.to_json()} if self.source else {}
        return self._approved() | read | ({"after": self.after} if self.after else {})

    def _approved(self) -> dict[str, Json]:
        return {
            "project": self.project,
            "environment": str(self.environment),
            "head": self.head,
            "files": [
                {
                    "version": f.version,
                    "name": f.name,
                    "filename": f.filename,
                    "sha256": f.sha256,
                    "statements": f.statements,
                    "purpose": f.purpose, "risks": list(f.risks),
                    **({"unread": [each.to_json() for each in f.unread]} if f.unread else {}),
                }
                for f in self.files
            ],
            **({"accepts": [str(difference) for difference in self.accepts]} if self.accepts else {}),
        }
