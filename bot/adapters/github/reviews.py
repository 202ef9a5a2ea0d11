"""What people and machines said of a pull request, read from GitHub's answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from bot.adapters.github.wire import NotThere, Wire
from bot.domain.description import missing
from bot.domain.review import Checks, Pull, Review, Reviewed
from bot.errors import Refused

OWN = "stagedoor/"
"""What this program says itself is no check: it would wait for its own word."""
GITHUB_ITSELF = "web-flow"
"""The committer of what people do on GitHub's pages; the author is the person."""
GREEN = ("success", "neutral", "skipped")
MOST_COMMITS = 250
NO_OTHERS = "GitHub Actions alone: the token may not read other checks"


def pull(given: Any) -> Pull:
    """A pull request as GitHub's lists and single answers tell it."""
    head, base = given["head"], given["base"]
    home = (head.get("repo") or {}).get("full_name", "")
    return Pull(
        number=int(given["number"]), url=str(given["html_url"]), author=_login(given.get("user")),
        head=str(head["sha"]), branch=str(head["ref"]), base=str(base["ref"]), open=given["state"] == "open",
        merged=bool(given.get("merged_at")), draft=bool(given.get("draft")),
        fork=home != (base.get("repo") or {}).get("full_name", ""), body=str(given.get("body") or ""),
    )


def reviewed(wire: Wire, at: str, of: Pull, blobs: Mapping[str, str], paths: Iterable[str] = ()) -> Reviewed:
    """Authors, verdicts and checks of a pull request at its last commit."""
    authors, unnamed = _authors(wire, at, of)
    return Reviewed(
        pull=of, authors=authors, unnamed=unnamed, reviews=_reviews(wire, at, of.number),
        checks=checks(wire, at, of.head), blobs=blobs, missing=missing(of.body, paths),
    )


def _authors(wire: Wire, at: str, of: Pull) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who wrote, committed or pushed it, and the names of authors that belong to no account."""
    commits = wire.pages(f"{at}/pulls/{of.number}/commits")
    if len(commits) >= MOST_COMMITS:
        raise Refused(f"#{of.number} has {MOST_COMMITS} commits or more, and GitHub lists no more: split it.")
    found = {of.author} if of.author else set[str]()
    unnamed: list[str] = []
    for commit in commits:
        logins = {_login(commit.get("author")), _login(commit.get("committer"))}
        found |= logins - {"", GITHUB_ITSELF}
        if not _login(commit.get("author")):
            unnamed.append(str(commit["commit"]["author"].get("name", "somebody")))
    pushers = _pushers(wire, at, of, {str(commit["sha"]) for commit in commits})
    # Names and addresses in a commit are its author's own choice; who pushed it is GitHub's knowledge.
    known = tuple(sorted(found | (pushers or set())))
    return known, () if pushers else tuple(dict.fromkeys(unnamed))


def _pushers(wire: Wire, at: str, of: Pull, commits: set[str]) -> set[str] | None:
    """Who pushed commits of the pull request; None where GitHub keeps no such list (forks, older servers)."""
    if of.fork:
        return None
    try:
        pushes = wire.pages(f"{at}/activity", ref=f"refs/heads/{of.branch}")
    except (NotThere, Refused):
        return None
    return {_login(push.get("actor")) for push in pushes if push["after"] in commits} - {"", GITHUB_ITSELF} or None


def _reviews(wire: Wire, at: str, number: int) -> tuple[Review, ...]:
    """The last verdict of each reviewer: comments are none, and a dismissed one does not count."""
    last: dict[str, Any] = {}
    for review in wire.pages(f"{at}/pulls/{number}/reviews"):
        login = _login(review.get("user"))
        if login and review["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            last[login] = review
    return tuple(
        Review(
            login=login, approves=review["state"] == "APPROVED", commit=str(review.get("commit_id") or ""),
            may_write=_may_write(wire, at, login), person=review["user"].get("type") == "User",
        )
        for login, review in last.items() if review["state"] != "DISMISSED"
    )


def _may_write(wire: Wire, at: str, login: str) -> bool:
    """Whether somebody could push to the repository. GitHub tells `maintain` as `write`."""
    try:
        given = wire.get(f"{at}/collaborators/{quote(login)}/permission")
    except NotThere:
        return False
    return given["permission"] in ("write", "admin", "maintain")


def checks(wire: Wire, at: str, commit: str) -> Checks:
    """Statuses and check runs of a commit, without what Stagedoor says itself."""
    said = wire.pages(f"{at}/commits/{commit}/status", part="statuses")
    states = {"success": "green", "pending": "running"}
    found = [(str(s["context"]), states.get(s["state"], "red")) for s in said if not s["context"].startswith(OWN)]
    runs, partly = _runs(wire, at, commit)
    found += runs
    return Checks(
        green=sum(state == "green" for _, state in found), partly=partly,
        red=tuple(sorted({name for name, state in found if state == "red"})),
        running=tuple(sorted({name for name, state in found if state == "running"})),
    )


def _runs(wire: Wire, at: str, commit: str) -> tuple[list[tuple[str, str]], str]:
    """The newest run of each check."""
    try:
        runs, partly = wire.pages(f"{at}/commits/{commit}/check-runs", part="check_runs", filter="latest"), ""
    except Refused:
        # Fine-grained tokens may not read check runs, but may read those of GitHub Actions.
        runs, partly = wire.pages(f"{at}/actions/runs", part="workflow_runs", head_sha=commit), NO_OTHERS
    newest: dict[tuple[str, str], str] = {}
    for run in sorted(runs, key=lambda run: int(run["id"])):
        who = str((run.get("app") or {}).get("slug", ""))
        done = run["status"] == "completed"
        newest[who, str(run["name"])] = ("green" if run["conclusion"] in GREEN else "red") if done else "running"
    return [(name, state) for (_, name), state in newest.items()], partly


def _login(user: Any) -> str:
    return str(user["login"]) if user else ""
