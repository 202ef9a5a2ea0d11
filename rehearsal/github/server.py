"""The REST API as GitHub documents it: authorisation, ETags, pages, limits, refusals, and bad days made to order."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from rehearsal.github.pulls import Pulls, user
from rehearsal.github.repository import Repository

Answer = Callable[..., Any]

BOT = "stagedoor-bot"
"""The account that the token belongs to."""


@dataclass
class NotHere(Exception):
    """A status that is no 200, with GitHub's message."""

    status: int = 404
    message: str = "Not Found"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Api:
    """What is asked and answered. `rights` are what the token may do; without one its endpoints answer 403."""

    repository: Repository
    pulls: Pulls
    token: str
    prefix: str
    issues: list[dict[str, Any]] = field(default_factory=list)
    rights: set[str] = field(default_factory=lambda: {
        "contents", "pull_requests", "checks", "actions", "statuses", "issues", "contents:write", "pull_requests:write",
        "issues:write",
    })
    permissions: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    limit: int = 5000
    remaining: int = 5000
    reset: int = 0
    down: int = 0
    elsewhere: str = ""
    silent: float = 0.0
    troubles: list[tuple[str, NotHere]] = field(default_factory=list)
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def routes(self) -> list[BaseRoute]:
        return [Route("/{path:path}", self._serve, methods=["GET", "POST", "PUT", "PATCH"])]

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        if self.silent:
            await run_in_threadpool(self._hang)
        return await run_in_threadpool(self._respond, request, body)

    def _hang(self) -> None:
        until = time.monotonic() + self.silent
        while time.monotonic() < until and self.silent:
            time.sleep(0.02)

    def _respond(self, request: Request, body: bytes) -> Response:
        with self.lock:
            self.pulls.follow()
            headers: dict[str, str] = {}
            try:
                given = self._judged(request)
                answer, headers = self._page(self._answer(request.method, given, request, body), request)
                status = 200 if request.method == "GET" else 201
            except NotHere as refusal:
                answer, status, headers = {"message": refusal.message}, refusal.status, dict(refusal.headers)
            etag = f'"{hashlib.sha256(json.dumps(answer).encode()).hexdigest()}"'
            if status == 200 and request.headers.get("if-none-match") == etag:
                status = 304
            elif self.remaining and status < 500:
                self.remaining -= 1
            headers |= {
                "X-RateLimit-Limit": str(self.limit), "X-RateLimit-Remaining": str(self.remaining),
                "X-RateLimit-Reset": str(self.reset or int(time.time()) + 3600),
            }
            self.asked.append((request.method, self._path(request), status))
        if status == 304:
            return Response(status_code=304, headers={**headers, "ETag": etag})
        return JSONResponse(answer, status, {**headers, **({"ETag": etag} if status == 200 else {})})

    def _path(self, request: Request) -> str:
        query = f"?{request.url.query}" if request.url.query else ""
        return request.url.path.removeprefix(self.prefix) + query

    def _judged(self, request: Request) -> str:
        """The path below the API's base, when the request may be answered at all."""
        if self.down:
            raise NotHere(self.down, "Server Error")
        path = request.url.path
        for part, trouble in self.troubles:
            if part in path:
                raise trouble
        if not request.headers.get("user-agent") or not path.startswith(self.prefix):
            raise NotHere(403 if path.startswith(self.prefix) else 404, "Request forbidden by administrative rules.")
        given = request.headers.get("authorization", "")
        if given and given != f"Bearer {self.token}":
            raise NotHere(401, "Bad credentials")
        if not given:
            raise NotHere()
        if not self.remaining:
            raise NotHere(403, "API rate limit exceeded for user ID 1.")
        return path.removeprefix(self.prefix)

    def _answer(self, method: str, path: str, request: Request, body: bytes) -> Any:
        home = f"/repos/{self.repository.name}"
        if not path.startswith(home):
            raise NotHere()
        query = dict(request.query_params)
        for verb, pattern, right, answer in self._endpoints():
            if verb == method and (match := re.fullmatch(pattern, path.removeprefix(home))):
                needs = f"{right}:write" if verb != "GET" and right != "statuses" else right
                if right not in self.rights | {""} or (needs != right and needs not in self.rights):
                    level = "read" if verb == "GET" else "write"
                    raise NotHere(
                        403, "Resource not accessible by personal access token",
                        {"X-Accepted-GitHub-Permissions": f"{right}={level}"},
                    )
                return answer(*match.groups(), **({"query": query} if method == "GET" else {"body": json.loads(body)}))
        raise NotHere()

    def _endpoints(self) -> list[tuple[str, str, str, Answer]]:
        sha, number = "([0-9a-f]{40})", "([0-9]+)"
        return [
            ("GET", "", "", self._repo),
            ("GET", "/git/ref/heads/(.+)", "contents", self._ref),
            ("GET", f"/git/commits/{sha}", "contents", self._commit),
            ("GET", f"/git/trees/{sha}", "contents", self._tree),
            ("GET", f"/git/blobs/{sha}", "contents", self._blob),
            ("GET", "/commits", "contents", self._commits),
            ("GET", "/activity", "contents", self._activity),
            ("GET", f"/commits/{sha}/pulls", "pull_requests", self._pulls_of),
            ("GET", f"/commits/{sha}/status", "statuses", self._status),
            ("GET", f"/commits/{sha}/check-runs", "checks", self._check_runs),
            ("GET", "/actions/runs", "actions", self._workflow_runs),
            ("GET", "/pulls", "pull_requests", self._list),
            ("GET", f"/pulls/{number}", "pull_requests", self._pull),
            ("GET", f"/pulls/{number}/files", "pull_requests", self._files),
            ("GET", f"/pulls/{number}/commits", "pull_requests", self._pull_commits),
            ("GET", f"/pulls/{number}/reviews", "pull_requests", self._reviews),
            ("GET", "/collaborators/(.+)/permission", "", self._permission),
            ("POST", f"/statuses/{sha}", "statuses", self._say),
            ("POST", "/git/refs", "contents", self._branch),
            ("PUT", "/contents/(.+)", "contents", self._put),
            ("POST", "/pulls", "pull_requests", self._open),
            ("GET", "/issues", "issues", self._issues),
            ("POST", "/issues", "issues", self._open_issue),
            ("GET", f"/issues/{number}/comments", "issues", self._comments_of),
            ("POST", f"/issues/{number}/comments", "issues", self._comment),
            ("PATCH", f"/issues/comments/{number}", "issues", self._edit_comment),
        ]

    def _page(self, answer: Any, request: Request) -> tuple[Any, dict[str, str]]:
        """One page of a list, and where the next one is."""
        key = next((key for key in ("statuses", "check_runs", "workflow_runs") if isinstance(answer, dict)
                    and key in answer), "")
        items = answer[key] if key else answer
        if not isinstance(items, list):
            return answer, {}
        query = dict(parse_qsl(request.url.query))
        size, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
        part = items[(page - 1) * size:page * size]
        place = self.elsewhere or str(request.url).partition("?")[0]
        following = f"{place}?{urlencode({**query, 'page': page + 1})}"
        headers = {"Link": f'<{following}>; rel="next"'} if page * size < len(items) else {}
        return ({**answer, key: part} if key else part), headers

    def _repo(self, query: Any) -> Any:
        return {"full_name": self.repository.name, "default_branch": self.repository.default_branch}

    def _ref(self, branch: str, query: Any) -> Any:
        if branch not in self.repository.branches:
            raise NotHere()
        return {"ref": f"refs/heads/{branch}", "object": {"type": "commit", "sha": self.repository.branches[branch]}}

    def _commit(self, sha: str, query: Any) -> Any:
        if sha not in self.repository.commits:
            raise NotHere()
        return {"sha": sha, "tree": {"sha": self.repository.tree(self.repository.commits[sha])}}

    def _tree(self, sha: str, query: Any) -> Any:
        if sha not in self.repository.trees:
            raise NotHere()
        return {"sha": sha, "tree": self.repository.trees[sha], "truncated": False}

    def _blob(self, sha: str, query: Any) -> Any:
        content = self.repository.blobs.get(sha)
        if content is None:
            raise NotHere()
        # GitHub breaks the text into lines, as MIME does.
        return {"sha": sha, "size": len(content), "encoding": "base64", "content": base64.encodebytes(content).decode()}

    def _commits(self, query: dict[str, str]) -> Any:
        tip = self.repository.branches.get(query["sha"], query["sha"])
        found = self.repository.newest_with(tip, query["path"])
        return [{"sha": found.sha}] if found else []

    def _activity(self, query: dict[str, str]) -> Any:
        return [
            {"after": push["after"], "ref": push["ref"], "actor": user(push["actor"]), "activity_type": "push"}
            for push in reversed(self.repository.pushes) if push["ref"] == query.get("ref", push["ref"])
        ]

    def _pulls_of(self, sha: str, query: Any) -> Any:
        if sha not in self.repository.commits:
            raise NotHere(422, f"No commit found for SHA: {sha}")
        number = self.pulls.brought.get(sha)
        return [self._pull(str(number), query)] if number else []

    def _status(self, sha: str, query: Any) -> Any:
        latest = {status["context"]: status for status in self.statuses.get(sha, [])}
        return {"state": "pending", "statuses": list(latest.values()), "total_count": len(latest)}

    def _check_runs(self, sha: str, query: Any) -> Any:
        runs = self.runs.get(sha, [])
        return {"total_count": len(runs), "check_runs": runs}

    def _workflow_runs(self, query: dict[str, str]) -> Any:
        runs = self.runs.get(query["head_sha"], [])
        return {"total_count": len(runs), "workflow_runs": runs}

    def _list(self, query: dict[str, str]) -> Any:
        state, base = query.get("state", "open"), query.get("base")
        found = [p for p in self.pulls.all.values() if p.state == state and (base is None or p.base == base)]
        return [self._pull(str(pull.number), query) for pull in found]

    def _one(self, number: str) -> Any:
        if int(number) not in self.pulls.all:
            raise NotHere()
        return self.pulls.all[int(number)]

    def _pull(self, number: str, query: Any) -> Any:
        return self.pulls.to_json(self._one(number), "https://github.example")

    def _files(self, number: str, query: Any) -> Any:
        return self.pulls.files_json(self._one(number))

    def _pull_commits(self, number: str, query: Any) -> Any:
        return self.pulls.commits_json(self._one(number))

    def _reviews(self, number: str, query: Any) -> Any:
        return self._one(number).reviews

    def _permission(self, login: str, query: Any) -> Any:
        role = self.permissions.get(login, "none")
        base = {"maintain": "write", "triage": "read"}.get(role, role)
        return {"permission": base, "role_name": role, "user": user(login)}

    def _say(self, sha: str, body: dict[str, str]) -> Any:
        if sha not in self.repository.commits:
            raise NotHere(422, f"No commit found for SHA: {sha}")
        if body.get("state") not in ("error", "failure", "pending", "success"):
            raise NotHere(422, "Validation Failed")
        if len(body.get("description", "")) > 140:
            raise NotHere(422, "description is too long (maximum is 140 characters)")
        self.statuses.setdefault(sha, []).append(dict(body))
        return body

    def _branch(self, body: dict[str, str]) -> Any:
        name = body["ref"].removeprefix("refs/heads/")
        if name in self.repository.branches:
            raise NotHere(422, "Reference already exists")
        if body["sha"] not in self.repository.commits:
            raise NotHere(422, "Object does not exist")
        self.repository.branches[name] = body["sha"]
        return self._ref(name, None)

    def _put(self, path: str, body: dict[str, str]) -> Any:
        """A new file by one commit; changing one takes the hash that it has, which nobody here gives."""
        if body["branch"] not in self.repository.branches:
            raise NotHere(404, f"Branch {body['branch']} not found")
        if path in self.repository.tip(body["branch"]).files:
            raise NotHere(422, 'Invalid request. "sha" wasn\'t supplied.')
        content = base64.b64decode(body["content"], validate=True)
        made = self.repository.commit(body["branch"], {path: content}, author=BOT, message=body["message"])
        return {"commit": {"sha": made.sha}}

    def _open(self, body: dict[str, str]) -> Any:
        head, base = body["head"], body["base"]
        if any(each.branch == head and each.state == "open" for each in self.pulls.all.values()):
            raise NotHere(422, "Validation Failed")
        if self.repository.branches.get(head, "") in ("", self.repository.branches[base]):
            raise NotHere(422, "Validation Failed")
        number = max(self.pulls.all, default=0) + 1
        self.pulls.open(number, head, BOT, base)
        return self._pull(str(number), None)

    def _issues(self, query: dict[str, str]) -> Any:
        return [each for each in self.issues if query.get("state", "open") in ("all", each["state"])]

    def _open_issue(self, body: dict[str, str]) -> Any:
        number = 1000 + len(self.issues)
        made = {
            "number": number, "title": body["title"], "body": body.get("body", ""), "state": "open",
            "html_url": f"https://github.example/{self.repository.name}/issues/{number}",
        }
        self.issues.append(made)
        return made

    def _comments_of(self, number: str, query: Any) -> Any:
        return [one for one in self.comments.values() if one["on"] == self._one(number).number]

    def _comment(self, number: str, body: dict[str, str]) -> Any:
        made = {"id": 1001 + len(self.comments), "on": self._one(number).number, "body": "", "user": user("stagedoor")}
        self.comments[made["id"]] = made
        return self._worded(made, body)

    def _edit_comment(self, number: str, body: dict[str, str]) -> Any:
        if int(number) not in self.comments:
            raise NotHere()
        return self._worded(self.comments[int(number)], body)

    def _worded(self, comment: dict[str, Any], body: dict[str, str]) -> Any:
        if not 0 < len(body.get("body", "")) <= 65_536:
            raise NotHere(422, "Validation Failed")
        comment["body"] = body["body"]
        return comment
