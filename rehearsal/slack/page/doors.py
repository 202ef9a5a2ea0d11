"""The page's HTTP doors: its assets, the workspace as one person sees it, and what that person does."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Route

from rehearsal.slack.page import deeds, levers
from rehearsal.slack.page.seen import seen_by
from rehearsal.slack.refusals import NotPossible, Refusal

if TYPE_CHECKING:
    from rehearsal.slack import Slack

HERE = Path(__file__).parent
ASSETS = {path.name: path for path in HERE.iterdir() if path.suffix in (".css", ".js", ".html", ".svg")}
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: http: https:; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
PICTURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
Do = Callable[["Slack", dict[str, Any]], dict[str, Any]]


class Page:
    def __init__(self, slack: Slack, stopping: threading.Event) -> None:
        self.slack = slack
        self.stopping = stopping

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self.index),
            Route("/page/{name}", self.asset),
            Route("/files/{file}", self.file),
            Route("/archives/{channel}/{link}", self.permalink),
            Route("/admin/state", self.state),
            Route("/admin/changes", self.changes),
            Route("/admin/transcript", self.transcript),
            Route("/admin/act", self.doing(deeds.do), methods=["POST"]),
            Route("/admin/people", self.doing(levers.change_person), methods=["POST"]),
            Route("/admin/troubles", self.doing(levers.troubles), methods=["GET", "POST", "DELETE"]),
            Route("/admin/calls", self.doing(levers.calls), methods=["GET"]),
        ]

    async def index(self, request: Request) -> Response:
        return FileResponse(ASSETS["index.html"], headers=HEADERS)

    async def asset(self, request: Request) -> Response:
        path = ASSETS.get(request.path_params["name"])
        return FileResponse(path, headers=HEADERS) if path else PlainTextResponse("no such asset", 404)

    async def file(self, request: Request) -> Response:
        file = self.slack.workspace.files.get(request.path_params["file"])
        if file is None or file.content is None:
            return PlainTextResponse("no such file", 404)
        if not self.slack.may_read_files(request.headers.get("authorization")):
            return HTMLResponse("<title>Sign in to Slack</title>", headers=HEADERS)
        # pictures as pictures, everything else as text: nothing that was uploaded may run on this page
        kind = next((kind for start, kind in PICTURES.items() if file.content.startswith(start)), "text/plain")
        return Response(file.content, media_type=kind, headers=HEADERS)

    async def permalink(self, request: Request) -> Response:
        channel, digits = request.path_params["channel"], request.path_params["link"].removeprefix("p")
        thread = request.query_params.get("thread_ts", "")
        return RedirectResponse(f"/?channel={channel}&message={digits[:-6]}.{digits[-6:]}&thread={thread}")

    async def state(self, request: Request) -> Response:
        user = request.query_params.get("as", "U0ANA0001")
        try:
            return JSONResponse(await run_in_threadpool(seen_by, self.slack, user), headers=HEADERS)
        except NotPossible as refusal:
            return JSONResponse({"error": str(refusal)}, 404)

    async def transcript(self, request: Request) -> Response:
        return PlainTextResponse(await run_in_threadpool(self.slack.transcript, request.query_params.get("as")))

    async def changes(self, request: Request) -> Response:
        """Server-sent events: the number of the newest change, whenever there is one."""

        async def stream() -> AsyncIterator[str]:
            told = -1
            while not self.stopping.is_set():
                newest = self.slack.workspace.version
                if newest != told:
                    told = newest
                    yield f"data: {newest}\n\n"
                await asyncio.sleep(0.1)

        return StreamingResponse(stream(), media_type="text/event-stream", headers=HEADERS)

    def doing(self, do: Do) -> Callable[[Request], Any]:
        """An endpoint that hands JSON to a plain function; other sites' forms cannot send JSON, so none can get in."""

        async def endpoint(request: Request) -> Response:
            given: Any = dict(request.query_params)
            if request.method == "POST":
                if "json" not in request.headers.get("content-type", ""):
                    return JSONResponse({"error": "JSON is needed"}, 415)
                try:
                    given = json.loads(await request.body())
                except ValueError:
                    return JSONResponse({"error": "JSON is needed"}, 400)
            given["method"] = request.method
            try:
                return JSONResponse(await run_in_threadpool(do, self.slack, given), headers=HEADERS)
            except (NotPossible, Refusal) as refusal:
                return JSONResponse({"error": str(refusal)}, 409)
            except (KeyError, TypeError, ValueError) as error:
                return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

        return endpoint
