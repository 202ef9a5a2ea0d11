"""What Slack sends to the bot, field by field, as the real one documents it."""

from __future__ import annotations

from typing import Any

from rehearsal.slack import people
from rehearsal.slack.people import APP_ID, BOT_USER_ID, TEAM_DOMAIN, TEAM_ID, Channel, Person
from rehearsal.slack.things import Json, Message, View

TOKEN = "rehearsal-verification"  # deprecated in the real Slack too; nobody may rely on it


def team_of(person: Person) -> Json:
    return {"id": TEAM_ID, "domain": TEAM_DOMAIN}


def user_of(person: Person) -> Json:
    return {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team}


def name_for(channel: Channel) -> str:
    return "directmessage" if channel.direct else channel.name


def command(person: Person, channel: Channel, typed: str, response_url: str, trigger_id: str) -> dict[str, str]:
    word, _, rest = typed.strip().partition(" ")
    return {
        "token": TOKEN,
        "team_id": person.team,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": name_for(channel),
        "user_id": person.id,
        "user_name": person.name,
        "command": word,
        "text": rest.strip(),
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def _interaction(kind: str, person: Person, **more: Any) -> Json:
    return {
        "type": kind,
        "team": team_of(person),
        "user": user_of(person),
        "api_app_id": APP_ID,
        "token": TOKEN,
        "enterprise": None,
        "is_enterprise_install": False,
        **more,
    }


def action_on_message(
    person: Person,
    channel: Channel,
    message: Message,
    actions: list[Json],
    values: Json,
    *,
    trigger_id: str,
    response_url: str,
) -> Json:
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.only_for is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    return _interaction(
        "block_actions",
        person,
        container=container,
        trigger_id=trigger_id,
        channel={"id": channel.id, "name": name_for(channel)},
        message=message.payload(),
        state={"values": values},
        response_url=response_url,
        actions=actions,
    )


def action_in_view(person: Person, view: View, actions: list[Json], values: Json, *, trigger_id: str) -> Json:
    return _interaction(
        "block_actions",
        person,
        container={"type": "view", "view_id": view.id},
        trigger_id=trigger_id,
        view=view.payload(values),
        actions=actions,
    )


def view_submission(person: Person, view: View, values: Json, *, trigger_id: str) -> Json:
    return _interaction("view_submission", person, trigger_id=trigger_id, view=view.payload(values), response_urls=[])


def view_closed(person: Person, view: View, *, is_cleared: bool) -> Json:
    shown = view.payload({})
    shown["blocks"] = [block for block in shown["blocks"] if block.get("type") != "input"]
    return _interaction("view_closed", person, view=shown, is_cleared=is_cleared)


def global_shortcut(person: Person, callback_id: str, *, trigger_id: str, at: float) -> Json:
    return _interaction("shortcut", person, callback_id=callback_id, trigger_id=trigger_id, action_ts=f"{at:.6f}")


def message_shortcut(
    person: Person,
    channel: Channel,
    message: Message,
    callback_id: str,
    *,
    trigger_id: str,
    response_url: str,
    at: float,
) -> Json:
    return _interaction(
        "message_action",
        person,
        callback_id=callback_id,
        trigger_id=trigger_id,
        response_url=response_url,
        action_ts=f"{at:.6f}",
        message_ts=message.ts,
        channel={"id": channel.id, "name": name_for(channel)},
        message=message.payload(),
    )


def envelope(event: Json, event_id: str, at: float) -> Json:
    return {
        "token": TOKEN,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(at),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event_id}",
    }


def message_event(
    message: Message, channel: Channel, kind: str = "message", files: list[Json] | None = None,
) -> Json:
    event: Json = {
        "type": kind,
        "user": message.user,
        "ts": message.ts,
        "client_msg_id": f"{message.channel}-{message.ts}",
        "text": message.text,
        "team": TEAM_ID,
        "blocks": _typed_blocks(message),
        "channel": channel.id,
        "event_ts": message.ts,
    }
    if kind == "message":
        event["channel_type"] = "im" if channel.direct else "group" if channel.private else "channel"
    if message.thread_ts:
        event["thread_ts"] = message.thread_ts
    if files:
        event |= {"files": files, "upload": False}
        if kind == "message":
            event["subtype"] = "file_share"
    return event


def _typed_blocks(message: Message) -> list[Json]:
    """What a person types arrives as rich text as well."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": message.text}]}
    return [{"type": "rich_text", "block_id": "typed", "elements": [section]}]


def home_opened(person: Person, channel: Channel, view: View | None, at: float, tab: str = "home") -> Json:
    event: Json = {
        "type": "app_home_opened",
        "user": person.id,
        "channel": channel.id,
        "tab": tab,
        "event_ts": f"{at:.6f}",
    }
    return event | {"view": view.payload()} if view is not None and tab == "home" else event


def message_changed(message: Message, before: Json, channel: Channel, at: float) -> Json:
    """What Slack sends when somebody edits a message, or deletes one that has replies (then it is a tombstone)."""
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "channel": channel.id,
        "channel_type": "im" if channel.direct else "group" if channel.private else "channel",
        "ts": f"{at:.6f}",
        "event_ts": f"{at:.6f}",
        "message": message.payload(),
        "previous_message": before,
    }


def message_deleted(before: Json, channel: Channel, at: float) -> Json:
    return {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "channel": channel.id,
        "channel_type": "im" if channel.direct else "group" if channel.private else "channel",
        "ts": f"{at:.6f}",
        "event_ts": f"{at:.6f}",
        "deleted_ts": before["ts"],
        "previous_message": before,
    }


def reaction(person: Person, message: Message, name: str, at: float, *, removed: bool = False) -> Json:
    return {
        "type": "reaction_removed" if removed else "reaction_added",
        "user": person.id,
        "reaction": name,
        "item_user": message.user,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "event_ts": f"{at:.6f}",
    }


def app_mention_in(text: str) -> bool:
    return f"<@{people.BOT_USER_ID}>" in text
