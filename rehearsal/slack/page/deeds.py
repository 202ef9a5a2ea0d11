"""What a person can do on the page, each deed a word in the JSON that the page sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.slack.refusals import NotPossible
from rehearsal.slack.things import Delivered, Message, View

if TYPE_CHECKING:
    from rehearsal.slack import Slack


def do(slack: Slack, given: dict[str, Any]) -> dict[str, Any]:
    person = slack.workspace.person(given["as"])
    if person.deactivated and given["deed"] != "read":
        raise NotPossible(f"{person.real_name} is deactivated and cannot do anything here.")
    told = DEEDS[given["deed"]](slack, given)
    return {"ok": True, "error": told.error if told else None}


def _say(slack: Slack, given: dict[str, Any]) -> Delivered | None:
    text, thread = str(given["text"]).strip(), given.get("thread_ts")
    if not text:
        return None
    if not text.startswith("/"):
        return slack.say(given["as"], given["channel"], text, thread)
    if thread:
        raise NotPossible(f"{text.split()[0]} is not supported in threads. Sorry!")
    return slack.command(given["as"], text, given["channel"])


def _use(slack: Slack, given: dict[str, Any]) -> Delivered | None:
    return slack.operate(
        given["as"],
        _seen(slack, given),
        given["block_id"],
        given["action_id"],
        given.get("chosen"),
        given.get("values") or {},
    )


def _submit(slack: Slack, given: dict[str, Any]) -> Delivered | None:
    return slack.submit(given["as"], _view(slack, given), given.get("values") or {})


def _close(slack: Slack, given: dict[str, Any]) -> Delivered | None:
    return slack.close(given["as"], _view(slack, given), whole_pile=bool(given.get("whole_pile")))


def _shortcut(slack: Slack, given: dict[str, Any]) -> Delivered | None:
    message = _message(slack, given) if "ts" in given else None
    return slack.shortcut(given["as"], given["name"], message)


def _react(slack: Slack, given: dict[str, Any]) -> Delivered | None:
    return slack.react(given["as"], _message(slack, given), given["name"])


def _home(slack: Slack, given: dict[str, Any]) -> Delivered | None:
    return slack.open_home(given["as"])


def _read(slack: Slack, given: dict[str, Any]) -> Delivered | None:
    house = slack.workspace
    key, newest = (given["as"], given["channel"]), str(given["ts"])
    if house.read_up_to.get(key, "") < newest:
        with house.change():
            house.read_up_to[key] = newest
    return None


def _seen(slack: Slack, given: dict[str, Any]) -> Message | View:
    return _view(slack, given) if "view" in given else _message(slack, given)


def _message(slack: Slack, given: dict[str, Any]) -> Message:
    found = slack.workspace.find(given["channel"], given["ts"])
    if found is None or found.only_for not in (None, given["as"]):
        raise NotPossible("That message is not there any more.")
    return found


def _view(slack: Slack, given: dict[str, Any]) -> View:
    house, user = slack.workspace, given["as"]
    home = house.homes.get(user)
    found = home if home and home.id == given["view"] else house.views.get(given["view"])
    if found is None or found.user != user:
        raise NotPossible("That view is not open any more.")
    return found


DEEDS = {
    "say": _say,
    "use": _use,
    "submit": _submit,
    "close": _close,
    "shortcut": _shortcut,
    "react": _react,
    "home": _home,
    "read": _read,
}
