"""A lever behind a webhook of the team's own.

It is sent `{"flag", "to", "attempt"}`, or `{"revert": true, "attempt"}`, with `Idempotency-Key: ATTEMPT`. 200 means in
force now; 202 means begun: the answer may name a `status_url` (same host) that answers 202 until it is in force. The
answer may also say `in_force_at` (ISO 8601), `before` (the value that it had) and `message`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from bot.adapters.levers.asking import Answer, Asking, No, Silent, trouble
from bot.domain.entry import Json
from bot.ports import Clock, Turned


class Webhook:
    """One address, which is a secret."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url, self._clock = url, clock
        self._ask = Asking("The webhook")

    def turn(self, variable: str, to: str, attempt: str, *, again: bool) -> Turned:
        """Setting a value twice is setting it once, so a try that was cut off is made again."""
        body = {"flag": variable, "to": to, "attempt": attempt}
        return self._sent(body, attempt, f"set {variable} back the same way")

    def revert(self, attempt: str, *, again: bool) -> Turned:
        if again:
            return Turned(
                state="unknown", answer="Stagedoor was stopped while it called the webhook. It may have acted: look "
                "there before you press again.",
            )
        return self._sent({"revert": True, "attempt": attempt}, attempt, "deploy the newer version again")

    def follow(self, follows: Mapping[str, Json]) -> Turned:
        """Ask its own address how far it is."""
        try:
            answer = self._ask.send("GET", str(follows["url"]))
        except (Silent, No) as exc:
            return Turned(state="following", answer=str(exc), follows=follows)
        if answer.status == 202:
            return Turned(state="following", answer=_says(answer) or "begun", follows=follows)
        return self._in_force(answer)

    def _sent(self, body: dict[str, Any], attempt: str, back: str) -> Turned:
        try:
            answer = self._ask.send("POST", self._url, body, headers={"Idempotency-Key": attempt})
        except (Silent, No) as exc:
            return trouble(exc, acted=True)
        before = str(answer.body.get("before", "")) if isinstance(answer.body, dict) else ""
        if answer.status != 202:
            done = self._in_force(answer)
            return replace(done, before=before, way_back=back)
        said = answer.body.get("status_url") if isinstance(answer.body, dict) else ""
        status = str(said or answer.location)
        if not status or not self._same_host(status):
            said = _says(answer) or "the webhook answered 202"
            return Turned(state="accepted", answer=said, before=before, way_back=back)
        return Turned(state="following", answer=_says(answer) or "begun", before=before, way_back=back,
                      follows={"url": status})

    def _in_force(self, answer: Answer) -> Turned:
        at = answer.body.get("in_force_at") if isinstance(answer.body, dict) else None
        try:
            since = datetime.fromisoformat(str(at)) if at else self._clock.now()
        except ValueError:
            since = self._clock.now()
        if since.tzinfo is None:
            since = self._clock.now()
        said = _says(answer) or f"the webhook answered {answer.status}"
        return Turned(state="in_force", answer=said, in_force_at=since)

    def _same_host(self, url: str) -> bool:
        own, other = urlsplit(self._url), urlsplit(url)
        return (own.scheme, own.netloc) == (other.scheme, other.netloc)


def _says(answer: Answer) -> str:
    said = answer.body.get("message") if isinstance(answer.body, dict) else ""
    return str(said or "")[:200]
