"""The workspace: everything there is, changed under one lock, and everybody who waits for it told of each change."""

from __future__ import annotations

import copy
import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from rehearsal.slack import people as cast
from rehearsal.slack.markup import Live, live_in_blocks, live_in_text, normalised
from rehearsal.slack.people import BOT_USER_ID, Channel, Group, Person
from rehearsal.slack.refusals import NotPossible
from rehearsal.slack.things import Answer, Call, Canvas, Delivered, File, Json, Message, Trigger, Version, View


class Workspace:
    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 0
        self.people: dict[str, Person] = {person.id: person for person in cast.cast()}
        self.groups: dict[str, Group] = {group.id: group for group in cast.groups()}
        self.channels: dict[str, Channel] = {channel.id: channel for channel in cast.channels()}
        self.messages: list[Message] = []
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[str, View] = {}
        self.files: dict[str, File] = {}
        self.triggers: dict[str, Trigger] = {}
        self.answers: dict[str, Answer] = {}
        self.bookmarks: list[Json] = []
        self.plan = "free"      # "paid" has canvases
        self.canvases: dict[str, Canvas] = {}
        self.calls: list[Call] = []
        self.deliveries: list[Delivered] = []
        self.read_up_to: dict[tuple[str, str], str] = {}
        self._last_ts = 0
        self._numbers = itertools.count(1)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Do something to the workspace; whoever waits looks again afterwards."""
        with self.changed:
            yield
            self.version += 1
            self.changed.notify_all()

    def until(self, met: Callable[[], object], seconds: float) -> object:
        """Wait until `met` gives something true, looking again at each change; the last thing it gave otherwise.

        `met` runs without the lock, so that it may ask others who are busy changing this workspace.
        """
        deadline = time.monotonic() + seconds
        while True:
            seen = self.version
            result = met()
            left = deadline - time.monotonic()
            if result or left <= 0:
                return result
            with self.changed:
                # the cap is for conditions that hang on something outside of this workspace too
                self.changed.wait_for(lambda seen=seen: self.version != seen, timeout=min(left, 0.25))  # type: ignore[misc]

    def new_id(self, letter: str) -> str:
        return f"{letter}0{next(self._numbers):04d}{secrets.token_hex(2).upper()}"

    def new_ts(self) -> str:
        """A timestamp that no other message has, in the order of posting."""
        with self.lock:
            self._last_ts = max(self._last_ts + 1, int(self.clock() * 1_000_000))
            return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    # People and places

    def person(self, who: str) -> Person:
        """By id or by name, with or without @."""
        found = self.people.get(who) or next((p for p in self.people.values() if p.name == who.lstrip("@")), None)
        if found is None:
            raise NotPossible(f"Nobody here is called {who}.")
        return found

    def group(self, which: str) -> Group:
        found = self.groups.get(which) or next((g for g in self.groups.values() if g.handle == which.lstrip("@")), None)
        if found is None:
            raise NotPossible(f"There is no user group {which}.")
        return found

    def channel(self, which: str) -> Channel:
        """By id or #name; @name is that person's direct messages with the bot."""
        if which in self.channels:
            return self.channels[which]
        if which.startswith("@"):
            return self.direct(self.person(which).id)
        found = next((c for c in self.channels.values() if not c.direct and c.name == which.lstrip("#")), None)
        if found is None:
            raise NotPossible(f"There is no channel {which}.")
        return found

    def direct(self, user: str) -> Channel:
        with self.lock:
            found = next((c for c in self.channels.values() if c.partner == user), None)
            if found is None:
                found = Channel(id=f"D{user[1:]}", name="", members={user, BOT_USER_ID}, partner=user)
                self.channels[found.id] = found
            return found

    def name_of(self, identity: str) -> str:
        """An id as people read it: @bo, #deploys, @db-approvers."""
        if identity in self.people:
            return f"@{self.people[identity].name}"
        if identity in self.groups:
            return f"@{self.groups[identity].handle}"
        if identity in self.channels:
            channel = self.channels[identity]
            return f"@{self.people[channel.partner].name}" if channel.partner else f"#{channel.name}"
        return f"@{identity}"

    # Messages

    def find(self, channel: str, ts: str) -> Message | None:
        with self.lock:
            return next((m for m in self.messages if m.key == (channel, ts)), None)

    def post(self, message: Message, *, link_names: bool = False) -> Message:
        """Keep a new message and work out whom it notifies."""
        with self.change():
            _settle(message)
            message.live = live_of(message, link_names=link_names)
            message.notified, message.specials = self._notified(message)
            message.versions.append(_version(message, message.at))
            self.messages.append(message)
        return message

    def edit(self, message: Message, **changes: Any) -> None:
        """Change a message in place; nobody is notified."""
        with self.change():
            for name, value in changes.items():
                setattr(message, name, value)
            _settle(message)
            message.live = live_of(message)
            message.edited_at = self.clock()
            message.versions.append(_version(message, message.edited_at))

    def remove(self, message: Message) -> None:
        with self.change():
            if any(m.in_thread and m.thread_ts == message.ts for m in self.messages):
                message.subtype, message.text = "tombstone", "This message was deleted."
                message.blocks, message.attachments, message.metadata = [], [], None
            else:
                self.messages.remove(message)

    def _notified(self, message: Message) -> tuple[frozenset[str], frozenset[str]]:
        if message.only_for is not None:
            return frozenset(), frozenset()
        members = self.channels[message.channel].members
        called = set(message.live.users)
        for group in message.live.groups & self.groups.keys():
            called.update(self.groups[group].members)
        if message.live.specials:
            called |= members
        awake = {person.id for person in self.people.values() if not person.deactivated and not person.bot}
        return frozenset((called & members & awake) - {message.user}), message.live.specials

    # Views, triggers and answers

    def trigger(self, user: str) -> str:
        with self.lock:
            name = f"{next(self._numbers)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
            self.triggers[name] = Trigger(user=user, at=self.clock())
            return name

    def answer_to(self, answer: Answer) -> str:
        with self.lock:
            name = secrets.token_hex(16)
            self.answers[name] = answer
            return name

    def top_view(self, user: str) -> View | None:
        with self.lock:
            stack = self.stacks.get(user, [])
            return self.views[stack[-1]] if stack else None

    def new_view(self, user: str, content: Json, *, under: View | None = None) -> View:
        """Show a modal: on top of the one given, or as a new pile."""
        with self.change():
            identity = self.new_id("V")
            view = View(
                id=identity,
                user=user,
                hash=self.new_hash(),
                content=filled(content),
                root=under.root if under else identity,
                previous=under.id if under else None,
            )
            pile = self.stacks.get(user, []) if under else []
            for gone in set(self.stacks.get(user, [])) - set(pile):
                self.views.pop(gone, None)
            self.views[identity] = view
            self.stacks[user] = [*pile, identity]
            return view

    def update_view(self, view: View, content: Json) -> None:
        with self.change():
            view.content, view.hash, view.errors = filled(content), self.new_hash(), {}

    def close_view(self, view: View, *, whole_pile: bool = False) -> None:
        with self.change():
            stack = self.stacks.get(view.user, [])
            gone = list(stack) if whole_pile else [view.id]
            self.stacks[view.user] = [name for name in stack if name not in gone]
            for name in gone:
                self.views.pop(name, None)

    def new_hash(self) -> str:
        return f"{int(self.clock())}.{secrets.token_hex(4)}"


