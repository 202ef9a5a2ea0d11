"""The HTTP shell: the only asynchronous file. It verifies, hands over to a thread at once, and answers."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt import App, BoltRequest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bot.errors import Unreachable
from bot.metrics import Metrics
from bot.ports import Clock
from handlers.door import envelope

log = structlog.get_logger(__name__)

LARGEST_BODY = 1 << 20
HEAD_TIME = 10.0   # seconds for a request to say what it wants
PASSED_OVER = 32 << 20    # bytes of a body too large that are still read, so that its sender gets to read why
BODY_TIME = 5.0    # seconds for a whole body to arrive; Slack itself gives up after three
PART_TIME = 2.0    # seconds for a part to say how it is
SLACK_THREADS = 64

Part = Callable[[], str | None]
"""Says how one part of the process is: None when it is well, otherwise what is wrong."""


class SlackDoor:
    """`POST /slack/events`."""

    def __init__(self, app: App, secret: str, clock: Clock, metrics: Metrics) -> None:
        if not secret:
            raise ValueError("Without a signing secret nobody can tell who is asking.")
        self._app, self._secret, self._clock, self._metrics = app, secret, clock, metrics
        # Slack's own threads: however busy other routes are, an acknowledgement finds one. They mostly wait for the
        # disk together, so there are many. (anyio's worker threads cost a seventh of the throughput.)
        self._threads = ThreadPoolExecutor(SLACK_THREADS, "slack")

    async def __call__(self, request: Request) -> Response:
        body = await body_of(request)
        if isinstance(body, Response):
            return body
        begun = time.perf_counter()
        answer = await self._answer(request, body)
        self._metrics.acks.labels(str(answer.status_code)).observe(time.perf_counter() - begun)
        return answer

    async def _answer(self, request: Request, body: bytes) -> Response:
        if envelope.probe(body):
            return PlainTextResponse("")
        timestamp = request.headers.get("x-slack-request-timestamp", "").encode("latin-1")
        signature = request.headers.get("x-slack-signature", "").encode("latin-1")
        if not envelope.genuine(self._secret, timestamp, signature, body, self._clock.now()):
            return PlainTextResponse("not signed by Slack, or too old", 401)
        content_type = request.headers.get("content-type", "")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._dispatch, content_type, body)

    def _dispatch(self, content_type: str, body: bytes) -> Response:
        try:
            payload: dict[str, Any] = envelope.opened(content_type, body)
            if payload.get("type") == "url_verification":
                return JSONResponse({"challenge": payload["challenge"]})
            # Bolt gets what was read here and reads nothing a second time, which it does only in this mode.
            answer = self._app.dispatch(BoltRequest(body=payload, mode="socket_mode"))
        except envelope.Malformed as exc:
            return PlainTextResponse(str(exc), 400)
        except Exception:
            log.exception("request.unreadable")
            return PlainTextResponse("this payload cannot be read", 400)
        # Our listeners never answer 500: it is Bolt's word for a payload whose shape it did not expect.
        status = 400 if answer.status == 500 else answer.status
        return Response(answer.body, status, headers=answer.first_headers_without_set_cookie())


async def body_of(request: Request, largest: int = LARGEST_BODY, within: float = BODY_TIME) -> bytes | Response:
    """The body, or the answer to one that is too large, too slow or never ends."""
    announced = request.headers.get("content-length", "")
    length = int(announced) if announced.isdigit() else 0
    if length > PASSED_OVER:
        return _refused("the body is too large", 413)
    chunks, size = list[bytes](), 0
    try:
        async with asyncio.timeout(within):
            async for chunk in request.stream():
                size += len(chunk)
                if max(size, length) <= largest:
                    chunks.append(chunk)
                elif size > PASSED_OVER:
                    break
            if size > largest:
                return _refused("the body is too large", 413)
    except TimeoutError:
        return _refused("the body did not arrive in time", 408)
    except ClientDisconnect:
        return _refused("the body broke off", 400)
    return b"".join(chunks)


def _refused(why: str, status: int) -> Response:
    # What is left of the body must not be read as the next request.
    return PlainTextResponse(why, status, headers={"connection": "close"})


class Parts:
    """`GET /healthz` and `/readyz`: each part is asked in a thread, and one that hangs is not asked twice at once."""

    def __init__(self, parts: Mapping[str, Part], notes: Callable[[], Sequence[str]] = tuple) -> None:
        self._parts = parts
        self._notes = notes
        self._asked: dict[str, Future[str]] = {}

    async def __call__(self, request: Request) -> Response:
        begun = time.monotonic()
        asked = {name: self._ask(name) for name in self._parts}
        while not all(answer.done() for answer in asked.values()) and time.monotonic() - begun < PART_TIME:
            await asyncio.sleep(0.005)
        states = {n: a.result() if a.done() else f"no answer within {PART_TIME:g} s" for n, a in asked.items()}
        well = all(state == "ok" for state in states.values())
        notes = {"notes": list(said)} if (said := self._notes()) else {}
        answer = {"status": "ok" if well else "unavailable", "parts": states, **notes}
        return JSONResponse(answer, 200 if well else 503)

    def _ask(self, name: str) -> Future[str]:
        waiting = self._asked.get(name)
        if waiting is not None and not waiting.done():
            return waiting
        answer = self._asked[name] = Future[str]()

        def run() -> None:
            try:
                answer.set_result(self._parts[name]() or "ok")
            except Exception as exc:
                log.exception("part.failed", part=name)
                answer.set_result(f"failed ({type(exc).__name__})")

        threading.Thread(target=run, name=f"part-{name}", daemon=True).start()
        return answer


def build(
    *, slack: SlackDoor | None, alive: Mapping[str, Part], ready: Mapping[str, Part], metrics: Metrics,
    routes: Sequence[BaseRoute] = (), notes: Callable[[], Sequence[str]] = tuple,
) -> Starlette:
    """The web application. `slack` is None in Socket Mode; `routes` are the further doors of other parts.

    `notes` are sentences that `/readyz` shows and that keep nobody from being ready.
    """

    async def counted(request: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    doors: list[BaseRoute] = [
        Route("/healthz", Parts(alive).__call__, methods=["GET"]),
        Route("/readyz", Parts(ready, notes).__call__, methods=["GET"]),
        Route("/metrics", counted, methods=["GET"]),
        *routes,
    ]
    if slack is not None:
        doors.insert(0, Route("/slack/events", slack.__call__, methods=["POST"]))
    web = Starlette(routes=doors)
    web.router.redirect_slashes = False  # a redirected POST loses its body
    return web


class Server(uvicorn.Server):
    """uvicorn that ends when a signal or `stop` says so, and then returns instead of dying of the signal."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event, on_ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._stop, self._on_ready = stop, on_ready

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready(int(self.servers[0].sockets[0].getsockname()[1]))

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop.is_set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again once it has stopped, and the process would end with -15 instead of 0.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {sig: signal.signal(sig, self._told) for sig in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    def _told(self, sig: int, frame: Any) -> None:
        self.handle_exit(signal.Signals(sig), frame)
        self._stop.set()


class Protocol(HttpToolsProtocol):
    """uvicorn's, which lets go of a connection whose request does not get as far as its body within `HEAD_TIME`."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:    # type: ignore[override]    # as uvicorn has it
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_TIME, transport.close)

    def on_message_begin(self) -> None:
        self._in_time()
        self._late = self.loop.call_later(HEAD_TIME, self.transport.close)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_time()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises `Unreachable` where it is another program's or not this machine's."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as trouble:
        why = "another program has it" if trouble.errno == errno.EADDRINUSE else trouble.strerror or str(trouble)
        raise Unreachable(f"Nothing can listen at HOST {host}, PORT {port}: {why}. Nothing was begun.") from None


def serve(
    app: Starlette, host: str, port: int, stop: threading.Event, on_ready: Callable[[int], None],
    at: socket.socket | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or `stop`; open requests are answered first. `on_ready` gets the port.

    `at` listens already; where it is left out, host and port are.
    """
    config = uvicorn.Config(
        app, host=host, port=port, http=Protocol, ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, timeout_keep_alive=65, timeout_graceful_shutdown=5,
    )
    Server(config, stop, on_ready).run(sockets=[at] if at else None)
