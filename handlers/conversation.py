"""What a person says to the bot and what comes of it, in words that know nothing of Slack's payloads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from bot.domain.entry import Fact, Json
from bot.ports import Put
from templates.blocks import Message

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One thing that a person said or pressed: a command, a button, a modal, a shortcut or an event.

    `name` is "/migrate", an action_id, a callback_id or an event type. `text` is what follows
    the command or the mention, unescaped once. `value` is a button's opaque value: an id to look
    up, never data to be trusted. `fields` holds a modal's inputs by action_id. A modal whose
    metadata ends in `@CHANNEL` gets the private answers to its submission in that channel; its
    `metadata` is what stands before.
    """

    key: str
    kind: str
    name: str
    user: str
    team: str
    channel: str
    text: str = ""
    value: str = ""
    trigger: str = ""
    response_url: str = ""
    thread: str = ""
    message: str = ""
    fields: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    metadata: str = ""
    payload: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What comes of an ask: facts and documents to keep, a private answer, a modal to open, records to wake.

    `home` is what the person's App Home shows from now on.
    """

    facts: tuple[Fact, ...] = ()
    puts: tuple[Put, ...] = ()
    message: Message | None = None
    view: Mapping[str, Json] | None = None
    home: Mapping[str, Json] | None = None
    wake: tuple[str, ...] = ()


Handler = Callable[[Ask], Reply]
"""Answers one ask. It may read and ask the world, but writes nothing itself: what it wants kept is in the reply."""

Check = Callable[[Ask], dict[str, str]]
"""Looks at a modal's fields alone and says what is wrong with them, by block_id; nothing wrong is an empty dict."""


Want = Callable[[Mapping[str, Json]], bool]
"""Looks at a delivered event alone and says whether anybody cares: what nobody wants is acknowledged and dropped."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Everything that a person can say about one subject, by the exact name that Slack sends.

    `commands` by "/migrate", `actions` by action_id, `views` by a modal's callback_id, `shortcuts`
    by theirs, `events` by event type. `checks` (by a modal's callback_id) are pure: they run
    before the acknowledgement, and so do `wants` (by event type; without one every event of that
    type is wanted). A mention of the bot reaches the command that it begins with; one that
    begins with none reaches the handlers of `mentions`, by a name of their own, of which the
    first that answers with facts or words has answered.
    """

    commands: Mapping[str, Handler] = field(default_factory=dict)
    actions: Mapping[str, Handler] = field(default_factory=dict)
    views: Mapping[str, Handler] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    shortcuts: Mapping[str, Handler] = field(default_factory=dict)
    events: Mapping[str, Handler] = field(default_factory=dict)
    wants: Mapping[str, Want] = field(default_factory=dict)
    mentions: Mapping[str, Handler] = field(default_factory=dict)


def together(subjects: Iterable[Subject]) -> Subject:
    """All subjects as one. Two subjects that claim the same name are a mistake in the program: ValueError."""
    every = tuple(subjects)
    return Subject(
        commands=_joined(s.commands for s in every), actions=_joined(s.actions for s in every),
        views=_joined(s.views for s in every), checks=_joined(s.checks for s in every),
        shortcuts=_joined(s.shortcuts for s in every), events=_joined(s.events for s in every),
        wants=_joined(s.wants for s in every), mentions=_joined(s.mentions for s in every),
    )


def _joined(parts: Iterable[Mapping[str, T]]) -> dict[str, T]:
    whole: dict[str, T] = {}
    for part in parts:
        if twice := whole.keys() & part.keys():
            raise ValueError(f"Two subjects answer to {', '.join(sorted(twice))}.")
        whole.update(part)
    return whole
