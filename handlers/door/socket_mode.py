"""Socket Mode: Slack's deliveries over websockets that we open, for a bot that no address of the world reaches.

The SDK's own client was measured and turned down: after a reset it came back only at its next look, up to 10 s
later, it loses a message whose frame pauses for 3 s, and it prints payloads that it does not understand.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any

import structlog
from prometheus_client import Gauge
from slack_bolt import App, BoltRequest, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from bot.metrics import Metrics
from handlers import failures
from handlers.door import envelope

log = structlog.get_logger(__name__)

CONNECTIONS = 2       # one goes on while the other is renewed; Slack allows ten
THREADS = 32          # they wait for the disk together, as those of the HTTP door do
LARGEST_FRAME = 1 << 24
ALIVE = 10.0          # seconds between pings, and for their answers
LINGER = 30.0         # seconds that a connection which Slack is about to end is still listened to
SOONEST, LATEST = 0.2, 30.0   # seconds between two attempts to connect
SHORT = 2.0           # seconds; a connection that ends earlier counts as a failed attempt
LOST = (OSError, WebSocketException, HTTPException, SlackClientError, ValueError)

_quiet = logging.getLogger("stagedoor.sockets")
_quiet.setLevel(logging.CRITICAL)   # the library's own words repeat ours, and at DEBUG they hold payloads


class SocketMode:
    """Keeps connections open, hands each envelope to Bolt, and acknowledges on the same connection.

    Level-triggered: one thread asks how many good connections there are and opens what is missing.
    Whatever is not acknowledged Slack delivers again in a new envelope; the inbox knows it by its payload.
    """

    def __init__(
        self, app: App, web: WebClient, app_token: str, metrics: Metrics, connections: int = CONNECTIONS,
    ) -> None:
        # A client of our own: it carries the app's token, and repeats nothing by itself.
        self._web = WebClient(
            token=app_token, base_url=web.base_url, timeout=10, ssl=web.ssl, proxy=web.proxy, logger=_quiet,
            retry_handlers=[],
        )
        self._app, self._metrics, self._wanted = app, metrics, connections
        self._threads = ThreadPoolExecutor(THREADS, "socket")
        self._changed = threading.Condition()
        self._good: set[ClientConnection] = set()
        self._leaving: dict[ClientConnection, float] = {}   # still listened to, until that moment
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="sockets", daemon=True)
        self._trouble = "not connected yet"
        self._failed, self._told = 0, 0.0   # attempts in a row, and the seconds that Slack told us to wait
        Gauge(
            "stagedoor_sockets", "Open connections of Socket Mode.", registry=metrics.registry,
        ).set_function(lambda: float(self.connected()))

    def ticket(self) -> str:
        """The address of one new connection; it can be used once. Raises `SlackApiError` and what a network raises."""
        return str(self._web.apps_connections_open(app_token=str(self._web.token))["url"])

    def start(self) -> None:
        self._keeper.start()

    def connected(self) -> int:
        """How many connections are open."""
        return len(self._good) + len(self._leaving)

    def state(self) -> str | None:
        """None while Slack can reach us, otherwise what is wrong."""
        return None if self.connected() else f"no connection to Slack ({self._trouble})"

    def stop(self, timeout: float = 3.0) -> None:
        """Take nothing new, acknowledge what is being stored, then close."""
        self._stopping.set()
        self._nudge()
        if self._keeper.ident is not None:
            self._keeper.join(timeout)
        self._threads.shutdown(wait=True)
        for connection in (*self._good, *self._leaving):
            connection.close()

    # Keeping connections open --------------------------------------------------------------------------------------

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._end_the_overdue()
            if len(self._good) >= self._wanted:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping.is_set() or len(self._good) < self._wanted, 1.0)
                continue
            if self._failed:
                pause = min(LATEST, SOONEST * 2 ** min(self._failed, 10))
                self._stopping.wait(max(self._told, pause * random.uniform(0.7, 1.3)))  # noqa: S311  spreads, hides nothing
            if not self._stopping.is_set():
                self._open()

    def _open(self) -> None:
        self._told = 0.0
        held = contextlib.ExitStack()   # left by the thread that listens
        try:
            connection = held.enter_context(connect(
                self.ticket(), open_timeout=10, ping_interval=ALIVE, ping_timeout=ALIVE, close_timeout=2,
                max_size=LARGEST_FRAME, compression=None, logger=_quiet, proxy=self._web.proxy or True,
            ))
        except SlackApiError as error:
            self._trouble = f"Slack says {failures.code(error)}"
            self._failed, self._told = self._failed + 1, _retry_after(error)
            log.error("socket.refused", why=failures.code(error))
            return
        except LOST as error:
            self._trouble = type(error).__name__
            self._failed += 1
            log.warning("socket.unreachable", why=type(error).__name__)
            return
        with self._changed:
            self._good.add(connection)
        threading.Thread(target=self._listen, args=(held, connection), name="socket-reader", daemon=True).start()
        log.info("socket.open", open=self.connected())

    def _end_the_overdue(self) -> None:
        for connection, until in list(self._leaving.items()):
            if time.monotonic() >= until:
                connection.close()

    def _nudge(self) -> None:
        with self._changed:
            self._changed.notify_all()

    # What comes in -------------------------------------------------------------------------------------------------

    def _listen(self, held: contextlib.ExitStack, connection: ClientConnection) -> None:
        begun = time.monotonic()
        try:
            for text in connection:
                self._received(connection, text if isinstance(text, str) else text.decode("utf-8", "replace"))
        except (OSError, WebSocketException) as error:
            self._trouble = type(error).__name__
        finally:
            lasted = time.monotonic() - begun
            with self._changed:
                self._failed = self._failed + 1 if lasted < SHORT else 0
                self._good.discard(connection)
                self._leaving.pop(connection, None)
                self._changed.notify_all()
            held.close()
            log.info("socket.closed", open=self.connected())

    def _received(self, connection: ClientConnection, text: str) -> None:
        if self._stopping.is_set():
            return
        try:
            frame = envelope.frame(text)
        except envelope.Malformed as error:
            log.error("frame.unreadable", why=str(error))
            return
        if frame.get("type") == "disconnect":
            self._leave(connection, str(frame.get("reason")))
        elif frame.get("envelope_id"):
            with contextlib.suppress(RuntimeError):   # the pool went home in this very moment
                self._threads.submit(self._take, connection, frame)

    def _leave(self, connection: ClientConnection, reason: str) -> None:
        """Slack will end this connection soon: a new one is opened at once, and this one is listened to until then."""
        log.info("socket.leaving", reason=reason)
        self._trouble = reason
        with self._changed:
            if connection in self._good:
                self._good.discard(connection)
                self._leaving[connection] = time.monotonic() + LINGER
            self._changed.notify_all()

    def _take(self, connection: ClientConnection, frame: dict[str, Any]) -> None:
        begun, status = time.perf_counter(), 500
        try:
            answer = self._app.dispatch(BoltRequest(body=frame["payload"], mode="socket_mode"))
            status = answer.status
            if status == 200:
                connection.send(json.dumps(_acknowledgement(frame, answer)))
            else:
                log.warning("envelope.not_taken", status=status)
        except (OSError, WebSocketException) as error:
            # It is in the inbox; Slack delivers it again, and then it is known already.
            log.info("envelope.not_acknowledged", why=type(error).__name__)
        except Exception:
            log.exception("envelope.failed")
        self._metrics.acks.labels(str(status)).observe(time.perf_counter() - begun)


def _acknowledgement(frame: dict[str, Any], answer: BoltResponse) -> dict[str, Any]:
    ack = {"envelope_id": frame["envelope_id"]}
    if not answer.body or not frame.get("accepts_response_payload", True):
        return ack
    content_type = str((answer.headers.get("content-type") or [""])[0])
    said = json.loads(answer.body) if content_type.startswith("application/json") else {"text": answer.body}
    return {**ack, "payload": said}


def _retry_after(error: SlackApiError) -> float:
    headers = {str(name).lower(): value for name, value in dict(getattr(error.response, "headers", {})).items()}
    try:
        return float(headers.get("retry-after", 0))
    except (TypeError, ValueError):
        return 0.0

