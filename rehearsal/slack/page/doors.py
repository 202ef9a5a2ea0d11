"""The page's HTTP doors: its assets, the state as one person sees it, what they do, and the administrator's levers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute

from rehearsal.slack.troubles import Troubles

if TYPE_CHECKING:
    from rehearsal.slack import Slack


class Page:
    def __init__(self, slack: Slack, troubles: Troubles, stopping: threading.Event) -> None:
        self.slack = slack

    def routes(self) -> list[BaseRoute]:
        return []
