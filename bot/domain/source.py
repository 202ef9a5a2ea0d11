"""Where a plan's files were read: a commit of the branch that is promoted, or the head of a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.entry import Json

SHORT = 7
"""How many characters of a commit people read."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A commit of a repository, and how people call the place: a branch, or a pull request's number."""

    repository: str
    commit: str
    branch: str = ""
    pull: int = 0
    fork: bool = False

    @property
    def label(self) -> str:
        """`main at 3fa91c0`, `#48 at 3fa91c0`."""
        return f"{f'#{self.pull}' if self.pull else self.branch} at {self.commit[:SHORT]}"

    def to_json(self) -> dict[str, Json]:
        return {
            "repository": self.repository, "commit": self.commit, "branch": self.branch, "pull": self.pull,
            "fork": self.fork,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Source:
        pull = data.get("pull", 0)
        return cls(
            repository=str(data["repository"]), commit=str(data["commit"]), branch=str(data.get("branch", "")),
            pull=pull if isinstance(pull, int) else 0, fork=bool(data.get("fork")),
        )
