"""What a Web API method is given and what is known about it; the checks that many methods share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rehearsal.slack.arguments import Arguments
from rehearsal.slack.people import BOT_USER_ID, Channel, Person
from rehearsal.slack.refusals import Refusal
from rehearsal.slack.sockets import Sockets
from rehearsal.slack.state import Workspace
from rehearsal.slack.things import Json, Message


@dataclass(frozen=True, kw_only=True)
class Asked:
    workspace: Workspace
    args: Arguments
    base: str
    scopes: frozenset[str]
    sockets: Sockets


@dataclass(frozen=True, kw_only=True)
class Method:
    run: Callable[[Asked], Json]
    needs: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()  # any one of them suffices
    tier: int = 3
    posts: bool = False  # counts against the one message a second of its channel


def channel_of(asked: Asked, name: str = "channel", *, joined: bool = False) -> Channel:
    found = asked.workspace.channels.get(asked.args.text(name))
    if found is None or (found.private and BOT_USER_ID not in found.members):
        raise Refusal("channel_not_found")
    if joined and BOT_USER_ID not in found.members:
        raise Refusal("not_in_channel")
    return found


def channel_to_post_in(asked: Asked) -> Channel:
    """Where a message goes: a channel, or the direct messages with a person."""
    target = asked.args.text("channel")
    if target in asked.workspace.people:
        person = asked.workspace.people[target]
        if person.deactivated or person.bot:
            raise Refusal("channel_not_found")
        return asked.workspace.direct(target)
    if target.startswith("#"):
        found = next((c for c in asked.workspace.channels.values() if c.name and c.name == target[1:]), None)
        target = found.id if found else target
    channel = asked.workspace.channels.get(target)
    if channel is None or (channel.private and BOT_USER_ID not in channel.members):
        raise Refusal("channel_not_found")
    if channel.archived:
        raise Refusal("is_archived")
    if BOT_USER_ID not in channel.members and "chat:write.public" not in asked.scopes:
        raise Refusal("not_in_channel")
    return channel


def message_of(asked: Asked, channel: Channel, name: str = "ts") -> Message:
    found = asked.workspace.find(channel.id, asked.args.text(name))
    if found is None or found.only_for is not None:
        raise Refusal("message_not_found")
    return found


def person_of(asked: Asked, name: str = "user", error: str = "user_not_found") -> Person:
    found = asked.workspace.people.get(asked.args.text(name))
    if found is None:
        raise Refusal(error)
    return found


def with_metadata(message: Message, payload: Json, *, everything: bool) -> Json:
    """Slack gives the payload of metadata away only to those who ask for it."""
    if message.metadata is None:
        return payload
    shown = message.metadata if everything else {"event_type": message.metadata["event_type"]}
    return {**payload, "metadata": shown}
