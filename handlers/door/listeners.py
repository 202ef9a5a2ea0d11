"""The Bolt app. A listener stores the delivery in the inbox and acknowledges it; every other work is the pool's."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt import Ack, App, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from bot.metrics import Metrics
from bot.ports import Clock, Delivery, Inbox
from handlers import failures
from handlers.conversation import Subject, together
from handlers.door import deliveries
from templates.blocks import Message

log = structlog.get_logger(__name__)

ANY = re.compile("")
# Elements whose state is read when their modal is submitted; touching one says nothing yet.
SAYING = ("button", "overflow")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who we are in Slack: learned once at start-up, so that no acknowledgement waits for Slack."""

    token: str
    bot_id: str
    bot_user_id: str
    team_id: str
    enterprise_id: str = ""
    home: str = ""
    """The workspace's address, for links to messages."""


class Listeners:
    """What happens within Slack's three seconds, for each kind of delivery."""

    def __init__(
        self, inbox: Inbox, subjects: Iterable[Subject], clock: Clock, nudge: Callable[[], None], metrics: Metrics,
    ) -> None:
        self._inbox = inbox
        self._subject = together(subjects)
        self._clock = clock
        self._nudge = nudge
        self._metrics = metrics

    def command(self, body: dict[str, Any], ack: Ack) -> BoltResponse:
        # Slack shows the text of an answer to a command, and nothing but an error code for a bad status.
        trouble = self._stored(self._read(body))
        return ack() if trouble is None else ack(text=trouble.text, blocks=trouble.blocks)

    def action(self, body: dict[str, Any], ack: Ack) -> BoltResponse:
        pressed = body["actions"][0] if body["actions"] else {}
        # A button that is a link did its work in the browser already.
        if "url" in pressed or not self._knows_action(pressed):
            self._count("action", "ignored")
            return ack()
        return self._answered(body, ack)

    def view(self, body: dict[str, Any], ack: Ack) -> BoltResponse:
        delivery = self._read(body)
        if errors := self._errors(delivery):
            return ack(response_action="errors", errors=errors)
        if trouble := self._stored(delivery):
            # Shown in the open window, where nothing of what was typed is lost.
            field = _first_input(body)
            return ack(response_action="errors", errors={field: trouble.text}) if field else BoltResponse(status=503)
        return ack()

    def view_closed(self, ack: Ack) -> BoltResponse:
        # No subject keeps anything for an open window, so there is nothing to tidy up.
        return ack()

    def shortcut(self, body: dict[str, Any], ack: Ack) -> BoltResponse:
        return self._answered(body, ack)

    def event(self, body: dict[str, Any], ack: Ack) -> BoltResponse:
        if not self._wants(body):
            self._count("event", "ignored")
            return ack()
        return self._answered(body, ack)

    def _answered(self, body: dict[str, Any], ack: Ack) -> BoltResponse:
        # Anything but 200 makes Slack deliver an event again, and mark a pressed button as failed.
        return BoltResponse(status=503) if self._stored(self._read(body)) else ack()

    def _read(self, body: dict[str, Any]) -> Delivery:
        return deliveries.delivery(body, self._clock.now())

    def _stored(self, delivery: Delivery) -> Message | None:
        """Store it and wake the pool. None when it is safe, otherwise the sentence for the person."""
        try:
            new = self._inbox.receive(delivery)
        except Exception as exc:
            trouble, ref = failures.sentence(exc)
            log.exception("delivery.not_stored", ref=ref, key=delivery.key, kind=delivery.kind)
            self._count(delivery.kind, "failed")
            return trouble
        self._count(delivery.kind, "stored" if new else "again")
        if new:
            self._nudge()
        return None

    def _errors(self, delivery: Delivery) -> dict[str, str]:
        ask = deliveries.ask(delivery)
        check = self._subject.checks.get(ask.name)
        if check is None:
            return {}
        try:
            return check(ask)
        except Exception:
            # The handler judges the fields again; a faulty check must not cost what was typed.
            log.exception("check.failed", name=ask.name, key=delivery.key)
            return {}

    def _knows_action(self, pressed: Mapping[str, Any]) -> bool:
        return pressed.get("action_id") in self._subject.actions or pressed.get("type") in SAYING

    def _wants(self, body: Mapping[str, Any]) -> bool:
        event = body["event"]
        name = event["type"]
        if name == "app_mention":
            # An old mention that is edited, or one by a program, asks for nothing.
            return bool(event.get("user")) and not event.get("bot_id") and not event.get("edited")
        if name not in self._subject.events:
            return False
        want = self._subject.wants.get(name)
        return want is None or want(body)

    def _count(self, kind: str, outcome: str) -> None:
        self._metrics.deliveries.labels(kind, outcome).inc()


def build_app(
    identity: Identity, inbox: Inbox, subjects: Iterable[Subject], clock: Clock, nudge: Callable[[], None],
    client: WebClient, metrics: Metrics,
) -> App:
    """The Bolt app for both HTTP (behind `handlers.http`, which verifies signatures) and Socket Mode."""
    known = AuthorizeResult(
        enterprise_id=identity.enterprise_id or None, team_id=identity.team_id,
        bot_token=identity.token, bot_id=identity.bot_id, bot_user_id=identity.bot_user_id,
    )

    def authorize() -> AuthorizeResult:
        return known

    app = App(
        name="stagedoor", client=client, authorize=authorize, logger=_quiet(), token_verification_enabled=False,
        process_before_response=True,  # without it Bolt polls for the ack every 10 ms
        # The shell did both before; Bolt would answer nonsense with 500.
        request_verification_enabled=False, ssl_check_enabled=False, url_verification_enabled=False,
        attaching_function_token_enabled=False,
    )
    listeners = Listeners(inbox, subjects, clock, nudge, metrics)
    app.command(ANY)(listeners.command)
    app.action(ANY)(listeners.action)
    app.view_submission(ANY)(listeners.view)
    app.view_closed(ANY)(listeners.view_closed)
    app.shortcut(ANY)(listeners.shortcut)
    app.event(ANY)(listeners.event)
    return app


def _first_input(body: Mapping[str, Any]) -> str:
    """The first block that can carry an error; Slack takes errors for input blocks alone."""
    blocks = body["view"].get("blocks")
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict) and block.get("type") == "input" and isinstance(block.get("block_id"), str):
            return str(block["block_id"])
    return ""


def _quiet() -> logging.Logger:
    """Bolt's own logger. Its warnings print whole payloads, so only errors pass."""
    logger = logging.getLogger("stagedoor.bolt")
    logger.setLevel(logging.ERROR)
    return logger
