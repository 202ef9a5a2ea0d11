"""The manifest from which Slack makes the app: what the subjects say, and the least scopes that takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bot.domain.entry import Json
from handlers.conversation import Subject

NAME: Final = "Stagedoor"

SCOPES: Final = {
    "app_mentions:read": "a mention in a thread does what a slash command does outside of one",
    "bookmarks:read": "finds its bookmark in the deploy channel again, so that it never adds a second one",
    "bookmarks:write": "a bookmark in the deploy channel names the next window",
    "canvases:read": "takes what people wrote in a report's canvas into the report",
    "canvases:write": "an incident's report is written in a canvas, where the plan has canvases",
    "channels:history": "after an outage it looks whether a message of its own arrived, so that nothing is said twice",
    "channels:join": "it goes by itself into the public channel that the policy names",
    "channels:read": "finds the public channel of a name in the policy",
    "chat:write": "cards, their threads, and private answers",
    "commands": "slash commands and shortcuts",
    "files:read": "images in an incident's thread are kept with the incident, privately",
    "files:write": "long SQL and logs become files in the thread",
    "groups:history": "the same as channels:history, where the channel is private",
    "groups:read": "the same as channels:read, where the channel is private",
    "pins:write": "an incident's card is pinned while the incident goes on",
    "reactions:read": ":pushpin: puts a message into an incident's timeline",
    "usergroups:read": "who is in the groups that the policy lets approve",
    "users:read": "whether somebody is a full member, at the moment of each click; and their time zone",
}
"""What a bot token has to be granted, each with the reason; docs/slack-app.md says the same."""

EVENT_SCOPES: Final = {
    "message.channels": "channels:history", "message.groups": "groups:history", "message.im": "im:history",
    "reaction_added": "reactions:read", "reaction_removed": "reactions:read",
    "member_joined_channel": "channels:read", "subteam_members_changed": "usergroups:read",
}
"""What further events take, for the subjects that will want them."""

# What people read beside a command or a shortcut; one that is missing here still gets into the manifest.
COMMANDS: Final = {
    "/migrate": ("Bring database migrations to staging and production", "status | stage | promote | history | help"),
    "/deploy": ("Deploy windows and freezes", "window | windows | freeze | unfreeze | cancel | help"),
    "/incident": ("Open and run incidents", "open | list | note | resolve | duplicate | report | help"),
}
SHORTCUTS: Final = {
    "incident.add": ("Add to incident", "Put this message into an incident's timeline"),
    "incident.open_here": ("Open an incident", "Open an incident from this message"),
    "incident.correct": ("Correct the timeline", "Another text or time for this message, or a key moment"),
}
MESSAGES: Final = ("message.channels", "message.groups")

LONG: Final = (
    "Stagedoor is the door through which database migrations enter production: it lints them, checks them on "
    "staging, asks for approval, applies them under a lock with a time limit, verifies the result and watches "
    "what follows. Everything that happens is kept in a journal that shows when it was changed."
)


def manifest(subject: Subject, url: str = "") -> dict[str, Json]:
    """The manifest for HTTP at this address, or without one for Socket Mode."""
    events = _events(subject)
    door = f"{url}/slack/events" if url else ""
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": NAME, "description": "Database migrations enter production here", "background_color": "#1d3557",
            "long_description": LONG,
        },
        "features": {
            "app_home": {
                "home_tab_enabled": "app_home_opened" in events, "messages_tab_enabled": False,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "stagedoor", "always_online": True},
            "slash_commands": [_command(word, door) for word in subject.commands],
            **({"shortcuts": [_shortcut(name) for name in subject.shortcuts]} if subject.shortcuts else {}),
        },
        "oauth_config": {"scopes": {"bot": list(scopes(subject))}},
        "settings": {
            "event_subscriptions": {**_at(door), "bot_events": list(events)},
            "interactivity": {"is_enabled": True, **_at(door)},
            "org_deploy_enabled": False, "socket_mode_enabled": not door, "token_rotation_enabled": False,
        },
    }


def scopes(subject: Subject) -> tuple[str, ...]:
    """What the token must be granted for these subjects, sorted."""
    more = {EVENT_SCOPES[event] for event in _events(subject) if event in EVENT_SCOPES}
    return tuple(sorted({*SCOPES, *more}))


def _events(subject: Subject) -> tuple[str, ...]:
    """The events to subscribe to. A mention always counts: it reaches the command that it begins with."""
    wanted: Iterable[str] = (
        each for name in subject.events for each in (MESSAGES if name == "message" else (name,))
    )
    return tuple(sorted({"app_mention", *wanted}))


def _command(word: str, door: str) -> dict[str, Json]:
    description, usage = COMMANDS.get(word, (f"{NAME}: {word.removeprefix('/')}", "help"))
    at: dict[str, Json] = {"url": door} if door else {}
    return {"command": word, "description": description, "usage_hint": usage, "should_escape": True, **at}


def _shortcut(name: str) -> dict[str, Json]:
    title, description = SHORTCUTS.get(name, (name.replace("_", " ").replace(".", " ").capitalize()[:24], NAME))
    return {"name": title, "type": "message", "callback_id": name, "description": description}


def _at(door: str) -> dict[str, Json]:
    return {"request_url": door} if door else {}
