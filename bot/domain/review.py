"""What a code host says of pull requests: who wrote them, who approved which commit, and what the checks found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from bot.domain.entry import Json
from bot.domain.values import integer, texts


def blob_hash(content: bytes) -> str:
    """The name that git gives to these bytes; SHA-1 because git's repositories use it."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Pull:
    """A pull request as it stands; `branch` and `base` are names of branches, `head` is its last commit."""

    number: int
    url: str
    author: str
    head: str
    branch: str
    base: str
    open: bool = True
    merged: bool = False
    draft: bool = False
    fork: bool = False
    body: str = ""
    """Its description; it is read and not kept."""


@dataclass(frozen=True, kw_only=True)
class Review:
    """The last verdict of one reviewer, and the commit that they looked at."""

    login: str
    approves: bool
    commit: str
    may_write: bool
    person: bool = True


@dataclass(frozen=True, kw_only=True)
class Checks:
    """The checks of a commit by name. `partly` says what could not be looked at."""

    green: int = 0
    red: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    partly: str = ""


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A pull request and all that was said about its last commit.

    `authors` are its author and every author, committer and pusher of its commits; `unnamed` are
    authors that belong to no account. `blobs` holds its migration files at that commit by name.
    """

    pull: Pull
    authors: tuple[str, ...]
    unnamed: tuple[str, ...] = ()
    reviews: tuple[Review, ...] = ()
    checks: Checks = Checks()
    blobs: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    """What its description should say, by the written runbook, and does not."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How a file came to the branch: its newest commit there, and the pull request that brought it (0: none did)."""

    commit: str
    pull: int = 0


@dataclass(frozen=True, kw_only=True)
class Reviews:
    """All that the code host says of a plan. A version without an origin is not on the branch.

    `as_of` is set where the host does not answer now, and this is what it said then.
    """

    origins: Mapping[str, Origin]
    pulls: Mapping[int, Reviewed]
    branch: str
    as_of: datetime | None = None

    @property
    def authors(self) -> tuple[str, ...]:
        """Everybody who wrote or pushed a part of it, by login."""
        return tuple(dict.fromkeys(login for number in sorted(self.pulls) for login in self.pulls[number].authors))

    def to_json(self) -> dict[str, Json]:
        return {
            "branch": self.branch,
            "origins": {version: [origin.commit, origin.pull] for version, origin in self.origins.items()},
            "pulls": [_pull_to_json(reviewed) for reviewed in self.pulls.values()],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json], as_of: datetime) -> Reviews:
        origins, pulls = data["origins"], data["pulls"]
        assert isinstance(origins, dict)
        assert isinstance(pulls, list)
        reviewed = [_pull_from_json(each) for each in pulls if isinstance(each, dict)]
        return cls(
            origins={version: _origin(pair) for version, pair in origins.items() if isinstance(pair, list)},
            pulls={each.pull.number: each for each in reviewed}, branch=str(data["branch"]), as_of=as_of,
        )


StatusState: TypeAlias = Literal["pending", "success", "failure", "error"]


@dataclass(frozen=True, kw_only=True)
class CommitStatus:
    """What a commit is told about its way to production."""

    state: StatusState
    description: str
    url: str = ""

    def to_json(self) -> dict[str, Json]:
        return {"state": self.state, "description": self.description, "url": self.url}


def _pull_to_json(reviewed: Reviewed) -> Json:
    pull, checks = reviewed.pull, reviewed.checks
    return {
        "number": pull.number, "url": pull.url, "author": pull.author, "head": pull.head, "branch": pull.branch,
        "base": pull.base, "open": pull.open, "merged": pull.merged, "draft": pull.draft, "fork": pull.fork,
        "authors": list(reviewed.authors), "unnamed": list(reviewed.unnamed), "blobs": dict(reviewed.blobs),
        "reviews": [[r.login, r.approves, r.commit, r.may_write, r.person] for r in reviewed.reviews],
        "green": checks.green, "red": list(checks.red), "running": list(checks.running), "partly": checks.partly,
        "missing": list(reviewed.missing),
    }


def _pull_from_json(data: Mapping[str, Json]) -> Reviewed:
    blobs, reviews = data["blobs"], data["reviews"]
    assert isinstance(blobs, dict)
    assert isinstance(reviews, list)
    return Reviewed(
        pull=Pull(
            number=integer(data["number"]), url=str(data["url"]), author=str(data["author"]), head=str(data["head"]),
            branch=str(data["branch"]), base=str(data["base"]), open=bool(data["open"]), merged=bool(data["merged"]),
            draft=bool(data["draft"]), fork=bool(data["fork"]),
        ),
        authors=texts(data["authors"]), unnamed=texts(data["unnamed"]),
        reviews=tuple(_review(each) for each in reviews if isinstance(each, list)),
        checks=Checks(
            green=integer(data["green"]), red=texts(data["red"]), running=texts(data["running"]),
            partly=str(data["partly"]),
        ),
        blobs={name: str(blob) for name, blob in blobs.items()}, missing=texts(data.get("missing", [])),
    )


def _review(given: list[Json]) -> Review:
    login, approves, commit, may_write, person = given
    return Review(
        login=str(login), approves=bool(approves), commit=str(commit), may_write=bool(may_write), person=bool(person)
    )


def _origin(pair: list[Json]) -> Origin:
    return Origin(commit=str(pair[0]), pull=integer(pair[1]))
