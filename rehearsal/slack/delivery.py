"""Requests to the bot: signed, with three seconds to answer, several copies at once or again later where asked."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import httpx

from rehearsal.loopback import TRUST
from rehearsal.slack.sockets import Sockets
from rehearsal.slack.state import Workspace
from rehearsal.slack.things import Delivered

PATIENCE = 3.0


def signature(secret: str, timestamp: str, body: bytes) -> str:
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return f"v0={digest.hexdigest()}"


@dataclass(kw_only=True)
class Delivery:
    """The road from Slack to the bot."""

    workspace: Workspace
    bot_url: str
    signing_secret: str
    patience: float = PATIENCE
    retry_delays: Sequence[float] = (0.0, 60.0, 300.0)
    sockets: Sockets | None = None  # with Socket Mode on, nothing goes over HTTP
    _client: httpx.Client = field(init=False)
    _closing: threading.Event = field(default_factory=threading.Event)
    _retries: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._client = httpx.Client(
            timeout=httpx.Timeout(self.patience, connect=self.patience, pool=None),
            trust_env=False, verify=TRUST,
            limits=httpx.Limits(max_connections=None),
        )

    def close(self) -> None:
        self._closing.set()
        for thread in self._retries:
            thread.join(timeout=self.patience + 1)
        self._client.close()

    def form(self, kind: str, fields: dict[str, str], copies: int = 1) -> Delivered:
        """A slash command."""
        return self._send(kind, urlencode(fields).encode(), "application/x-www-form-urlencoded", fields, copies)

    def interaction(self, payload: dict[str, Any], copies: int = 1) -> Delivered:
        """A click, a submission, a shortcut."""
        body = urlencode({"payload": json.dumps(payload)}).encode()
        return self._send(str(payload["type"]), body, "application/x-www-form-urlencoded", payload, copies)

    def event(self, envelope: dict[str, Any], copies: int = 1) -> Delivered:
        """An event; where the bot fails to take it, it comes again up to three times in the background."""
        body = json.dumps(envelope).encode()
        kind = str(envelope["event"]["type"])
        first = self._send(kind, body, "application/json", envelope, copies)
        if not first.ok:
            self._retry(kind, body, envelope, first)
        return first

    def _retry(self, kind: str, body: bytes, payload: dict[str, Any], first: Delivered) -> None:
        if self.retry_delays:
            thread = threading.Thread(
                target=self._again, args=(kind, body, payload, first), name="slack-event-retry", daemon=True
            )
            self._retries = [one for one in self._retries if one.is_alive()] + [thread]
            thread.start()

    def _again(self, kind: str, body: bytes, envelope: dict[str, Any], last: Delivered) -> None:
        for number, delay in enumerate(self.retry_delays, start=1):
            if self._closing.wait(delay):
                return
            reason = "http_error" if last.status is not None else "http_timeout"
            reason = "connection_failed" if last.error == "dispatch_failed" and last.status is None else reason
            headers = {"x-slack-retry-num": str(number), "x-slack-retry-reason": reason}
            last = self._once(kind, body, "application/json", envelope, headers, retry=number)
            if last.ok:
                return

    def _send(self, kind: str, body: bytes, content_type: str, payload: dict[str, Any], copies: int) -> Delivered:
        def one(_: int) -> Delivered:
            return self._once(kind, body, content_type, payload, {})

        if copies == 1:
            sent = one(0)
        else:
            with ThreadPoolExecutor(max_workers=copies) as pool:
                answers = tuple(pool.map(one, range(copies)))
            sent = replace(answers[0], copies=answers)
        if self.sockets is not None and sent.error == "operation_timeout" and payload.get("type") != "event_callback":
            # whatever went out in an envelope and was not acknowledged comes again in a new one
            self._retry(kind, body, payload, sent)
        return sent

    def _once(
        self,
        kind: str,
        body: bytes,
        content_type: str,
        payload: dict[str, Any],
        more_headers: dict[str, str],
        retry: int = 0,
    ) -> Delivered:
        timestamp = str(int(time.time()))
        headers = {
            "content-type": content_type,
            "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": signature(self.signing_secret, timestamp, body),
            **more_headers,
        }
        started = time.perf_counter()
        status, answer, answered_as = None, "", ""
        try:
            if self.sockets is not None:
                status, answer, answered_as, error = _by_socket(self.sockets, kind, payload, self.patience, retry)
            else:
                response = self._client.post(self.bot_url, content=body, headers=headers)
                status, answer = response.status_code, response.text
                answered_as = response.headers.get("content-type", "")
                error = None if response.is_success else "dispatch_failed"
        except httpx.TimeoutException:
            error = "operation_timeout"
        except httpx.HTTPError:
            error = "dispatch_failed"
        seconds = time.perf_counter() - started
        if seconds > self.patience:
            # an answer that dribbles in is as late as none
            error = "operation_timeout"
        delivered = Delivered(
            at=self.workspace.clock(),
            kind=kind,
            status=status,
            seconds=seconds,
            body=answer,
            content_type=answered_as,
            error=error,
            retry=retry,
            payload=payload,
        )
        with self.workspace.change():
            self.workspace.deliveries.append(delivered)
        return delivered


def _by_socket(
    sockets: Sockets, kind: str, payload: dict[str, Any], patience: float, retry: int
) -> tuple[int | None, str, str, str | None]:
    """Status, body, content type and error, as if the acknowledgement had come over HTTP."""
    waiting = sockets.offer(kind, payload, time.monotonic() + patience, retry)
    if waiting is None:
        return None, "", "", "dispatch_failed"
    if not waiting.acknowledged:
        return None, "", "", "operation_timeout"
    if waiting.payload is None or payload.get("type") == "event_callback":
        return 200, "", "", None
    return 200, json.dumps(waiting.payload), "application/json", None
