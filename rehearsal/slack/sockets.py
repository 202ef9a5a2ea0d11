"""Socket Mode: the connections that the bot opened, and the envelopes that travel on them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from rehearsal.slack.people import APP_ID
from rehearsal.slack.things import Json

CONNECTION = "rehearsal.connection"  # where the server keeps a request's transport
MOST = 10  # connections of one app
TYPES = {"command": "slash_commands", "event_callback": "events_api"}


@dataclass(eq=False)
class Line:
    """One open connection."""

    socket: WebSocket
    loop: asyncio.AbstractEventLoop

    def send(self, frame: Json) -> None:
        with contextlib.suppress(RuntimeError, TimeoutError, WebSocketDisconnect):
            asyncio.run_coroutine_threadsafe(self.socket.send_text(json.dumps(frame)), self.loop).result(2)

    def close(self) -> None:
        with contextlib.suppress(RuntimeError, TimeoutError, WebSocketDisconnect):
            asyncio.run_coroutine_threadsafe(self.socket.close(), self.loop).result(2)

    def cut(self, transport: Any) -> None:
        """Reset the connection without a word, as a network does."""

        def abort() -> None:
            with contextlib.suppress(OSError):
                raw = transport.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()

        self.loop.call_soon_threadsafe(abort)


@dataclass(eq=False, kw_only=True)
class Waiting:
    """An envelope under way: `ended` is set when it was acknowledged or its connection broke."""

    line: Line
    ended: threading.Event = field(default_factory=threading.Event)
    acknowledged: bool = False
    payload: Any = None


class Sockets:
    """All connections of the app. A payload goes to any one of them; its acknowledgement must come on the same one."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.envelopes: list[Json] = []  # all that were ever sent, for tests
        self.opened = 0
        self._tickets: set[str] = set()
        self._waiting: dict[str, Waiting] = {}
        self._changed = threading.Condition()

    def ticket(self, base: str) -> str:
        """An address that opens one connection, once."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return f"{base.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={APP_ID}"

    def routes(self) -> list[WebSocketRoute]:
        return [WebSocketRoute("/link/", self.serve)]

    async def serve(self, connection: WebSocket) -> None:
        ticket = connection.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await connection.close(1008)
            return
        self._tickets.discard(ticket)
        await connection.accept()
        line = Line(connection, asyncio.get_running_loop())
        with self._changed:
            full = len(self.lines) >= MOST
        if full:
            await connection.send_text(json.dumps(goodbye("too_many_websockets")))
            await connection.close()
            return
        with self._changed:
            self.lines.append(line)
            self.opened += 1
            number = len(self.lines)
            self._changed.notify_all()
        try:
            # Whoever reads it counts on being known; what others send goes through this loop, and so comes after it.
            await connection.send_text(json.dumps(hello(number)))
            while True:
                self._heard(line, await connection.receive_text())
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass
        finally:
            self._lost(line)

    def offer(self, kind: str, payload: Json, until: float, attempt: int) -> Waiting | None:
        """Send a payload in a new envelope and wait; None when nobody was connected. Where the connection breaks
        before the acknowledgement, the payload goes out again on another one."""
        waiting: Waiting | None = None
        while (line := self._any(until)) is not None:
            number = secrets.token_hex(16)
            frame: Json = {
                "envelope_id": number,
                "type": TYPES.get(kind if kind == "command" else str(payload.get("type")), "interactive"),
                "accepts_response_payload": payload.get("type") != "event_callback",
                "payload": payload,
            }
            if attempt:
                frame |= {"retry_attempt": attempt, "retry_reason": "timeout"}
            waiting = Waiting(line=line)
            with self._changed:
                if line not in self.lines:
                    continue
                self._waiting[number] = waiting
                self.envelopes.append(frame)
            line.send(frame)
            waiting.ended.wait(max(0.0, until - time.monotonic()))
            with self._changed:
                self._waiting.pop(number, None)
            if waiting.acknowledged or time.monotonic() >= until:
                break
            attempt += 1
        return waiting

    def drop(self, count: int | None = None) -> int:
        """Break connections without a word; all of them unless told how many."""
        broken = self._some(count)
        for line in broken:
            line.cut(line.socket.scope[CONNECTION])
        return len(broken)

    def refresh(self, count: int | None = None, *, warning: float = 0.2, reason: str = "refresh_requested") -> int:
        """Ask for fresh connections as Slack does every few hours: a warning, then the end of the old ones."""
        asked = self._some(count)
        for line in asked:
            line.send(goodbye("warning"))
        time.sleep(warning)
        for line in asked:
            line.send(goodbye(reason))
            line.close()
        return len(asked)

    def wait_connected(self, count: int = 1, within: float = 10.0) -> None:
        """Wait until so many connections are open."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.lines) >= count, within):
                raise TimeoutError(f"{len(self.lines)} of {count} connections within {within:g} s")

    def _some(self, count: int | None) -> list[Line]:
        with self._changed:
            return list(self.lines)[:count]

    def _any(self, until: float) -> Line | None:
        # for a moment after a break there may be none; Slack waits as long as the person does
        with self._changed:
            self._changed.wait_for(lambda: bool(self.lines), min(0.5, max(0.0, until - time.monotonic())))
            return random.choice(self.lines) if self.lines else None

    def _heard(self, line: Line, text: str) -> None:
        with contextlib.suppress(ValueError, AttributeError):
            frame = json.loads(text)
            with self._changed:
                waiting = self._waiting.get(str(frame.get("envelope_id")))
            if waiting is not None and waiting.line is line:
                waiting.acknowledged, waiting.payload = True, frame.get("payload")
                waiting.ended.set()

    def _lost(self, line: Line) -> None:
        with self._changed:
            if line in self.lines:
                self.lines.remove(line)
            for waiting in self._waiting.values():
                if waiting.line is line:
                    waiting.ended.set()
            self._changed.notify_all()


def hello(number: int) -> Json:
    return {
        "type": "hello",
        "num_connections": number,
        "connection_info": {"app_id": APP_ID},
        "debug_info": {"host": "applink-rehearsal", "approximate_connection_time": 18060},
    }


def goodbye(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-rehearsal"}}
