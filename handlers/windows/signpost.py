"""The bookmark of a deploy channel that names the next window: a look at the channel answers when deploys may start.

A bookmark and not the topic, because Slack tells everybody in the channel of each change of a topic.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.domain.entry import Json
from bot.ports import Put
from bot.windows import schedule
from bot.world import Ports, Project
from handlers.slack.outcomes import Doubt, Gone, Later
from handlers.slack.slack_out import SlackOut
from templates.window.signpost import begins, signpost

SHELF = "signpost"
AT_MOST = timedelta(seconds=5)
AFTER_REFUSAL = timedelta(hours=1)
KNOWN_NO_MORE = frozenset({"bookmark_not_found", "not_found", "invalid_bookmark_id"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Standing:
    """The bookmark as Slack was last told of it."""

    channel: str
    bookmark: str
    title: str


class _NotNow(Exception):
    def __init__(self, until: datetime) -> None:
        self.until = until


class Signpost:
    """Compares each project's bookmark with its calendar, and closes the difference."""

    def __init__(self, ports: Ports, slack: SlackOut) -> None:
        self._ports = ports
        self._slack = slack
        self._next = ports.clock.now()
        self._mute: dict[str, datetime] = {}

    def show(self) -> datetime | None:
        """One pass over all projects; says when it wants to be called again."""
        now = self._ports.clock.now()
        if now < self._next:
            return self._next
        self._next = now + AT_MOST
        for project in self._ports.projects.values():
            if self._mute.get(project.name, now) <= now:
                try:
                    self._set_up(project)
                except _NotNow as later:
                    self._mute[project.name] = later.until
        return self._next

    def _set_up(self, project: Project) -> None:
        wanted = signpost(schedule.outlook(self._ports, project.name), _zone(project))
        standing = self._standing(project.name)
        if wanted == (standing.title if standing else ""):
            return
        channel = self._slack.channel(project.policy.channels.deploys)
        if isinstance(channel, Later):
            raise _NotNow(channel.until)
        if isinstance(channel, Gone):
            raise _NotNow(self._ports.clock.now() + AFTER_REFUSAL)  # the cards say that the channel is missing
        if standing is None or standing.channel != channel:
            standing = self._found(channel, project.name)
        self._write(project.name, channel, standing, wanted)

    def _found(self, channel: str, project: str) -> _Standing | None:
        """Ours in the channel: after a death between adding it and noting that, it is there already."""
        listed = self._asked("bookmarks.list", {"channel_id": channel}).get("bookmarks")
        for each in listed if isinstance(listed, list) else ():
            if not isinstance(each, dict) or each.get("link") != _link(channel):
                continue
            if str(each.get("title", "")).startswith(begins(project)):
                return _Standing(channel=channel, bookmark=str(each["id"]), title=str(each["title"]))
        return None

    def _write(self, project: str, channel: str, standing: _Standing | None, title: str) -> None:
        about = {"channel_id": channel, **({"bookmark_id": standing.bookmark} if standing else {})}
        if standing and not title:
            self._asked("bookmarks.remove", about)
            self._note(project, None)
        elif standing and standing.title != title:
            self._asked("bookmarks.edit", {**about, "title": title})
            self._note(project, _Standing(channel=channel, bookmark=standing.bookmark, title=title))
        elif title and not standing:
            answer = self._asked("bookmarks.add", {**about, "title": title, "type": "link", "link": _link(channel)})
            made = answer.get("bookmark")
            bookmark = str(made["id"]) if isinstance(made, dict) else ""
            self._note(project, _Standing(channel=channel, bookmark=bookmark, title=title))
        else:
            self._note(project, standing)

    def _asked(self, method: str, arguments: dict[str, str]) -> dict[str, Json]:
        answer = self._slack.call(method, arguments)
        if isinstance(answer, Later | Doubt):
            raise _NotNow(answer.until)
        if isinstance(answer, Gone):
            if answer.error in KNOWN_NO_MORE:
                for project in self._ports.projects:
                    if (standing := self._standing(project)) and standing.bookmark == arguments.get("bookmark_id"):
                        self._note(project, None)   # somebody removed it; the next pass looks and adds it anew
                raise _NotNow(self._ports.clock.now() + AT_MOST)
            log.warning("no bookmark for the next window", method=method, error=answer.error)
            raise _NotNow(self._ports.clock.now() + AFTER_REFUSAL)
        return answer

    def _standing(self, project: str) -> _Standing | None:
        doc = self._ports.shelves.get(SHELF, project)
        return _Standing(**{name: str(doc[name]) for name in ("channel", "bookmark", "title")}) if doc else None

    def _note(self, project: str, standing: _Standing | None) -> None:
        doc: dict[str, Json] | None = None
        if standing:
            doc = {"channel": standing.channel, "bookmark": standing.bookmark, "title": standing.title}
        self._ports.shelves.put([Put(shelf=SHELF, key=project, doc=doc)])


def _link(channel: str) -> str:
    """A bookmark has to lead somewhere: to the channel in which the window's card stands."""
    return f"https://slack.com/app_redirect?channel={channel}"


def _zone(project: Project) -> str:
    """The zone that the people of a channel share, as far as the policy tells: that of its first window."""
    return project.policy.windows[0].timezone if project.policy.windows else "UTC"


