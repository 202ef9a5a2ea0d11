"""conversations.*: channels and what was said in them."""

from __future__ import annotations

from rehearsal.slack.arguments import page_of
from rehearsal.slack.methods.asked import Asked, Method, channel_of, with_metadata
from rehearsal.slack.people import BOT_USER_ID, Channel
from rehearsal.slack.refusals import Refusal
from rehearsal.slack.things import Json, Message

READ = ("channels:read", "groups:read", "im:read", "mpim:read")
HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")


def list_channels(asked: Asked) -> Json:
    kinds = asked.args.words("types") or ["public_channel"]
    if not set(kinds) <= {"public_channel", "private_channel", "im", "mpim"}:
        raise Refusal("invalid_types")
    found = [
        channel
        for channel in asked.workspace.channels.values()
        if _kind(channel) in kinds
        and not (channel.private and BOT_USER_ID not in channel.members)
        and not (channel.archived and asked.args.flag("exclude_archived"))
    ]
    shown, following = page_of(found, asked.args, 100, 999)
    return {
        "channels": [channel.payload() for channel in shown],
        "response_metadata": {"next_cursor": following},
    }


def _kind(channel: Channel) -> str:
    if channel.direct:
        return "im"
    return "private_channel" if channel.private else "public_channel"


def info(asked: Asked) -> Json:
    return {"channel": channel_of(asked).payload()}


def members(asked: Asked) -> Json:
    shown, following = page_of(sorted(channel_of(asked).members), asked.args, 100, 1000)
    return {"members": shown, "response_metadata": {"next_cursor": following}}


def history(asked: Asked) -> Json:
    channel = channel_of(asked, joined=True)
    found = [m for m in _visible(asked, channel) if not m.in_thread or m.broadcast]
    found = _between(asked, found)[::-1]
    shown, following = page_of(found, asked.args, 100, 999)
    return {
        "messages": [_shown(asked, message) for message in shown],
        "has_more": bool(following),
        "pin_count": 0,
        "response_metadata": {"next_cursor": following},
    }


def replies(asked: Asked) -> Json:
    channel = channel_of(asked, joined=True)
    ts = asked.args.text("ts")
    asked_for = asked.workspace.find(channel.id, ts)
    if asked_for is None or asked_for.only_for is not None:
        raise Refusal("thread_not_found")
    root = asked_for.thread_ts or ts
    thread = [m for m in _visible(asked, channel) if m.ts == root or m.thread_ts == root]
    # the parent always comes first, whatever the bounds
    found = [*thread[:1], *_between(asked, thread[1:])]
    shown, following = page_of(found, asked.args, 1000, 1000)
    return {
        "messages": [_shown(asked, message) for message in shown],
        "has_more": bool(following),
        "response_metadata": {"next_cursor": following},
    }


def _visible(asked: Asked, channel: Channel) -> list[Message]:
    return [m for m in asked.workspace.messages if m.channel == channel.id and m.only_for is None]


def _between(asked: Asked, messages: list[Message]) -> list[Message]:
    oldest, latest = asked.args.text("oldest", "0") or "0", asked.args.maybe("latest")
    try:
        low, high = float(oldest), float(latest) if latest else float("inf")
    except ValueError:
        raise Refusal("invalid_ts_oldest") from None
    if asked.args.flag("inclusive"):
        return [m for m in messages if low <= float(m.ts) <= high]
    return [m for m in messages if low < float(m.ts) < high]


def _shown(asked: Asked, message: Message) -> Json:
    payload = message.payload()
    answers = [m for m in asked.workspace.messages if m.in_thread and m.thread_ts == message.ts and m.only_for is None]
    if answers:
        payload |= {
            "thread_ts": message.ts,
            "reply_count": len(answers),
            "reply_users": sorted({m.user for m in answers}),
            "latest_reply": answers[-1].ts,
        }
    if message.in_thread:
        root = asked.workspace.find(message.channel, message.thread_ts or "")
        payload["parent_user_id"] = root.user if root else ""
    if message.files:
        payload["files"] = [file_payload(asked, name) for name in message.files]
    return with_metadata(message, payload, everything=asked.args.flag("include_all_metadata"))


def file_payload(asked: Asked, identity: str) -> Json:
    file = asked.workspace.files[identity]
    shares: Json = {}
    if file.channel and file.ts:
        share: Json = {"ts": file.ts}
        if file.thread_ts:
            share["thread_ts"] = file.thread_ts
        shares = {"public": {file.channel: [share]}}
    return {
        "id": file.id,
        "created": int(file.at),
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": file.snippet_type or file.name.rpartition(".")[2],
        "user": file.user,
        "size": file.size,
        "mode": "hosted",
        "url_private": f"{asked.base}/files/{file.id}",
        "permalink": f"{asked.base}/files/{file.id}",
        "channels": [file.channel] if file.channel else [],
        "shares": shares,
    }


def join(asked: Asked) -> Json:
    channel = channel_of(asked)
    if channel.direct or channel.private:
        raise Refusal("method_not_supported_for_channel_type")
    if channel.archived:
        raise Refusal("is_archived")
    with asked.workspace.change():
        channel.members.add(BOT_USER_ID)
    return {"channel": channel.payload()}


def set_topic(asked: Asked) -> Json:
    channel = channel_of(asked, joined=True)
    if channel.archived:
        raise Refusal("is_archived")
    topic = asked.args.text("topic")
    if len(topic) > 250:
        raise Refusal("too_long")
    with asked.workspace.change():
        channel.topic = topic
    return {"channel": channel.payload()}


def open_direct(asked: Asked) -> Json:
    wanted = asked.args.words("users")
    if "channel" in asked.args:
        return {"channel": channel_of(asked).payload()}
    if len(wanted) != 1:
        raise Refusal("users_list_not_supplied" if not wanted else "not_enough_users")
    person = asked.workspace.people.get(wanted[0])
    if person is None:
        raise Refusal("user_not_found")
    if person.deactivated:
        raise Refusal("user_disabled")
    channel = asked.workspace.direct(person.id)
    return {"channel": channel.payload() if asked.args.flag("return_im") else {"id": channel.id}}


METHODS = {
    "conversations.list": Method(run=list_channels, scopes=READ, tier=2),
    "conversations.info": Method(run=info, needs=("channel",), scopes=READ),
    "conversations.members": Method(run=members, needs=("channel",), scopes=READ, tier=4),
    "conversations.history": Method(run=history, needs=("channel",), scopes=HISTORY),
    "conversations.replies": Method(run=replies, needs=("channel", "ts"), scopes=HISTORY),
    "conversations.join": Method(run=join, needs=("channel",), scopes=("channels:join",)),
    "conversations.setTopic": Method(
        run=set_topic,
        needs=("channel", "topic"),
        scopes=("channels:manage", "channels:write.topic", "groups:write", "groups:write.topic"),
        tier=2,
    ),
    "conversations.open": Method(run=open_direct, scopes=("im:write", "mpim:write")),
}
