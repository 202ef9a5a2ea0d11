"""The ports of what is read from and written to the repository: migration files, pull requests, commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.domain.migration import Folder
from bot.domain.review import CommitStatus, Origin, Pull, Reviewed


@dataclass(frozen=True, kw_only=True)
class Added:
    """Where a new file is: in the folder, or in a pull request (`url`) that has to be merged yet."""

    where: str
    url: str = ""
    merged: bool = True


class Migrations(Protocol):
    """Where a project's migration files are read from."""

    def read(self) -> Folder:
        """The folder as it is now. Raises `Unreachable` when it cannot be read."""
        ...

    def add(self, filename: str, content: bytes, title: str, said: str) -> Added:
        """Put a new file there, exactly these bytes; once, however often it is asked for.

        `title` and `said` introduce it where it has to be reviewed. Raises `Unreachable`, and `Refused` where
        another file has that name or a right lacks.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files of a folder at a commit: git's hash of each plain one by name, and names of links and the like."""

    blobs: Mapping[str, str]
    odd: tuple[str, ...] = ()


class CodeHost(Protocol):
    """Where the repository and its pull requests live.

    Everything raises `Unreachable` without an answer, `Unknown` for what is not there, `Refused` where a right lacks.
    """

    @property
    def repository(self) -> str:
        """`owner/name`."""
        ...

    def branch(self) -> str:
        """The branch that is promoted."""
        ...

    def head(self) -> str:
        """That branch's last commit."""
        ...

    def listing(self, commit: str, folder: str) -> Listing:
        """The files of a folder at a commit."""
        ...

    def blob(self, sha: str) -> bytes:
        """The bytes whose git hash is `sha`, checked."""
        ...

    def pull(self, number: int) -> Pull:
        """A pull request as it stands now."""
        ...

    def changed(self, number: int) -> Mapping[str, bool]:
        """Paths that a pull request touches; False for those it takes away."""
        ...

    def reviewed(self, number: int, folder: str) -> Reviewed:
        """A pull request with all that was said about its last commit."""
        ...

    def origin(self, path: str) -> Origin | None:
        """How the newest state of a file came to the branch; None for a file that is not there."""
        ...

    def open_pulls(self) -> tuple[Pull, ...]:
        """Open pull requests into the branch."""
        ...

    def propose(self, path: str, content: bytes, title: str, said: str) -> Pull:
        """A pull request that brings one new file to the branch; the one that is open already, where there is one."""
        ...

    def issue(self, title: str, said: str) -> str:
        """The address of the issue with this title, which is opened unless there is one."""
        ...

    def say(self, commit: str, status: CommitStatus) -> None:
        """Tell a commit about its way to production."""
        ...

    def comments(self, number: int) -> list[tuple[int, str]]:
        """Number and text of each comment on a pull request."""
        ...

    def comment(self, number: int, body: str) -> int:
        """Comment on a pull request; returns the comment's number."""
        ...

    def edit_comment(self, comment: int, body: str) -> None:
        """Give a comment another text. Raises `Unknown` when it is gone."""
        ...
