"""Which project a command means: the one that it names, that of the id in it, or the one whose channel it is."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.errors import StagedoorError
from bot.promotions.verbs import Promotions
from bot.world import Project
from handlers.conversation import Ask, Reply
from templates.blocks import Message
from templates.hints import complete, complete_message


class Which:
    """Knows the projects and the ids of their channels."""

    def __init__(self, promotions: Promotions, channel_id: Callable[[str], str]) -> None:
        self._promotions = promotions
        self._channel_id = channel_id

    def project(self, ask: Ask, name: str, words: Sequence[str] = ()) -> Project:
        """The project that was named, that of an id among these words, or the one whose channel this is.

        Raises `Unknown`.
        """
        for word in words if not name else ():
            if known := self._promotions.project_about(word):
                return known
        here = [known for known in self._promotions.projects() if self._is_its_channel(known, ask.channel)]
        return here[0] if not name and len(here) == 1 else self._promotions.project(name)

    def hinted(self, ask: Ask, project: str, answer: Callable[[], Reply]) -> Reply:
        """The answer, or refusal, whose commands can be typed right here: they name the project if need be."""
        if not project or self._certain(project, ask.channel):
            return answer()
        try:
            reply = answer()
        except StagedoorError as refused:
            refused.args = (complete(str(refused), project),)
            raise
        return replace(reply, message=complete_message(reply.message, project)) if reply.message else reply

    def shown(self, project: str, channel: str, message: Message) -> Message:
        """The same for what is shown in a channel."""
        return message if self._certain(project, channel) else complete_message(message, project)

    def _certain(self, project: str, channel: str) -> bool:
        """Whether a command without a project means this one there."""
        known = self._promotions.projects()
        return len(known) == 1 or [each.name for each in known if self._is_its_channel(each, channel)] == [project]

    def _is_its_channel(self, project: Project, channel: str) -> bool:
        named = (project.policy.channels.deploys, project.policy.channels.incidents)
        return bool(channel) and channel in (*named, *(self._channel_id(name) for name in named))


def taken_apart(text: str) -> tuple[str, str, list[str]]:
    """The verb of a command, the project that `project:NAME` names, and the other words."""
    words = _words(text)
    named = [word.partition(":")[2] for word in words if word.startswith("project:")]
    words = [word for word in words if not word.startswith("project:")]
    return words[0].lower() if words else "help", named[0] if named else "", words[1:]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
