"""What can be seen of the workspace: by one person, by everybody, or only by a test."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from typing import TypeVar

from rehearsal.slack.people import zone
from rehearsal.slack.reading import Reader, transcript
from rehearsal.slack.state import Workspace, snapshot
from rehearsal.slack.things import Call, Delivered, File, Message, Version, View

Found = TypeVar("Found")


class Observing:
    """Everything is handed out as a copy: later changes do not reach what was read."""

    workspace: Workspace

    def messages(self, channel: str = "#deploys", *, with_threads: bool = False) -> list[Message]:
        """What everybody in a channel sees, oldest first; "@ana" is her direct messages with the bot."""
        with self.workspace.lock:
            place = self.workspace.channel(channel).id
            return [
                snapshot(message)
                for message in self.workspace.messages
                if message.channel == place
                and message.only_for is None
                and (with_threads or not message.in_thread or message.broadcast)
            ]

    def thread(self, message: Message) -> list[Message]:
        """The replies to a message, without itself."""
        with self.workspace.lock:
            root = message.thread_ts or message.ts
            return [
                snapshot(one)
                for one in self.workspace.messages
                if one.channel == message.channel and one.in_thread and one.thread_ts == root and one.only_for is None
            ]

    def refreshed(self, message: Message) -> Message | None:
        """The same message as it stands now; None where it was deleted."""
        found = self.workspace.find(*message.key)
        return snapshot(found) if found else None

    def ephemerals(self, user: str) -> list[Message]:
        """Everything that only this person saw, answers to commands and failures of Slack's own included."""
        person = self.workspace.person(user).id
        with self.workspace.lock:
            return [snapshot(message) for message in self.workspace.messages if message.only_for == person]

    def notified(self, user: str) -> list[Message]:
        """The messages that raised a badge for this person."""
        person = self.workspace.person(user).id
        with self.workspace.lock:
            return [snapshot(message) for message in self.workspace.messages if person in message.notified]

    def edits(self, message: Message) -> list[Version]:
        """All that a message ever said, the first post first."""
        found = self.workspace.find(*message.key)
        return list(found.versions if found else message.versions)

    def modal(self, user: str) -> View | None:
        """The top open view of this person."""
        view = self.workspace.top_view(self.workspace.person(user).id)
        return replace(view, content=copy.deepcopy(view.content), errors=dict(view.errors)) if view else None

    def home(self, user: str) -> View | None:
        view = self.workspace.homes.get(self.workspace.person(user).id)
        return replace(view, content=copy.deepcopy(view.content)) if view else None

    def bookmarks(self, channel: str = "#deploys") -> list[str]:
        """The titles of a channel's bookmarks."""
        with self.workspace.lock:
            place = self.workspace.channel(channel).id
            return [str(each["title"]) for each in self.workspace.bookmarks if each["channel_id"] == place]

    def files(self) -> list[File]:
        """Files that were shared somewhere."""
        with self.workspace.lock:
            return [replace(file) for file in self.workspace.files.values() if file.shared]

    @property
    def calls(self) -> list[Call]:
        with self.workspace.lock:
            return list(self.workspace.calls)

    @property
    def deliveries(self) -> list[Delivered]:
        with self.workspace.lock:
            return list(self.workspace.deliveries)

    def text_of(self, seen: Message | View, reader: str | None = None) -> str:
        """What a person reads in a message or view, times in the reader's zone (UTC without a reader)."""
        return self._reader(reader).text_of(seen)

    def fallback_of(self, message: Message, reader: str | None = None) -> str:
        """What a notification or a screen reader says."""
        return self._reader(reader).fallback(message)

    def transcript(self, reader: str | None = None) -> str:
        return transcript(self.workspace, self._reader(reader).zone)

    def _reader(self, reader: str | None) -> Reader:
        return Reader(self.workspace, zone(self.workspace.person(reader).tz) if reader else UTC)

    def wait_for(self, met: Callable[[], Found | None], timeout: float = 10.0, why: str = "") -> Found:
        """Wait until `met` gives something true and return that."""
        found = self.workspace.until(met, timeout)
        if not found:
            raise TimeoutError(f"{why or 'It'} did not come true within {timeout:g} s. So far:\n{self.transcript()}")
        return found  # type: ignore[return-value]
