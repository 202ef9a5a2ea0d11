"""Slack's side of the wire for tests: signed requests over real sockets, and a Web API that answers as it is told."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode

import httpx
from slack_sdk import WebClient

from bot.metrics import Metrics
from handlers.door.http import SlackDoor, build, serve
from handlers.door.listeners import Identity, build_app

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
ME = Identity(token="xoxb-made-up", bot_id="B0BOT", bot_user_id="U0BOT", team_id="T0HOME")


class TestClock:
    """A clock that stands still until it is moved."""

    __test__ = False

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def forward(self, **span: float) -> None:
        self.moment += timedelta(**span)


def signed(body: bytes | str, clock: TestClock, content_type: str, secret: str = SECRET) -> dict[str, str]:
    raw = body.encode() if isinstance(body, str) else body
    timestamp = str(int(clock.now().timestamp()))
    mac = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + raw, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": timestamp, "x-slack-signature": "v0=" + mac, "content-type": content_type}


FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Slack:
    """What Slack sends, signed; `url` is the bot's address."""

    def __init__(self, url: str, clock: TestClock) -> None:
        self.clock = clock
        self.http = httpx.Client(base_url=url, timeout=10)
        self._count = 0

    def post(self, body: bytes | str, content_type: str = FORM, **headers: str) -> httpx.Response:
        return self.http.post("/slack/events", content=body, headers=signed(body, self.clock, content_type) | headers)

    def unique(self) -> str:
        self._count += 1
        return f"{self._count}.{time.time_ns()}"

    def command(self, command: str, text: str = "", user: str = "U0ANA", **fields: str) -> httpx.Response:
        return self.post(urlencode({
            "token": "old", "team_id": "T0HOME", "channel_id": "C0DEPLOYS", "user_id": user, "command": command,
            "text": text, "response_url": "https://hooks.invalid/answer", "trigger_id": self.unique(), **fields,
        }))

    def interact(self, payload: dict) -> httpx.Response:
        return self.post(urlencode({"payload": json.dumps(payload)}))

    def press(self, action_id: str, value: str = "", user: str = "U0ANA", **fields: object) -> httpx.Response:
        return self.interact(pressed(action_id, value, user, self.unique()) | fields)

    def submit(self, callback_id: str, values: dict, view: dict | None = None, user: str = "U0ANA") -> httpx.Response:
        return self.interact(submitted(callback_id, values, user, self.unique(), view))

    def event(self, event: dict, **fields: object) -> httpx.Response:
        return self.post(json.dumps({
            "type": "event_callback", "token": "old", "team_id": "T0HOME", "event_id": "Ev" + self.unique(),
            "authorizations": [{"team_id": "T0HOME", "user_id": "U0BOT", "is_bot": True}], "event": event, **fields,
        }), JSON)


def pressed(action_id: str, value: str, user: str, stamp: str) -> dict:
    return {
        "type": "block_actions", "token": "old", "team": {"id": "T0HOME"}, "user": {"id": user, "team_id": "T0HOME"},
        "trigger_id": stamp, "channel": {"id": "C0DEPLOYS"}, "response_url": "https://hooks.invalid/answer",
        "container": {"type": "message", "message_ts": "1700.1", "channel_id": "C0DEPLOYS"},
        "message": {"ts": "1700.1", "thread_ts": "1700.0"},
        "actions": [{
            "type": "button", "action_id": action_id, "block_id": "b", "value": value, "action_ts": stamp,
            "text": {"type": "plain_text", "text": "Approve"},
        }],
    }


def submitted(callback_id: str, values: dict, user: str, stamp: str, view: dict | None = None) -> dict:
    return {
        "type": "view_submission", "token": "old", "team": {"id": "T0HOME"}, "user": {"id": user, "team_id": "T0HOME"},
        "trigger_id": stamp, "view": {
            "id": "V" + stamp, "type": "modal", "hash": "1.abc", "callback_id": callback_id, "private_metadata": "meta",
            "blocks": [{"type": "section"}, {"type": "input", "block_id": "why"}], "state": {"values": values},
        } | (view or {}),
    }


@contextlib.contextmanager
def open_door(inbox, subjects, clock, nudge=lambda: None, client=None, **parts) -> Iterator[Slack]:
    """The real shell on a real port, with real Bolt behind it."""
    metrics = parts.pop("metrics", None) or Metrics()
    app = build_app(ME, inbox, subjects, clock, nudge, client or WebClient(token=ME.token), metrics)
    web = build(
        slack=SlackDoor(app, SECRET, clock, metrics), alive=parts.pop("alive", {}), ready=parts.pop("ready", {}),
        metrics=metrics, **parts,
    )
    with served(web) as url:
        slack = Slack(url, clock)
        try:
            yield slack
        finally:
            slack.http.close()


@contextlib.contextmanager
def served(web) -> Iterator[str]:
    stop, ready, ports = threading.Event(), threading.Event(), []

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(target=serve, args=(web, "127.0.0.1", 0, stop, on_ready))
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


class WebApi:
    """A Web API of our own: `answers[method]` is a dict, or a function of the parameters."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict]] = []
        self.answers: dict[str, dict | Callable[[dict], dict]] = {}
        self.statuses: dict[str, tuple[int, dict[str, str]]] = {}
        self.delay = 0.0

    def count(self, method: str) -> int:
        return sum(name == method for name, _ in self.calls)


@contextlib.contextmanager
def web_api() -> Iterator[tuple[WebApi, WebClient]]:
    api = WebApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            is_json = self.headers.get("content-type", "").startswith("application/json")
            params = json.loads(raw) if is_json else dict(parse_qsl(raw))
            method = self.path.rpartition("/")[2]
            api.calls.append((method, params))
            time.sleep(api.delay)
            answer = api.answers.get(method, {"ok": True})
            status, headers = api.statuses.get(method, (200, {}))
            body = json.dumps(answer(params) if callable(answer) else answer).encode()
            self.send_response(status)
            headers = {"content-type": "application/json", "content-length": str(len(body))} | headers
            for name, value in headers.items():
                self.send_header(name, value)
            with contextlib.suppress(ConnectionError):  # who asked may have given up
                self.end_headers()
                self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield api, WebClient(
            token=ME.token, base_url=f"http://127.0.0.1:{server.server_port}/api/", timeout=5, retry_handlers=[],
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def eventually(true: Callable[[], object], within: float = 5.0) -> None:
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, "did not come true in time"
        time.sleep(0.005)
