"""`/migrate status`: files, histories and catalogs side by side."""

from __future__ import annotations

from bot.promotions.status import overview
from bot.promotions.verbs import Promotions
from bot.world import Ports, Project
from handlers.conversation import Ask, Reply
from templates.migrate import status_card


class Status:
    """The verb `status`."""

    def __init__(self, promotions: Promotions, ports: Ports) -> None:
        self._promotions = promotions
        self._ports = ports

    def verb(self, ask: Ask, project: Project, rest: tuple[str, ...]) -> Reply:
        """Answers in private."""
        self._promotions.require_member(ask.user, project)
        return Reply(message=status_card(overview(project, self._ports.shelves)))
