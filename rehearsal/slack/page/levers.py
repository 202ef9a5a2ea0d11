"""The administrator's levers over HTTP: people, troubles, and the log of Web API calls."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rehearsal.slack.troubles import KINDS, Trouble

if TYPE_CHECKING:
    from rehearsal.slack import Slack


def change_person(slack: Slack, given: dict[str, Any]) -> dict[str, Any]:
    """{"user": "bo", "deactivated": true} or {"user": "bo", "remove_from": "@db-approvers"}, and so on."""
    user = given["user"]
    slack.change_person(
        user,
        deactivated=given.get("deactivated"),
        restricted=given.get("restricted"),
        tz=given.get("tz"),
        team=given.get("team"),
    )
    if "add_to" in given:
        slack.add_to_group(user, given["add_to"])
    if "remove_from" in given:
        slack.remove_from_group(user, given["remove_from"])
    return {"ok": True, "person": slack.person(user).payload()}


def troubles(slack: Slack, given: dict[str, Any]) -> dict[str, Any]:
    """GET lists them, DELETE ends them all, POST makes one: {"kind": "silent", "seconds": 5, "methods": []}."""
    if given["method"] == "DELETE":
        slack.troubles.clear()
    elif given["method"] == "POST":
        kind, seconds, times = given["kind"], float(given.get("seconds", 1)), given.get("times")
        if kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}")
        ends_at = slack.troubles.clock() + seconds if kind == "silent" else None
        # all but silence and slowness end by themselves unless told otherwise
        count = 1 if times is None and kind not in ("silent", "slow") else times
        slack.troubles.add(
            Trouble(
                kind=kind,
                seconds=seconds,
                times=None if count is None else int(count),
                status=int(given.get("status", 500)),
                methods=tuple(given.get("methods", ())),
                ends_at=ends_at,
            )
        )
    if given["method"] != "GET":
        with slack.workspace.change():
            pass  # the page shows what is under way
    return {"ok": True, "troubles": [trouble.payload() for trouble in slack.troubles.current()]}


def calls(slack: Slack, given: dict[str, Any]) -> dict[str, Any]:
    method = given.get("of")
    return {"calls": [asdict(call) for call in slack.calls if method in (None, call.method)]}
