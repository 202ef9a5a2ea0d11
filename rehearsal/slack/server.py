"""The HTTP shell: the one asynchronous file, which hands everything over to plain functions in threads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from rehearsal.slack.refusals import Refusal
from rehearsal.slack.responses import answer_through
from rehearsal.slack.sockets import CONNECTION
from rehearsal.slack.state import Workspace
from rehearsal.slack.troubles import Trouble, Troubles
from rehearsal.slack.webapi import WebApi

Answering = Callable[[], Awaitable[Response]]


class WithConnection:
    """Lets an endpoint break its connection, which ASGI itself has no word for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's `send` is a method of the object that holds the connection
        scope[CONNECTION] = getattr(getattr(send, "__self__", None), "transport", None)
        await self.app(scope, receive, send)


class Doors:
    """The endpoints that the bot uses: the Web API, the upload address and the response_urls."""

    def __init__(self, api: WebApi, troubles: Troubles, stopping: threading.Event) -> None:
        self.api = api
        self.workspace: Workspace = api.workspace
        self.troubles = troubles
        self.stopping = stopping

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/{method}", self.web_api, methods=["GET", "POST"]),
            Route("/upload/{file}/{key}", self.upload, methods=["POST"]),
            Route("/response/{name}", self.response, methods=["POST"]),
        ]

    async def web_api(self, request: Request) -> Response:
        method = request.path_params["method"]
        given, token = await _arguments(request)
        base = str(request.base_url).rstrip("/")

        async def answer() -> Response:
            reply = await run_in_threadpool(self.api.call, method, token, given, base)
            return JSONResponse(reply.body, reply.status, reply.headers)

        return await self._through_troubles(request, method, given, answer)

    async def upload(self, request: Request) -> Response:
        content = await request.body()
        if "multipart/form-data" in request.headers.get("content-type", ""):
            form = await request.form()
            parts = [part for part in form.values() if not isinstance(part, str)]
            content = await parts[0].read() if parts else b""
            await form.close()
        file = self.workspace.files.get(request.path_params["file"])

        async def answer() -> Response:
            if file is None or file.content is not None:
                return PlainTextResponse("no such upload", 404)
            if len(content) != file.size:
                return PlainTextResponse(f"{file.size} bytes were announced, {len(content)} came", 400)
            with self.workspace.change():
                file.content = content
            self.api.log("upload", {"file": file.id}, 200, {"ok": True}, time.perf_counter())
            return PlainTextResponse(f"OK - {len(content)}")

        return await self._through_troubles(request, "upload", {}, answer)

    async def response(self, request: Request) -> Response:
        try:
            given = json.loads(await request.body())
        except ValueError:
            given = None
        name = request.path_params["name"]

        async def answer() -> Response:
            started = time.perf_counter()
            body: dict[str, Any] = {"ok": True}
            status = 200
            try:
                await run_in_threadpool(answer_through, self.workspace, name, given)
            except Refusal as refusal:
                body, status = refusal.answer(), refusal.status
            logged = given if isinstance(given, dict) else {}
            self.api.log("response_url", logged, status, body, started)
            return PlainTextResponse("ok") if status == 200 else JSONResponse(body, status)

        return await self._through_troubles(request, "response_url", given or {}, answer)

    async def _through_troubles(
        self, request: Request, method: str, given: dict[str, Any], answer: Answering
    ) -> Response:
        trouble = self.troubles.strike(method)
        if trouble is None:
            return await answer()
        started = time.perf_counter()
        if trouble.kind == "slow":
            done = await answer()
            await self._sleep(trouble.seconds)
            return done
        if trouble.kind == "lost_answer":
            done = await answer()
            await _break(request)
            return done
        if trouble.kind == "silent":
            await self._silence(trouble)
            self.api.log(method, given, 0, {"ok": False, "error": "silent"}, started)
            await _break(request)
            return PlainTextResponse("")
        return self._turned_away(trouble, method, given, started)

    def _turned_away(self, trouble: Trouble, method: str, given: dict[str, Any], started: float) -> Response:
        if trouble.kind == "too_many":
            body, status = {"ok": False, "error": "ratelimited"}, 429
            headers = {"retry-after": str(int(trouble.seconds))}
        else:
            body, status, headers = {"ok": False, "error": "internal_error"}, trouble.status, {}
        self.api.log(method, given, status, body, started)
        return JSONResponse(body, status, headers)

    async def _silence(self, trouble: Trouble) -> None:
        while trouble.ends_at is not None and trouble in self.troubles.current():
            left = trouble.ends_at - self.troubles.clock()
            if left <= 0 or self.stopping.is_set():
                return
            await asyncio.sleep(min(left, 0.05))

    async def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.stopping.is_set():
            await asyncio.sleep(min(left, 0.05))


async def _arguments(request: Request) -> tuple[dict[str, Any], str | None]:
    """The arguments and the token of a Web API call in any of the forms Slack takes."""
    given: dict[str, Any] = dict(request.query_params)
    kind = request.headers.get("content-type", "")
    if request.method == "POST" and "json" in kind:
        with contextlib.suppress(ValueError):
            body = json.loads(await request.body() or b"{}")
            given |= body if isinstance(body, dict) else {}
    elif request.method == "POST":
        async with request.form() as form:
            given |= {name: value for name, value in form.items() if isinstance(value, str)}
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = str(given.get("token") or "")
    return given, token or None


async def _break(request: Request) -> None:
    """Reset the connection, so that the caller cannot know what became of its request."""
    connection = request.scope.get(CONNECTION)
    if connection is None:
        return
    raw = connection.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.abort()
    await asyncio.sleep(0.01)


class Server:
    """Uvicorn in a thread, on a socket that is bound before it starts so that the port is known."""

    def __init__(self, routes: Sequence[BaseRoute], host: str, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        self.host, self.port = self.socket.getsockname()[:2]
        config = uvicorn.Config(
            WithConnection(Starlette(routes=routes)),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_ping_interval=None,  # whether the other end lives is the bot's to find out
            timeout_graceful_shutdown=2,
            backlog=512,
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._uvicorn.run, kwargs={"sockets": [self.socket]}, name="rehearsal-slack", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        self._thread.start()
        while not self._uvicorn.started:
            if not self._thread.is_alive():
                raise RuntimeError("The stand-in for Slack could not start.")
            time.sleep(0.005)

    def stop(self) -> None:
        self._uvicorn.should_exit = True
        self._thread.join(timeout=5)
        self.socket.close()
