"""Who lives in the rehearsal workspace: people, groups and channels, all of which may change while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

TEAM_ID = "T0REHEARS"
TEAM_DOMAIN = "rehearsal"
APP_ID = "A0STAGE01"
BOT_USER_ID = "U0BOT0001"
BOT_ID = "B0BOT0001"
BOT_NAME = "stagedoor"


@dataclass(kw_only=True)
class Person:
    id: str
    name: str
    real_name: str
    about: str = ""
    tz: str = "Europe/Berlin"
    restricted: bool = False
    deactivated: bool = False
    admin: bool = False
    bot: bool = False
    team: str = TEAM_ID

    @property
    def zone(self) -> tzinfo:
        return zone(self.tz)

    def payload(self, *, with_email: bool = True) -> dict[str, Any]:
        """A user object as users.info gives it."""
        offset = datetime.now(UTC).astimezone(self.zone).utcoffset()
        profile = {"real_name": self.real_name, "display_name": self.name, "team": self.team}
        if with_email and not self.bot:
            profile["email"] = f"{self.name}@shop.example"
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "deleted": self.deactivated,
            "real_name": self.real_name,
            "tz": self.tz,
            "tz_label": self.tz,
            "tz_offset": int(offset.total_seconds()) if offset else 0,
            "profile": profile,
            "is_admin": self.admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.restricted,
            "is_ultra_restricted": False,
            "is_bot": self.bot,
            "is_app_user": False,
            "is_stranger": self.team != TEAM_ID,
            "updated": 1767225600,
        }


@dataclass(kw_only=True)
class Group:
    id: str
    handle: str
    name: str
    members: list[str] = field(default_factory=list)

    def payload(self, *, with_users: bool = False) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": self.id,
            "team_id": TEAM_ID,
            "is_usergroup": True,
            "is_subteam": True,
            "name": self.name,
            "handle": self.handle,
            "description": "",
            "is_external": False,
            "date_create": 1767225600,
            "date_update": 1767225600,
            "date_delete": 0,
            "user_count": len(self.members),
        }
        if with_users:
            shown["users"] = list(self.members)
        return shown


@dataclass(kw_only=True)
class Channel:
    id: str
    name: str
    members: set[str] = field(default_factory=set)
    private: bool = False
    archived: bool = False
    topic: str = ""
    partner: str | None = None  # the person at the other end of a direct message with the bot

    @property
    def direct(self) -> bool:
        return self.partner is not None

    def payload(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": self.id,
            "created": 1767225600,
            "is_archived": self.archived,
            "is_channel": not self.direct and not self.private,
            "is_group": self.private,
            "is_im": self.direct,
            "is_mpim": False,
            "is_private": self.private or self.direct,
            "is_member": BOT_USER_ID in self.members,
            "context_team_id": TEAM_ID,
        }
        if self.direct:
            return shown | {"user": self.partner}
        return shown | {
            "name": self.name,
            "name_normalized": self.name,
            "is_general": self.name == "general",
            "is_shared": False,
            "is_ext_shared": False,
            "creator": "U0CY00001",
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "num_members": len(self.members),
        }


def zone(name: str) -> tzinfo:
    """The time zone of that name; UTC where the machine has no zone data."""
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return UTC


def cast() -> list[Person]:
    """The people of the rehearsal: one for each way in which somebody may or may not do something."""
    return [
        Person(id="U0ANA0001", name="ana", real_name="Ana Petrov", about="developer"),
        Person(id="U0BO00001", name="bo", real_name="Bo Lindqvist", about="approver", tz="America/New_York"),
        Person(id="U0CY00001", name="cy", real_name="Cy Okafor", about="approver", tz="Europe/London", admin=True),
        Person(id="U0ERIN001", name="erin", real_name="Erin Walsh", about="on call", tz="Europe/Berlin"),
        Person(id="U0GIL0001", name="gil", real_name="Gil Moreau", about="guest", restricted=True),
        Person(id="U0SAM0001", name="sam", real_name="Sam Ito", about="member without a role", tz="Asia/Tokyo"),
        Person(id="U0DEE0001", name="dee", real_name="Dee Novak", about="deactivated", deactivated=True),
        Person(id=BOT_USER_ID, name=BOT_NAME, real_name="Stagedoor", about="the bot", tz="UTC", bot=True),
    ]


def groups() -> list[Group]:
    return [Group(id="S0DBAPPR1", handle="db-approvers", name="Database approvers", members=["U0BO00001", "U0CY00001"])]


def channels() -> list[Channel]:
    everyone = {"U0ANA0001", "U0BO00001", "U0CY00001", "U0ERIN001", "U0GIL0001", "U0SAM0001"}
    return [
        Channel(id="C0DEPLOYS", name="deploys", members={*everyone, BOT_USER_ID}, topic="What goes to production"),
        Channel(id="C0INCIDEN", name="incidents", members={*everyone, BOT_USER_ID}, topic="What is broken"),
        Channel(id="C0GENERAL", name="general", members=set(everyone)),
    ]
