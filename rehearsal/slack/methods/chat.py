"""chat.*: posting, editing and deleting messages."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.slack.methods.asked import (
    Asked,
    Method,
    channel_of,
    channel_to_post_in,
    message_of,
    person_of,
    with_metadata,
)
from rehearsal.slack.people import BOT_USER_ID, Channel
from rehearsal.slack.refusals import Refusal
from rehearsal.slack.rules import problems_in_blocks
from rehearsal.slack.things import Json, Message

LONGEST_POST = 40_000  # Slack cuts the rest off
LONGEST_EDIT = 4_000
LARGEST_METADATA = 8_000  # Slack has a limit and publishes no number


def post_message(asked: Asked) -> Json:
    message = _written(asked, channel_to_post_in(asked))
    message.thread_ts = _thread(asked, message.channel)
    message.broadcast = asked.args.flag("reply_broadcast") and message.thread_ts is not None
    if message.broadcast:
        message.subtype = "thread_broadcast"
    link_names = asked.args.flag("link_names") or asked.args.text("parse") == "full"
    asked.workspace.post(message, link_names=link_names)
    shown = with_metadata(message, message.payload(), everything=True)
    return {"channel": message.channel, "ts": message.ts, "message": shown}


def post_ephemeral(asked: Asked) -> Json:
    channel = channel_to_post_in(asked)
    person = person_of(asked, error="user_not_in_channel")
    if person.id not in channel.members or person.deactivated:
        raise Refusal("user_not_in_channel")
    message = _written(asked, channel)
    message.thread_ts = _thread(asked, channel.id)
    message.only_for = person.id
    asked.workspace.post(message)
    return {"message_ts": message.ts}


def update(asked: Asked) -> Json:
    channel = channel_of(asked)
    message = message_of(asked, channel)
    if not message.by_bot or message.subtype == "tombstone":
        raise Refusal("cant_update_message")
    if channel.archived:
        raise Refusal("is_archived")
    if len(asked.args.text("text")) > LONGEST_EDIT:
        raise Refusal("msg_too_long")
    blocks = checked_blocks(asked)
    attachments = asked.args.structure("attachments")
    changes: dict[str, Any] = {}
    if "text" in asked.args:
        changes["text"] = asked.args.text("text")
    if blocks is not None:
        changes["blocks"] = blocks
    if attachments is not None:
        changes["attachments"] = _checked_attachments(attachments)
    if "markdown_text" in asked.args:
        changes["text"] = asked.args.text("markdown_text")
    if not changes:
        raise Refusal("no_text")
    if asked.args.given.get("metadata") is not None:
        # an empty object takes the metadata away, leaving the argument out keeps it
        changes["metadata"] = _metadata(asked)
    asked.workspace.edit(message, **changes)
    shown = with_metadata(message, message.payload(), everything=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def delete(asked: Asked) -> Json:
    message = message_of(asked, channel_of(asked))
    if not message.by_bot:
        raise Refusal("cant_delete_message")
    asked.workspace.remove(message)
    return {"channel": message.channel, "ts": message.ts}


def permalink(asked: Asked) -> Json:
    message = message_of(asked, channel_of(asked), "message_ts")
    return {"channel": message.channel, "permalink": link_to(asked.base, message)}


def link_to(base: str, message: Message) -> str:
    """Slack's form of a permalink; the page of this Slack answers it."""
    link = f"{base}/archives/{message.channel}/p{message.ts.replace('.', '')}"
    return f"{link}?thread_ts={message.thread_ts}&cid={message.channel}" if message.in_thread else link


def content_of(given: Any) -> dict[str, Any]:
    """Checked text, blocks and attachments of a message that came as one JSON object."""
    blocks = given.get("blocks")
    if blocks is not None:
        refuse_bad_blocks(blocks)
    attachments = _checked_attachments(given.get("attachments") or [])
    text = str(given.get("text") or "")
    if not (text or blocks or attachments):
        raise Refusal("no_text")
    return {"text": text[:LONGEST_POST], "blocks": blocks or [], "attachments": attachments}


def checked_blocks(asked: Asked) -> list[Json] | None:
    blocks: list[Json] | None = asked.args.structure("blocks", "invalid_blocks_format")
    if blocks is not None:
        refuse_bad_blocks(blocks)
    return blocks


def refuse_bad_blocks(blocks: Any) -> None:
    problems = [str(problem) for problem in problems_in_blocks(blocks)]
    if problems:
        raise Refusal(
            "invalid_blocks",
            errors=problems,
            response_metadata={"messages": [f"[ERROR] {problem}" for problem in problems]},
        )


def _written(asked: Asked, channel: Channel) -> Message:
    args = asked.args
    markdown = args.text("markdown_text")
    if markdown and ("text" in args or "blocks" in args):
        raise Refusal("markdown_text_conflict")
    if len(markdown) > 12_000:
        raise Refusal("msg_too_long")
    given = {
        "text": args.text("text") or markdown,
        "blocks": args.structure("blocks", "invalid_blocks_format"),
        "attachments": args.structure("attachments"),
    }
    return Message(
        channel=channel.id,
        ts=asked.workspace.new_ts(),
        user=BOT_USER_ID,
        at=asked.workspace.clock(),
        metadata=_metadata(asked),
        **content_of(given),
    )


def _thread(asked: Asked, channel: str) -> str | None:
    parent_ts = asked.args.maybe("thread_ts")
    if parent_ts is None:
        return None
    parent = asked.workspace.find(channel, parent_ts)
    if parent is None or parent.only_for is not None:
        raise Refusal("thread_not_found")
    if parent.in_thread:
        raise Refusal("cannot_reply_to_message")
    return parent_ts


def _checked_attachments(attachments: Any) -> list[Json]:
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        raise Refusal("invalid_attachments")
    if len(attachments) > 100:
        raise Refusal("too_many_attachments")
    for attachment in attachments:
        refuse_bad_blocks(attachment.get("blocks", []))
    return attachments


def _metadata(asked: Asked) -> Json | None:
    metadata = asked.args.structure("metadata", "invalid_metadata_format")
    if not metadata:
        return None
    if not isinstance(metadata, dict):
        raise Refusal("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        raise Refusal("invalid_metadata_schema")
    if len(json.dumps(metadata)) > LARGEST_METADATA:
        raise Refusal("metadata_too_large")
    return metadata


METHODS = {
    "chat.postMessage": Method(run=post_message, needs=("channel",), scopes=("chat:write",), tier=4, posts=True),
    "chat.postEphemeral": Method(run=post_ephemeral, needs=("channel", "user"), scopes=("chat:write",), tier=4),
    "chat.update": Method(run=update, needs=("channel", "ts"), scopes=("chat:write",)),
    "chat.delete": Method(run=delete, needs=("channel", "ts"), scopes=("chat:write",)),
    "chat.getPermalink": Method(run=permalink, needs=("channel", "message_ts"), tier=4),
}
