"""Stand-ins over real sockets for a webhook, Vercel, Netlify and GitHub Actions, as their documentation has them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Said = tuple[int, Any]


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass
class OtherSide:
    """A server on loopback; `answer` is what it says. A status of 0 is silence: the connection breaks off."""

    answer: Callable[[Asked], Said]
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> OtherSide:
        side = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                super().handle_one_request()

            def _any(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(size)
                parts = urlsplit(self.path)
                asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), json.loads(raw) if raw else None,
                              {name.lower(): value for name, value in self.headers.items()})
                side.asked.append(asked)
                status, body = side.answer(asked)
                if status == 0:
                    self.connection.close()
                    return
                content = json.dumps(body).encode() if body is not None else b""
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = _any

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def times(self, method: str, ending: str) -> int:
        return sum(each.method == method and each.path.endswith(ending) for each in self.asked)


@dataclass
class VercelSide:
    """One project with three production deployments; what is deployed stays QUEUED until `built` says otherwise."""

    value: str = "true"
    serving: str = "dpl_3"
    built: str = "QUEUED"
    made: list[dict[str, Any]] = field(default_factory=list)
    asked_back: dict[str, Any] | None = None
    silent_at: str = ""

    def __call__(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != "Bearer vercel-token-1":
            return 403, {"error": {"code": "forbidden", "message": "Not authorized"}}
        answer = self._answer(asked)
        return (0, None) if self.silent_at and asked.method == "POST" and self.silent_at in asked.path else answer

    def _answer(self, asked: Asked) -> Said:
        match asked.method, asked.path:
            case "GET", "/v9/projects/prj_shop":
                return 200, {"id": "prj_shop", "name": "shop", "targets": {"production": {"id": self.serving}},
                             **({"lastAliasRequest": self.asked_back} if self.asked_back else {})}
            case "GET", "/v10/projects/prj_shop/env":
                return 200, {"envs": [{"id": "e0", "key": "VITE_REGION", "target": ["preview"]},
                                      {"id": "e1", "key": "VITE_REGION", "target": ["production"]}]}
            case "GET", "/v1/projects/prj_shop/env/e1":
                return 200, {"id": "e1", "key": "VITE_REGION", "value": self.value}
            case "PATCH", "/v9/projects/prj_shop/env/e1":
                self.value = asked.body["value"]
                return 200, {"id": "e1", "key": "VITE_REGION"}
            case "GET", "/v6/deployments":
                old = [{"uid": f"dpl_{n}", "created": n * 1000, "state": "READY"} for n in (1, 2, 3)]
                mine = [] if asked.query.get("state") == "READY" else self.made
                return 200, {"deployments": [*mine, *reversed(old)]}
            case "POST", "/v13/deployments":
                self.made.append({"uid": f"dpl_new{len(self.made)}", "created": 9000, "meta": asked.body["meta"]})
                return 200, {"id": self.made[-1]["uid"], "readyState": "QUEUED"}
            case "POST", "/v1/projects/prj_shop/rollback/dpl_2":
                self.asked_back = {"type": "rollback", "jobStatus": "in-progress", "toDeploymentId": "dpl_2",
                                   "fromDeploymentId": self.serving, "requestedAt": time.time() * 1000}
                return 201, None
        if asked.path.startswith("/v13/deployments/"):
            ready = {"ready": 1_790_000_000_000} if self.built == "READY" else {}
            return 200, {"id": asked.path.rpartition("/")[2], "readyState": self.built, **ready}
        return 404, {"error": {"code": "not_found", "message": "Project not found"}}


@dataclass
class NetlifySide:
    """One site with three production deploys."""

    values: list[dict[str, str]] = field(default_factory=lambda: [{"context": "all", "value": "true"}])
    published: str = "d3"
    state: str = "building"
    built: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != "Bearer netlify-token-1":
            return 401, {"code": 401, "message": "Access Denied"}
        match asked.method, asked.path.removeprefix("/api/v1"):
            case "GET", "/sites/site1":
                return 200, {"id": "site1", "account_id": "acc1", "published_deploy": {"id": self.published}}
            case "GET", "/accounts/acc1/env/VITE_REGION":
                return 200, {"key": "VITE_REGION", "values": self.values}
            case "PATCH", "/accounts/acc1/env/VITE_REGION":
                assert asked.query["site_id"] == "site1"
                self.values = [*self.values, asked.body]
                return 200, {}
            case "POST", "/sites/site1/builds":
                self.built.append(asked.query["title"])
                return 200, {"id": "b1", "deploy_id": f"new{len(self.built)}", "done": False}
            case "GET", "/sites/site1/deploys":
                old = [{"id": f"d{n}", "state": "ready", "context": "production", "created_at": f"2026-11-0{n}"}
                       for n in (3, 2, 1)]
                new = [{"id": f"new{n}", "state": self.state, "context": "production", "title": title,
                        "created_at": "2026-11-20"} for n, title in enumerate(self.built, start=1)]
                return 200, [*new, *old]
            case "POST", "/sites/site1/deploys/d2/restore":
                self.published = "d2"
                return 200, {"id": "d2", "state": "ready"}
        if "/deploys/new" in asked.path:
            return 200, {"id": "new1", "state": self.state, "published_at": "2026-11-20T10:00:00.000Z"}
        return 404, {"code": 404, "message": "Not Found"}


@dataclass
class ActionsSide:
    """A repository with one workflow."""

    tells_run: bool = True
    status: tuple[str, str | None] = ("in_progress", None)
    runs: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Said:
        base = "/repos/books/shop"
        if asked.path == base:
            return 200, {"default_branch": "main"}
        if asked.path == f"{base}/actions/workflows/rollback.yml/dispatches":
            assert asked.body["ref"] == "main"
            self.runs.append({"id": 70 + len(self.runs), "html_url": "https://github.example/runs/70"})
            return (200, {"workflow_run_id": self.runs[-1]["id"]}) if self.tells_run else (204, None)
        status, conclusion = self.status
        now = [{**run, "status": status, "conclusion": conclusion, "updated_at": "2026-11-20T10:05:00Z"}
               for run in self.runs]
        if asked.path == f"{base}/actions/workflows/rollback.yml/runs":
            return 200, {"workflow_runs": list(reversed(now))}
        return 200, now[0]