def _settle(message: Message) -> None:
    message.text = normalised(message.text)
    message.blocks = [filled_block(block) for block in message.blocks]


def filled(content: Json) -> Json:
    return {**content, "blocks": [filled_block(block) for block in content.get("blocks", [])]}


def filled_block(block: Json) -> Json:
    """A block as Slack gives it back: with the ids that were left out made up."""
    made = copy.deepcopy(block)
    made.setdefault("block_id", secrets.token_hex(3))
    elements = made.get("elements", []) if made.get("type") == "actions" else []
    for element in [*elements, made.get("accessory"), made.get("element")]:
        if isinstance(element, dict) and element.get("type") != "image":
            element.setdefault("action_id", secrets.token_hex(3))
    return made


def live_of(message: Message, *, link_names: bool = False) -> Live:
    live = live_in_text(message.text, bare_words=link_names) | live_in_blocks(message.blocks)
    for attachment in message.attachments:
        for part in ("text", "pretext", "fallback", "title"):
            live |= live_in_text(str(attachment.get(part, "")))
        live |= live_in_blocks(attachment.get("blocks", []))
    return live


def _version(message: Message, at: float) -> Version:
    return Version(at=at, text=message.text, blocks=copy.deepcopy(message.blocks), live=message.live)


def snapshot(message: Message) -> Message:
    """A copy that later edits do not reach."""
    return replace(
        message,
        blocks=copy.deepcopy(message.blocks),
        files=list(message.files),
        reactions={name: list(users) for name, users in message.reactions.items()},
        versions=list(message.versions),
    )
