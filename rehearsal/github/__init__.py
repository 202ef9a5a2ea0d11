"""A stand-in for GitHub with one repository: real sockets, GitHub's rules, and a Python side for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.github.pulls import Pulls
from rehearsal.github.repository import LINK, Repository
from rehearsal.github.server import Api, NotHere
from rehearsal.slack.server import Server

__all__ = ["LINK", "TOKEN", "GitHub"]

TOKEN = "github_pat_rehearsal_0123456789abcdef"
Changes = Mapping[str, bytes | str | None]


class GitHub:
    """Starts with the branch `main`. `api_url` is what GITHUB_API_URL is set to."""

    def __init__(self, repository: str = "acme/shop", *, port: int = 0, prefix: str = "", token: str = TOKEN) -> None:
        self.repository, self.token = repository, token
        self.git = Repository(repository)
        self.pulls = Pulls(self.git)
        self.api = Api(repository=self.git, pulls=self.pulls, token=token, prefix=prefix)
        self._server = Server(self.api.routes(), "127.0.0.1", port)
        self._prefix = prefix

    @property
    def api_url(self) -> str:
        return self._server.url + self._prefix

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self.clear()
        self._server.stop()

    # What people do

    def commit(self, changes: Changes, *, branch: str = "main", author: str = "ana-dev", **more: Any) -> str:
        """Push one commit; returns its hash."""
        with self.api.lock:
            sha = self.git.commit(branch, changes, author=author, **more).sha
            self.pulls.follow()
            return sha

    def open_pull(
        self, number: int, changes: Changes, *, author: str = "ana-dev", base: str = "main", draft: bool = False,
        fork: str = "", **more: Any,
    ) -> str:
        """Push changes to a new branch and open a pull request of it; returns its head."""
        with self.api.lock:
            start = self.git.branches[base]
            head = self.git.commit(f"pull-{number}", changes, author=author, start=base, **more).sha
            self.pulls.open(number, f"pull-{number}", author, base, draft=draft, fork=fork, start=start)
            return head

    def push(self, number: int, changes: Changes, *, author: str = "ana-dev", **more: Any) -> str:
        """One more commit to a pull request; returns its head."""
        return self.commit(changes, branch=f"pull-{number}", author=author, **more)

    def review(self, number: int, login: str, state: str = "APPROVED", *, commit: str = "") -> None:
        with self.api.lock:
            self.pulls.follow()
            self.pulls.review(number, login, state, commit)

    def dismiss(self, number: int, login: str) -> None:
        with self.api.lock:
            for review in self.pulls.all[number].reviews:
                if review["user"]["login"] == login:
                    review["state"] = "DISMISSED"

    def merge(self, number: int, *, by: str = "bo-dev", squash: bool = True) -> str:
        """Merge it; returns the commit on its base."""
        with self.api.lock:
            self.pulls.follow()
            return self.pulls.merge(number, by, squash=squash).sha

    def change_pull(self, number: int, **changes: Any) -> None:
        """For example `state="closed"` or `draft=True`."""
        with self.api.lock:
            for name, value in changes.items():
                setattr(self.pulls.all[number], name, value)

    def permit(self, **roles: str) -> None:
        """Roles by login, with `_` for `-`: admin, maintain, write, triage, read or none."""
        with self.api.lock:
            self.api.permissions |= {login.replace("_", "-"): role for login, role in roles.items()}

    def check(self, commit: str, name: str, conclusion: str = "success") -> None:
        """A check run; with an empty conclusion it still runs."""
        with self.api.lock:
            runs = self.api.runs.setdefault(commit, [])
            runs[:] = [run for run in runs if run["name"] != name]
            runs.append({
                "id": sum(map(len, self.api.runs.values())) + 1, "name": name, "app": {"slug": "github-actions"},
                "status": "completed" if conclusion else "in_progress", "conclusion": conclusion or None,
            })

    def status(self, commit: str, context: str, state: str) -> None:
        with self.api.lock:
            self.api.statuses.setdefault(commit, []).append({"context": context, "state": state, "description": ""})

    # What is seen

    def head(self, branch: str = "main") -> str:
        return self.git.branches[branch]

    def said(self, commit: str, context: str = "stagedoor/production") -> list[dict[str, str]]:
        """Every status of that name that a commit was given, oldest first."""
        with self.api.lock:
            return [status for status in self.api.statuses.get(commit, []) if status["context"] == context]

    def comments(self, number: int) -> list[str]:
        """What the comments on a pull request say, oldest first."""
        with self.api.lock:
            return [one["body"] for one in self.api.comments.values() if one["on"] == number]

    def asked(self) -> list[tuple[str, str, int]]:
        """Method, path and answer of every request so far."""
        with self.api.lock:
            return list(self.api.asked)

    # Bad days

    def down(self, status: int = 502) -> None:
        """Every request fails, until `clear`."""
        self.api.down = status

    def silent(self, seconds: float = 60.0) -> None:
        """Every request hangs for so long, until `clear`."""
        self.api.silent = seconds

    def refuse(self, part: str, status: int, message: str = "", **headers: str) -> None:
        """Requests whose path holds `part` are refused, until `clear`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.api.troubles.append((part, NotHere(status, message or "Not Found", named)))

    def clear(self) -> None:
        self.api.down, self.api.silent, self.api.remaining = 0, 0.0, self.api.limit
        self.api.troubles.clear()


