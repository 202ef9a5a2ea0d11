"""auth.test and the small methods around messages: pins, reactions, bookmarks."""

from __future__ import annotations

import re

from rehearsal.slack import people
from rehearsal.slack.methods.asked import Asked, Method, channel_of, message_of
from rehearsal.slack.people import BOT_USER_ID
from rehearsal.slack.refusals import Refusal
from rehearsal.slack.things import Json


def auth_test(asked: Asked) -> Json:
    return {
        "url": f"{asked.base}/",
        "team": "Rehearsal",
        "user": people.BOT_NAME,
        "team_id": people.TEAM_ID,
        "user_id": BOT_USER_ID,
        "bot_id": people.BOT_ID,
        "is_enterprise_install": False,
    }


def open_connection(asked: Asked) -> Json:
    # only asked with the app's token, which `WebApi` has checked
    return {"url": asked.sockets.ticket(asked.base)}


def add_pin(asked: Asked) -> Json:
    message = message_of(asked, channel_of(asked, joined=True), "timestamp")
    if message.pinned:
        raise Refusal("already_pinned")
    with asked.workspace.change():
        message.pinned = True
    return {}


def remove_pin(asked: Asked) -> Json:
    message = message_of(asked, channel_of(asked, joined=True), "timestamp")
    if not message.pinned:
        raise Refusal("no_pin")
    with asked.workspace.change():
        message.pinned = False
    return {}


def add_reaction(asked: Asked) -> Json:
    name = asked.args.text("name").strip(":")
    if not re.fullmatch(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?", name):
        raise Refusal("invalid_name")
    message = message_of(asked, channel_of(asked, joined=True), "timestamp")
    with asked.workspace.change():
        users = message.reactions.setdefault(name, [])
        if BOT_USER_ID in users:
            raise Refusal("already_reacted")
        users.append(BOT_USER_ID)
    return {}


def add_bookmark(asked: Asked) -> Json:
    channel = channel_of(asked, "channel_id", joined=True)
    if asked.args.text("type") != "link" or not asked.args.text("link").startswith(("http://", "https://")):
        raise Refusal("invalid_link")
    with asked.workspace.change():
        bookmark: Json = {
            "id": asked.workspace.new_id("Bk"),
            "channel_id": channel.id,
            "title": asked.args.text("title"),
            "link": asked.args.text("link"),
            "emoji": asked.args.text("emoji"),
            "type": "link",
        }
        asked.workspace.bookmarks.append(bookmark)
    return {"bookmark": bookmark}


def list_bookmarks(asked: Asked) -> Json:
    channel = channel_of(asked, "channel_id", joined=True)
    return {"bookmarks": [each for each in asked.workspace.bookmarks if each["channel_id"] == channel.id]}


def edit_bookmark(asked: Asked) -> Json:
    bookmark = _bookmark_of(asked)
    with asked.workspace.change():
        bookmark |= {name: text for name in ("title", "link", "emoji") if (text := asked.args.text(name))}
    return {"bookmark": bookmark}


def remove_bookmark(asked: Asked) -> Json:
    bookmark = _bookmark_of(asked)
    with asked.workspace.change():
        asked.workspace.bookmarks.remove(bookmark)
    return {}


def _bookmark_of(asked: Asked) -> Json:
    channel, id = channel_of(asked, "channel_id", joined=True), asked.args.text("bookmark_id")
    for each in asked.workspace.bookmarks:
        if (each["channel_id"], each["id"]) == (channel.id, id):
            return each
    raise Refusal("not_found")


METHODS = {
    "auth.test": Method(run=auth_test, tier=4),
    "apps.connections.open": Method(run=open_connection, scopes=(), tier=3),
    "pins.add": Method(run=add_pin, needs=("channel", "timestamp"), scopes=("pins:write",), tier=2),
    "pins.remove": Method(run=remove_pin, needs=("channel", "timestamp"), scopes=("pins:write",), tier=2),
    "reactions.add": Method(run=add_reaction, needs=("channel", "timestamp", "name"), scopes=("reactions:write",)),
    "bookmarks.add": Method(
        run=add_bookmark, needs=("channel_id", "title", "type"), scopes=("bookmarks:write",), tier=2
    ),
    "bookmarks.list": Method(run=list_bookmarks, needs=("channel_id",), scopes=("bookmarks:read",), tier=3),
    "bookmarks.edit": Method(
        run=edit_bookmark, needs=("channel_id", "bookmark_id"), scopes=("bookmarks:write",), tier=2
    ),
    "bookmarks.remove": Method(
        run=remove_bookmark, needs=("channel_id", "bookmark_id"), scopes=("bookmarks:write",), tier=2
    ),
}
