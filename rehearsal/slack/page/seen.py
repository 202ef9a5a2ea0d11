"""The workspace as one person sees it, as JSON for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.slack.people import BOT_USER_ID, Channel
from rehearsal.slack.things import Json, Message, View

if TYPE_CHECKING:
    from rehearsal.slack import Slack


def seen_by(slack: Slack, user: str) -> Json:
    house = slack.workspace
    with house.lock:
        me = house.person(user)
        house.direct(me.id)
        channels = [c for c in house.channels.values() if me.id in c.members or not (c.private or c.direct)]
        return {
            "version": house.version,
            "me": me.id,
            "bot": BOT_USER_ID,
            "people": [
                {
                    "id": person.id,
                    "name": person.name,
                    "real_name": person.real_name,
                    "about": "deactivated" if person.deactivated else person.about,
                    "tz": person.tz,
                    "bot": person.bot,
                    "deactivated": person.deactivated,
                    "badge": _badge(slack, person.id, None),
                }
                for person in house.people.values()
            ],
            "groups": [{"id": g.id, "handle": g.handle, "members": g.members} for g in house.groups.values()],
            "channels": [_channel(slack, me.id, channel) for channel in channels],
            "commands": slack.commands,
            "shortcuts": slack.shortcuts,
            "home": _view(house.homes.get(me.id)),
            "modals": [_view(house.views[name]) for name in house.stacks.get(me.id, [])],
            "troubles": [trouble.payload() for trouble in slack.troubles.current()],
        }


def _channel(slack: Slack, me: str, channel: Channel) -> Json:
    house = slack.workspace
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "direct": channel.direct,
        "archived": channel.archived,
        "member": me in channel.members,
        "badge": _badge(slack, me, channel.id),
        "bookmarks": [b for b in house.bookmarks if b["channel_id"] == channel.id],
        "messages": [
            _message(slack, me, message)
            for message in house.messages
            if message.channel == channel.id and message.only_for in (None, me)
        ],
    }


def _badge(slack: Slack, person: str, channel: str | None) -> int:
    """How often this person was called since they last looked."""
    house = slack.workspace
    return sum(
        1
        for message in house.messages
        if person in message.notified
        and channel in (None, message.channel)
        and message.ts > house.read_up_to.get((person, message.channel), "")
    )


def _message(slack: Slack, me: str, message: Message) -> Json:
    files: list[dict[str, Any]] = []
    for name in message.files:
        file = slack.workspace.files[name]
        picture = (file.content or b"").startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8"))
        text = "" if picture else file.text[:20000]
        files.append({"id": name, "name": file.name, "title": file.title, "text": text, "picture": picture})
    return {
        "channel": message.channel,
        "ts": message.ts,
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "thread_ts": message.thread_ts if message.in_thread else None,
        "broadcast": message.broadcast,
        "edited": message.edited_at is not None,
        "ephemeral": message.only_for is not None,
        "problem": message.problem,
        "deleted": message.subtype == "tombstone",
        "pinned": message.pinned,
        "called": me in message.notified,
        "reactions": message.reactions,
        "files": files,
    }


def _view(view: View | None) -> Json | None:
    if view is None:
        return None
    return {"id": view.id, "hash": view.hash, "content": view.content, "errors": view.errors, "typed": view.typed}
