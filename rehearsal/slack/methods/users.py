"""users.* and usergroups.*: who is who, and who belongs to what."""

from __future__ import annotations

from rehearsal.slack.arguments import page_of
from rehearsal.slack.methods.asked import Asked, Method, person_of
from rehearsal.slack.refusals import Refusal
from rehearsal.slack.things import Json


def info(asked: Asked) -> Json:
    return {"user": person_of(asked).payload(with_email="users:read.email" in asked.scopes)}


def list_people(asked: Asked) -> Json:
    shown, following = page_of(list(asked.workspace.people.values()), asked.args, 200, 1000)
    return {
        "members": [person.payload(with_email="users:read.email" in asked.scopes) for person in shown],
        "cache_ts": int(asked.workspace.clock()),
        "response_metadata": {"next_cursor": following},
    }


def by_email(asked: Asked) -> Json:
    for person in asked.workspace.people.values():
        payload = person.payload()
        if payload["profile"].get("email") == asked.args.text("email") and not person.deactivated:
            return {"user": payload}
    raise Refusal("users_not_found")


def list_groups(asked: Asked) -> Json:
    with_users = asked.args.flag("include_users")
    return {"usergroups": [group.payload(with_users=with_users) for group in asked.workspace.groups.values()]}


def members_of_group(asked: Asked) -> Json:
    group = asked.workspace.groups.get(asked.args.text("usergroup"))
    if group is None:
        raise Refusal("no_such_subteam")
    return {"users": list(group.members)}


METHODS = {
    "users.info": Method(run=info, needs=("user",), scopes=("users:read",), tier=4),
    "users.list": Method(run=list_people, scopes=("users:read",), tier=2),
    "users.lookupByEmail": Method(run=by_email, needs=("email",), scopes=("users:read.email",)),
    "usergroups.list": Method(run=list_groups, scopes=("usergroups:read",), tier=2),
    "usergroups.users.list": Method(run=members_of_group, needs=("usergroup",), scopes=("usergroups:read",), tier=2),
}
