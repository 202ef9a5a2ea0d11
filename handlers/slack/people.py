"""Who somebody is in Slack, asked at the moment of use."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from bot.domain.person import Person
from bot.errors import Unknown, Unreachable

NO_SUCH_USER = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
# A group of the policy that is not there, was disabled, or cannot exist on this plan counts for nothing.
NO_SUCH_GROUP = frozenset({"no_such_subteam", "subteam_not_found", "invalid_subteam", "plan_upgrade_required"})
# Who is no full member of a workspace, by Slack's own flags.
LESS_THAN_MEMBER = (
    "deleted", "is_bot", "is_app_user", "is_workflow_bot", "is_connector_bot", "is_restricted", "is_ultra_restricted",
    "is_stranger", "is_invited_user",
)
SLACKBOT = "USLACKBOT"  # which Slack does not flag as a bot


class SlackPeople:
    """`bot.ports.People` over the Web API. Nothing is remembered: rights may be taken away at any moment."""

    def __init__(self, client: WebClient, team_id: str, groups: Iterable[str]) -> None:
        self._client = client
        self._team_id = team_id
        self._groups = tuple(dict.fromkeys(groups))

    def find(self, user: str) -> Person:
        if not user:
            raise Unknown("Nobody's name stands on this, so nobody's rights can be checked.")
        known = _asked("users.info", lambda: self._client.users_info(user=user), missing=NO_SUCH_USER)
        if known is None:
            raise Unknown(f"Slack knows no user {user} in this workspace.")
        told = known.get("user")
        if not isinstance(told, dict):
            raise Unreachable("Slack's answer about a user could not be read, so nobody's rights can be checked.")
        groups = frozenset(group for group in self._groups if user in self._members(group))
        return Person(
            id=user, full_member=_full_member(told, user, self._team_id), groups=groups, zone=_zone(told),
            name=_name(told),
        )

    def _members(self, group: str) -> frozenset[str]:
        answer = _asked(
            "usergroups.users.list", lambda: self._client.usergroups_users_list(usergroup=group), missing=NO_SUCH_GROUP,
        )
        users = (answer.get("users") if answer is not None else None) or ()
        return frozenset(str(each) for each in users)


def _name(told: Mapping[str, Any]) -> str:
    profile = told.get("profile")
    shown = profile if isinstance(profile, dict) else {}
    return str(shown.get("real_name") or told.get("real_name") or shown.get("display_name") or told.get("name") or "")


def _zone(told: Mapping[str, Any]) -> str:
    """Their time zone; UTC where Slack names none, or one that this machine does not know."""
    name = told.get("tz")
    try:
        return ZoneInfo(str(name)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def _full_member(told: Mapping[str, Any], user: str, team_id: str) -> bool:
    if user == SLACKBOT or any(told.get(flag) for flag in LESS_THAN_MEMBER):
        return False
    organisation = told.get("enterprise_user")
    teams = organisation.get("teams") if isinstance(organisation, dict) else None
    return told.get("team_id") == team_id or (isinstance(teams, list) and team_id in teams)


def _asked(method: str, call: Callable[[], SlackResponse], missing: frozenset[str]) -> SlackResponse | None:
    """Slack's answer; None when it says that there is no such thing. Raises `Unreachable` for every other trouble."""
    try:
        return call()
    except SlackApiError as exc:
        response = exc.response
        code = response.get("error") if isinstance(response, SlackResponse) else None
        if code in missing:
            return None
        if isinstance(response, SlackResponse) and response.status_code == 429:
            wait = response.headers.get("Retry-After") or response.headers.get("retry-after") or "some"
            raise Unreachable(f"Slack takes no more {method} for {wait} s, so rights could not be checked.") from exc
        why = f"answered {code}" if code else "gave no readable answer"
        raise Unreachable(f"Slack {why} to {method}, so rights could not be checked.") from exc
    except (SlackClientError, OSError, http.client.HTTPException, ValueError) as exc:
        raise Unreachable(f"Slack did not answer {method}, so rights could not be checked.") from exc
