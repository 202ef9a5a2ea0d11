"""`stagedoor doctor` at Slack: token, scopes, clock, channels, and the people of the policy."""

from __future__ import annotations

import http.client
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.doctor.finding import Finding, Mark, guarded, note, ok, unknown, wrong
from bot.errors import Unknown, Unreachable
from bot.policy import Policy
from bot.settings import Settings
from handlers.failures import code
from handlers.manifest import scopes
from handlers.slack.people import NO_SUCH_GROUP, SlackPeople
from handlers.subjects import vocabulary

AWAY = (SlackClientError, OSError, http.client.HTTPException, ValueError)
SKEW, LIMIT = 30, 300    # seconds worth a word; where Slack's signatures stop counting
_quiet = logging.getLogger("stagedoor.doctor")
_quiet.setLevel(logging.CRITICAL)


@dataclass(kw_only=True)
class Room:
    """What the checks are given, and what Slack said about us."""

    settings: Settings
    client: WebClient
    told: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def policies(self) -> Iterator[tuple[str, Policy]]:
        """Each project's policy, with what to write before a finding of it."""
        several = len(self.settings.projects) > 1
        for project in self.settings.projects.values():
            yield (f"{project.name}, " if several else ""), project.policy


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything in Slack; without a token that works there is nothing more to look at."""
    client = WebClient(
        token=settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url, timeout=10, logger=_quiet,
    )
    room = Room(settings=settings, client=client)
    for finding in guarded("Slack", token(room)):
        yield finding
        if not finding.good:
            yield unknown("Slack's channels and people", "they can be looked at once the token works.")
            return
    for check in CHECKS:
        what = f"Slack, {check.__name__.replace('_', ' ')}"
        yield from guarded(what, _answered(what, check(room)))


def unknown_names(settings: Settings, client: WebClient, team_id: str) -> list[str]:
    """What the policy names and Slack does not know, as sentences; they count for nothing, and `serve` says so."""
    room = Room(settings=settings, client=client, told={"team_id": team_id})
    found = [*_answered("channels", channels(room)), *_answered("people", people(room))]
    return [f"{finding.what}: {finding.said}" for finding in found if finding.mark is Mark.WRONG]


def _answered(what: str, looking: Iterable[Finding]) -> Iterator[Finding]:
    try:
        yield from looking
    except SlackApiError as refused:
        yield unknown(what, f"Slack says {code(refused)}.")
    except AWAY as trouble:
        yield unknown(what, f"Slack does not answer ({type(trouble).__name__}).")


def token(room: Room) -> Iterable[Finding]:
    room.asked_at = datetime.now(UTC)
    try:
        answer = room.client.auth_test()
    except SlackApiError as refused:
        again = "Install the app again and copy its new Bot User OAuth Token into SLACK_BOT_TOKEN."
        yield wrong("Slack token", f"Slack says {code(refused)}.", again)
        return
    except AWAY as trouble:
        yield unknown("Slack token", f"Slack does not answer ({type(trouble).__name__}).", "Check SLACK_API_URL.")
        return
    room.told = answer.data if isinstance(answer.data, dict) else {}
    room.headers = {str(name).lower(): str(value) for name, value in answer.headers.items()}
    yield ok("Slack token", f"it is {room.told.get('user')} in {room.told.get('team')} ({room.told.get('team_id')}).")


def granted(room: Room) -> Iterable[Finding]:
    """The scopes of the token against those of the manifest."""
    needed = set(scopes(vocabulary()))
    has = {each.strip() for each in room.headers.get("x-oauth-scopes", "").split(",") if each.strip()}
    if not has:
        yield unknown("Slack scopes", "Slack did not say which ones the token has.")
    elif missing := sorted(needed - has):
        mend = "Add them under OAuth & Permissions (or paste `stagedoor manifest` again), then reinstall the app."
        yield wrong("Slack scopes", f"missing {', '.join(missing)}.", mend)
    elif more := sorted(has - needed):
        yield note("Slack scopes", f"all {len(needed)} are granted; nothing here needs {', '.join(more)}.")
    else:
        yield ok("Slack scopes", f"all {len(needed)} are granted, and no more.")


def way_in(room: Room) -> Iterable[Finding]:
    """How Slack reaches the bot."""
    app_token = room.settings.slack_app_token
    if app_token is None:
        yield note("Slack's way in", "HTTP; whether the signing secret is the app's shows with the first command.")
        return
    try:
        room.client.apps_connections_open(app_token=app_token.get_secret_value())
    except SlackApiError as refused:
        mend = "Make an app-level token with connections:write under Basic Information, and switch Socket Mode on."
        yield wrong("Slack's way in", f"Socket Mode, but Slack says {code(refused)} to SLACK_APP_TOKEN.", mend)
    else:
        yield ok("Slack's way in", "Socket Mode, and Slack opens connections.")


def clock(room: Room) -> Iterable[Finding]:
    """This machine's clock against Slack's: a signature counts for five minutes."""
    try:
        theirs = parsedate_to_datetime(room.headers.get("date", ""))
    except ValueError:
        yield unknown("clock", "Slack's answer had no date.")
        return
    apart = (room.asked_at - theirs).total_seconds()
    said = f"{abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} Slack's"
    if abs(apart) >= LIMIT:
        yield wrong("clock", f"{said}: everything that Slack signs counts as too old.", "Let NTP set the clock.")
    elif abs(apart) > SKEW:
        yield wrong("clock", f"{said}; from {LIMIT} s on nothing works.", "Let NTP set the clock.")
    else:
        yield ok("clock", "it agrees with Slack's.")


def channels(room: Room) -> Iterable[Finding]:
    """The policy's channels: there, not archived, and the bot in them."""
    known = list(_listed(room.client))
    seen = set[str]()
    for before, policy in room.policies():
        for key, name in (("deploys", policy.channels.deploys), ("incidents", policy.channels.incidents)):
            if name in seen:
                continue
            seen.add(name)
            found = next((one for one in known if name in (f"#{one.get('name')}", one.get("id"))), None)
            yield _channel(f"{before}channel {name}", key, found)


