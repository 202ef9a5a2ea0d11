"""A stand-in for Slack on loopback, as strict as Slack: for tests, for the rehearsal, and to try things by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self
from urllib.parse import urlsplit

from rehearsal.slack.acting import Acting
from rehearsal.slack.delivery import Delivery
from rehearsal.slack.limits import Limits
from rehearsal.slack.observing import Observing
from rehearsal.slack.page import Page
from rehearsal.slack.people import APP_ID, BOT_ID, BOT_NAME, BOT_USER_ID, TEAM_ID
from rehearsal.slack.refusals import NotPossible, Refusal
from rehearsal.slack.server import Doors, Server
from rehearsal.slack.sockets import Sockets
from rehearsal.slack.staff import Staff
from rehearsal.slack.state import Workspace
from rehearsal.slack.things import Call, Delivered, File, Message, Version, View
from rehearsal.slack.troubles import Trouble, Troubles
from rehearsal.slack.webapi import SCOPES, WebApi

COMMANDS = {
    "/migrate": "status, check, stage, restage, promote, rollback, history, backup, checklist, help",
    "/deploy": "window, windows, freeze, unfreeze, cancel, help",
    "/incident": "open, list, note, resolve, duplicate, report, help",
}
EVENTS = ("app_home_opened", "app_mention", "message", "reaction_added", "reaction_removed")
SHORTCUTS = {
    "Add to incident": "incident.add", "Open an incident": "incident.open_here",
    "Correct the timeline": "incident.correct",
}

__all__ = [
    "APP_ID",
    "BOT_ID",
    "BOT_NAME",
    "BOT_USER_ID",
    "EVENTS",
    "SCOPES",
    "TEAM_ID",
    "Call",
    "Delivered",
    "File",
    "Message",
    "NotPossible",
    "Refusal",
    "Slack",
    "Trouble",
    "Troubles",
    "Version",
    "View",
]


class Slack(Acting, Observing, Staff):
    """One workspace with people in it, its Web API and its page.

    `limits`: "off", "posts" (a message a second in each channel) or "slack" (every method's tier too).
    `events`, `commands` (word to usage), `shortcuts` (name to callback_id): what the app's manifest would say.
    `app_token` turns Socket Mode on, and with it HTTP deliveries off.
    `retry_delays`: when an event that was not taken comes again.
    `plan`: "free" or "paid"; only the latter has canvases.
    `clock` dates messages and ages triggers and response_urls; signatures always carry the real time.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        bot_url: str = "http://127.0.0.1:3000/slack/events",
        signing_secret: str = "rehearsal-signing-secret",
        bot_token: str = "xoxb-rehearsal",
        app_token: str = "",
        limits: str = "off",
        burst: int = 4,
        scopes: Iterable[str] = SCOPES,
        events: Iterable[str] = EVENTS,
        commands: Mapping[str, str] | None = None,
        shortcuts: Mapping[str, str] | None = None,
        retry_delays: Sequence[float] = (0.0, 60.0, 300.0),
        patience: float = 3.0,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.time,
        plan: str = "free",
    ) -> None:
        self.workspace = Workspace(clock)
        self.workspace.plan = plan
        self.troubles = Troubles()
        self.scopes = frozenset(scopes)
        self.limits = Limits(strictness=limits, burst=burst, clock=time.monotonic)
        self.events = frozenset(events)
        self.commands = dict(COMMANDS if commands is None else commands)
        self.shortcuts = dict(SHORTCUTS if shortcuts is None else shortcuts)
        self.bot_token = bot_token
        self.signing_secret = signing_secret
        self.sockets = Sockets()
        self.delivery = Delivery(
            workspace=self.workspace,
            bot_url=_events_address(bot_url),
            signing_secret=signing_secret,
            patience=patience,
            retry_delays=retry_delays,
            sockets=self.sockets if app_token else None,
        )
        self._stopping = threading.Event()
        api = WebApi(
            workspace=self.workspace,
            limits=self.limits,
            bot_token=bot_token,
            scopes=self.scopes,
            app_token=app_token,
            sockets=self.sockets,
        )
        doors = Doors(api, self.troubles, self._stopping)
        page = Page(self, self._stopping)
        self._server = Server([*self.sockets.routes(), *doors.routes(), *page.routes()], host, port)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def api_url(self) -> str:
        """What the bot gets as SLACK_API_URL."""
        return f"{self.url}/api/"

    @property
    def page_url(self) -> str:
        """Where people look."""
        return f"{self.url}/"

    @property
    def bot_url(self) -> str:
        return self.delivery.bot_url

    @bot_url.setter
    def bot_url(self, url: str) -> None:
        self.delivery.bot_url = _events_address(url)

    def may_read_files(self, authorization: str | None) -> bool:
        """Whether this header opens a file: a bot's token with files:read. Without one a person looks at the page."""
        return authorization is None or (authorization == f"Bearer {self.bot_token}" and "files:read" in self.scopes)

    def drop_sockets(self, count: int | None = None) -> int:
        """Break connections of Socket Mode without a word; all of them unless told how many."""
        return self.sockets.drop(count)

    def refresh_sockets(
        self, count: int | None = None, *, warning: float = 0.2, reason: str = "refresh_requested"
    ) -> int:
        """Make the bot open fresh connections, as Slack does every few hours; `warning` is how long before the end."""
        return self.sockets.refresh(count, warning=warning, reason=reason)

    def start(self) -> Self:
        self._server.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._server.stop()
        self.delivery.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _events_address(url: str) -> str:
    """The bot's one door for Slack; an address without a path means the usual one."""
    return url if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/slack/events"
