"""One Web API call from arguments to answer: token, scopes, limits, method, and the log of all calls."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from rehearsal.slack.arguments import Arguments
from rehearsal.slack.limits import Limits
from rehearsal.slack.methods import METHODS, Asked
from rehearsal.slack.people import BOT_USER_ID
from rehearsal.slack.refusals import Refusal
from rehearsal.slack.sockets import Sockets
from rehearsal.slack.state import Workspace
from rehearsal.slack.things import Call, Json

SCOPES = frozenset(
    (
        *("app_mentions:read", "bookmarks:read", "bookmarks:write", "canvases:read", "canvases:write"),
        *("chat:write", "chat:write.public", "commands"),
        *("channels:history", "channels:join", "channels:manage", "channels:read", "files:read", "files:write"),
        *("groups:history", "groups:read", "groups:write", "im:history", "im:read", "im:write", "pins:write"),
        *("reactions:read", "reactions:write", "usergroups:read", "users:read", "users:read.email"),
    )
)


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    body: Json
    headers: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class WebApi:
    workspace: Workspace
    limits: Limits
    bot_token: str
    scopes: frozenset[str]
    app_token: str = ""
    sockets: Sockets = field(default_factory=Sockets)

    def call(self, method: str, token: str | None, given: dict[str, Any], base: str) -> Reply:
        started = time.perf_counter()
        headers = {"x-oauth-scopes": ",".join(sorted(self.scopes)), "x-slack-req-id": "rehearsal"}
        try:
            body: Json = {"ok": True, **self._run(method, token, given, base)}
            status = 200
        except Refusal as refusal:
            body, status = refusal.answer(), refusal.status
            if refusal.retry_after is not None:
                headers["retry-after"] = str(refusal.retry_after)
        self.log(method, given, status, body, started)
        return Reply(status=status, body=body, headers=headers)

    def log(self, method: str, given: dict[str, Any], status: int, answer: Json, started: float) -> None:
        with self.workspace.change():
            self.workspace.calls.append(
                Call(
                    at=self.workspace.clock(),
                    method=method,
                    args={name: value for name, value in given.items() if name != "token"},
                    status=status,
                    answer=answer,
                    seconds=time.perf_counter() - started,
                )
            )

    def _run(self, name: str, token: str | None, given: dict[str, Any], base: str) -> Json:
        method = METHODS.get(name)
        if method is None:
            raise Refusal("unknown_method", req_method=name)
        self._check_token(name, token)
        self.limits.check_method(name, method.tier)
        if method.scopes and not self.scopes & set(method.scopes):
            raise Refusal("missing_scope", needed=method.scopes[0], provided=",".join(sorted(self.scopes)))
        asked = Asked(
            workspace=self.workspace, args=Arguments(given), base=base, scopes=self.scopes, sockets=self.sockets
        )
        asked.args.need(method.needs)
        if method.posts:
            self.limits.check_post(asked.args.text("channel"))
        with self.workspace.lock:
            return method.run(asked)

    def _check_token(self, name: str, token: str | None) -> None:
        if not token:
            raise Refusal("not_authed")
        own, other = self.bot_token, self.app_token
        if name == "apps.connections.open":
            own, other = other, own
        if token == other:
            raise Refusal("not_allowed_token_type")
        if token != own:
            raise Refusal("invalid_auth")
        if self.workspace.people[BOT_USER_ID].deactivated:
            raise Refusal("account_inactive")