def _channel(what: str, key: str, found: Mapping[str, Any] | None) -> Finding:
    if found is None:
        mend = f"Create it, invite the bot where it is private (/invite @stagedoor), or change channels.{key}."
        return wrong(what, "the bot sees no such channel.", mend)
    if found.get("is_archived"):
        return wrong(what, "it is archived.", f"Unarchive it, or change channels.{key}.")
    if found.get("is_member"):
        return ok(what, "the bot is in it.")
    if found.get("is_private"):
        return wrong(what, "the bot is not in it.", "Invite it: /invite @stagedoor.")
    return ok(what, "it is public; the bot joins with its first message.")


def _listed(client: WebClient) -> Iterator[Mapping[str, Any]]:
    cursor = ""
    while True:
        page = client.conversations_list(types="public_channel,private_channel", limit=999, cursor=cursor)
        yield from page.get("channels") or ()
        cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return


def people(room: Room) -> Iterable[Finding]:
    """Everybody whom the policy names. Who is not there counts for nothing."""
    named: dict[str, str] = {}
    for _, policy in room.policies():
        for key, listed in (
            ("roles.members", policy.roles.members), ("roles.operators", policy.roles.operators),
            ("approvals.approvers", policy.approvals.approvers), ("incidents.on_call", policy.incidents.on_call),
            ("people", tuple(policy.people.values())),
        ):
            named.update((each, key) for each in listed if each not in named)
    lost = [f"{each} ({key})" for each, key in named.items() if not _exists(room, each)]
    if lost:
        said = f"Slack does not know {', '.join(lost)}, or they are no full members; they count for nothing."
        yield wrong("people", said, "Mend the policy: user ids start with U, user group ids with S.")
    elif named:
        yield ok("people", f"all {len(named)} people and groups of the policy are there.")
    else:
        yield ok("people", "the policy names nobody; every full member may use the bot.")


def approvers(room: Room) -> Iterable[Finding]:
    """Whether enough people may approve, also when one of them asks."""
    for before, policy in room.policies():
        may = {user for listed in policy.approvals.approvers for user in _persons(room, listed)}
        yield _enough(f"{before}approvers", policy, len(may))


def _enough(what: str, policy: Policy, may: int) -> Finding:
    rules = policy.approvals
    mend = "List more user or group ids under [approvals] approvers."
    if not may:
        return wrong(what, "nobody can approve, so nothing reaches production.", mend)
    counted = f"{may} {'person' if may == 1 else 'people'} may approve"
    if may < rules.required:
        return wrong(what, f"{counted}, and a promotion needs {rules.required}.", mend)
    if may < rules.required_destructive:
        return wrong(what, f"{counted}, and what destroys data needs {rules.required_destructive}.", mend)
    spare = may - (0 if rules.requester_may_approve else 1)
    if spare < rules.required:
        return wrong(what, f"{counted}; when one of them asks, too few are left (needed: {rules.required}).", mend)
    if spare < rules.required_destructive:
        return note(what, f"{counted}; when one of them asks for what destroys data, one is missing.")
    return ok(what, f"{counted}, also when one of them asks (needed: {rules.required}).")


def _exists(room: Room, listed: str) -> bool:
    return _members(room, listed) is not None if listed.startswith("S") else bool(_persons(room, listed))


def _persons(room: Room, listed: str) -> frozenset[str]:
    """The full members whom an entry of the policy stands for."""
    users = (_members(room, listed) or ()) if listed.startswith("S") else (listed,)
    return frozenset(user for user in users if _full(room, user))


def _full(room: Room, user: str) -> bool:
    try:
        return SlackPeople(room.client, str(room.told.get("team_id")), ()).find(user).full_member
    except Unknown:
        return False


def _members(room: Room, group: str) -> tuple[str, ...] | None:
    try:
        answer = room.client.usergroups_users_list(usergroup=group)
    except SlackApiError as refused:
        if code(refused) in NO_SUCH_GROUP:
            return None
        raise Unreachable(f"Slack answered {code(refused)} to a question about {group}.") from None
    except AWAY as trouble:
        raise Unreachable(f"Slack did not answer a question about {group} ({type(trouble).__name__}).") from None
    return tuple(str(user) for user in answer.get("users") or ())


CHECKS: tuple[Callable[[Room], Iterable[Finding]], ...] = (granted, way_in, clock, channels, people, approvers)
