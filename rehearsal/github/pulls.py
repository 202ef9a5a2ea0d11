"""Pull requests: opened, pushed to, reviewed, checked, merged; and what GitHub's answers say of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rehearsal.github.repository import Commit, Repository, blob_sha

WEB_FLOW = "web-flow"


@dataclass(kw_only=True)
class Pull:
    number: int
    author: str
    branch: str
    base: str
    start: str
    state: str = "open"
    draft: bool = False
    fork: str = ""
    merged: str = ""
    head: str = ""
    body: str = ""
    reviews: list[dict[str, Any]] = field(default_factory=list)


def user(login: str) -> dict[str, str] | None:
    return {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"} if login else None


class Pulls:
    """Every pull request of a repository, as objects and as JSON."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.all: dict[int, Pull] = {}
        self.brought: dict[str, int] = {}
        self._reviews = 0

    def open(
        self, number: int, branch: str, author: str, base: str, *, draft: bool = False, fork: str = "", start: str = "",
    ) -> Pull:
        start = start or self.repository.branches[base]
        made = Pull(
            number=number, author=author, branch=branch, base=base, start=start, draft=draft, fork=fork,
            head=self.repository.branches[branch],
        )
        self.all[number] = made
        return made

    def follow(self) -> None:
        """Open pull requests follow their branches."""
        for pull in self.all.values():
            if pull.state == "open" and pull.branch in self.repository.branches:
                pull.head = self.repository.branches[pull.branch]

    def review(self, number: int, login: str, state: str, commit: str) -> None:
        self._reviews += 1
        self.all[number].reviews.append({
            "id": self._reviews, "user": user(login), "state": state, "commit_id": commit or self.all[number].head,
        })

    def merge(self, number: int, by: str, *, squash: bool) -> Commit:
        repository, pull = self.repository, self.all[number]
        head = repository.commits[pull.head]
        changes = {path: head.files.get(path) for path in self.changed(pull)}
        commit = repository.commit(
            pull.base, changes, author=pull.author if squash else by, committer=WEB_FLOW, pusher=by,
            message=f"Merge #{number}", merge="" if squash else pull.head,
        )
        pull.state, pull.merged = "closed", commit.sha
        self.brought[commit.sha] = number
        if not squash:
            self.brought |= {each.sha: number for each in self.commits(pull)}
        return commit

    def commits(self, pull: Pull) -> list[Commit]:
        """Its own commits, oldest first."""
        before = {commit.sha for commit in self.repository.ancestors(pull.start)}
        return [commit for commit in self.repository.ancestors(pull.head) if commit.sha not in before][::-1]

    def changed(self, pull: Pull) -> dict[str, str]:
        """Paths and what the pull request does to them."""
        was, now = self.repository.commits[pull.start].files, self.repository.commits[pull.head].files
        return {
            path: "removed" if path not in now else "added" if path not in was else "modified"
            for path in sorted({*was, *now}) if was.get(path) != now.get(path)
        }

    def to_json(self, pull: Pull, web: str) -> dict[str, Any]:
        name = self.repository.name
        return {
            "number": pull.number, "html_url": f"{web}/{name}/pull/{pull.number}", "state": pull.state,
            "body": pull.body or None, "draft": pull.draft, "user": user(pull.author),
            "merged_at": "2026-11-23T12:00:00Z" if pull.merged else None,
            "merge_commit_sha": pull.merged or None,
            "head": {"ref": pull.branch, "sha": pull.head, "repo": {"full_name": pull.fork or name}},
            "base": {"ref": pull.base, "sha": self.repository.branches[pull.base], "repo": {"full_name": name}},
        }

    def files_json(self, pull: Pull) -> list[dict[str, Any]]:
        now = self.repository.commits[pull.head].files
        return [
            {"filename": path, "status": status, "sha": blob_sha(now.get(path, b""))}
            for path, status in self.changed(pull).items()
        ]

    def commits_json(self, pull: Pull) -> list[dict[str, Any]]:
        return [
            {
                "sha": commit.sha, "author": user(commit.author), "committer": user(commit.committer),
                "commit": {"author": {"name": commit.name}, "message": commit.message},
            }
            for commit in self.commits(pull)
        ]
