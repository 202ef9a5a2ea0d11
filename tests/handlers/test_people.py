"""Who may do anything at all: full members of this workspace, as Slack knows them now."""

from __future__ import annotations

import pytest
from slack_sdk import WebClient

from bot.errors import Unknown, Unreachable
from handlers.slack.people import SlackPeople
from tests.handlers.slack_side import web_api

MEMBER = {"id": "U1", "team_id": "T0HOME", "deleted": False, "is_bot": False, "is_restricted": False}


@pytest.fixture
def slack():
    with web_api() as (api, client):
        api.answers["users.info"] = {"ok": True, "user": MEMBER}
        yield api, client


def test_a_full_member_with_their_groups(slack) -> None:
    api, client = slack
    groups = {"S1": ["U1", "U2"], "S2": ["U2"], "S3": ["U1"]}
    api.answers["usergroups.users.list"] = lambda asked: {"ok": True, "users": groups[asked["usergroup"]]}
    person = SlackPeople(client, "T0HOME", ["S1", "S2", "S3", "S1"]).find("U1")
    assert (person.id, person.full_member, person.groups) == ("U1", True, frozenset({"S1", "S3"}))
    assert api.count("usergroups.users.list") == 3


@pytest.mark.parametrize(("tz", "zone"), [
    ("Asia/Kathmandu", "Asia/Kathmandu"), ("Moon/Base", "UTC"), ("", "UTC"), (None, "UTC"), ("../etc", "UTC"),
])
def test_their_time_zone_as_far_as_it_is_one(slack, tz: str | None, zone: str) -> None:
    api, client = slack
    api.answers["users.info"] = {"ok": True, "user": MEMBER | {"tz": tz}}
    assert SlackPeople(client, "T0HOME", []).find("U1").zone == zone


@pytest.mark.parametrize("other", [
    {"deleted": True}, {"is_bot": True}, {"is_app_user": True}, {"is_restricted": True}, {"is_ultra_restricted": True},
    {"is_stranger": True}, {"is_workflow_bot": True}, {"is_invited_user": True},
    {"team_id": "T0OTHER"}, {"team_id": None},
    {"team_id": "T0OTHER", "enterprise_user": {"teams": ["T0THIRD"]}},
])
def test_who_is_no_full_member(slack, other: dict) -> None:
    api, client = slack
    api.answers["users.info"] = {"ok": True, "user": MEMBER | other}
    assert not SlackPeople(client, "T0HOME", []).find("U1").full_member


def test_somebody_of_the_same_organisation_counts_if_this_workspace_is_theirs_too(slack) -> None:
    api, client = slack
    elsewhere = MEMBER | {"team_id": "T0X", "enterprise_user": {"teams": ["T0HOME"]}}
    api.answers["users.info"] = {"ok": True, "user": elsewhere}
    assert SlackPeople(client, "T0HOME", []).find("U1").full_member


def test_slackbot_is_no_person(slack) -> None:
    _, client = slack
    assert not SlackPeople(client, "T0HOME", []).find("USLACKBOT").full_member


def test_no_such_user(slack) -> None:
    api, client = slack
    api.answers["users.info"] = {"ok": False, "error": "user_not_found"}
    people = SlackPeople(client, "T0HOME", [])
    for user in ("U404", ""):
        with pytest.raises(Unknown):
            people.find(user)
    assert api.count("users.info") == 1


@pytest.mark.parametrize("error", ["no_such_subteam", "plan_upgrade_required"])
def test_a_group_that_is_not_there_counts_for_nothing(slack, error: str) -> None:
    api, client = slack
    api.answers["usergroups.users.list"] = {"ok": False, "error": error}
    assert SlackPeople(client, "T0HOME", ["S404"]).find("U1").groups == frozenset()


@pytest.mark.parametrize(("method", "answer", "status", "words"), [
    ("users.info", {"ok": False, "error": "missing_scope"}, (200, {}), "missing_scope"),
    ("users.info", {"ok": False, "error": "internal_error"}, (500, {}), "internal_error"),
    ("usergroups.users.list", {"ok": False, "error": "ratelimited"}, (429, {"Retry-After": "7"}), "for 7 s"),
    ("usergroups.users.list", {"ok": False, "error": "fatal_error"}, (200, {}), "fatal_error"),
])
def test_when_slack_does_not_tell_nobody_is_taken_for_anybody(slack, method, answer, status, words) -> None:
    api, client = slack
    api.answers[method], api.statuses[method] = answer, status
    with pytest.raises(Unreachable, match=words):
        SlackPeople(client, "T0HOME", ["S1"]).find("U1")


def test_when_slack_is_away() -> None:
    nowhere = WebClient(token="xoxb-x", base_url="http://127.0.0.1:9/api/", timeout=1, retry_handlers=[])
    with pytest.raises(Unreachable, match="did not answer users"):
        SlackPeople(nowhere, "T0HOME", []).find("U1")


def test_when_slack_is_slow(slack) -> None:
    api, client = slack
    api.delay, client.timeout = 1.5, 1
    with pytest.raises(Unreachable):
        SlackPeople(client, "T0HOME", []).find("U1")


def test_a_group_is_read_anew_at_every_question(slack) -> None:
    api, client = slack
    api.answers["usergroups.users.list"] = {"ok": True, "users": ["U1"]}
    people = SlackPeople(client, "T0HOME", ["S1"])
    assert people.find("U1").groups == {"S1"}
    api.answers["usergroups.users.list"] = {"ok": True, "users": []}
    assert people.find("U1").groups == frozenset()
