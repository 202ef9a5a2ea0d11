"""What people see of an incident and say to it: cards that stay safe, buttons that make sense, events that count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.entry import Fact
from bot.domain.record import Status
from bot.errors import Refused, Unknown
from bot.incidents import records as incidents
from bot.promotions.verbs import Promotions
from handlers.conversation import Ask, Reply, Subject, together
from handlers.incidents.incident import Incidents
from handlers.incidents.incident_view import IncidentView
from handlers.incidents.opening import Opening
from handlers.incidents.timeline import IncidentTimeline, a_pin, in_a_thread
from handlers.which import Which
from tests.deploying import ANA, BO, CY, SAM
from tests.incidents.test_incident_runbook import FLAG, Room

HOSTILE = "<!channel> *all* `gone` & <https://evil|good> @here"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path, FLAG + f'[incidents]\non_call = ["{SAM}", "S0ONCALL1"]\n')
    yield made
    made.journal.close()


def card(room: Room, record: str = "INC-1") -> dict[str, Any]:
    return IncidentView(room.ports).card(room.record(record)).to_json()


def words(body: dict[str, Any]) -> list[str]:
    """The words on buttons and menus."""
    found = []
    for block in body["blocks"]:
        for element in block.get("elements", []):
            if element.get("type") == "button":
                found.append(element["text"]["text"])
            found += [option["text"]["text"] for option in element.get("options", [])]
    return found


def talk(room: Room) -> Subject:
    promotions = Promotions(room.ports)
    opening = Opening(room.ports, room.responding, promotions, Which(promotions, lambda name: name))
    spoken = Incidents(room.ports, room.responding, promotions, opening, verbs={}, more={})
    return together([opening.subject(), spoken.subject()])


def ask(name: str, value: str = "", user: str = ANA, **more: Any) -> Ask:
    return Ask(key=f"{name}:{value}:{user}", kind="action", name=name, user=user, team="T", channel="C1", value=value,
               trigger="t", **more)


def test_nothing_that_people_write_becomes_markup(room: Room) -> None:
    told = {"broken": HOSTILE, "impact": HOSTILE, "actions": HOSTILE}
    inc = room.opened(title=HOSTILE, **told)
    room.say(room.responding.update(ANA, inc, HOSTILE, "", None, None))
    room.say(room.responding.decide(ANA, inc, "hotfix", HOSTILE, HOSTILE, "", []))
    view = IncidentView(room.ports)
    record = room.record(inc)
    drawn = [view.line(record, entry) for entry in room.journal.entries(about=inc)]
    said = json.dumps([card(room), *(line.message.to_json() for line in drawn if line)])
    assert len([line for line in drawn if line]) >= 4
    for bad in ("<!channel>", "<https://evil", "*all*", "@here"):
        assert bad not in said
    assert f"<@{SAM}>" in said
    assert "<!subteam^S0ONCALL1>" in said


def test_a_button_appears_only_when_pressing_it_makes_sense(room: Room) -> None:
    inc = room.opened("SEV3")
    assert words(card(room))[:4] == ["Take command", "Update", "Decide", "Resolve"]
    room.say(room.responding.take_command(CY, inc, ""))
    assert words(card(room)) == [
        "Update", "Decide", "Resolve", "Take command", "Severity", "Stop the bleeding", "Roles",
    ]
    room.say(room.responding.resolve(CY, inc, "done"))
    assert words(card(room))[0] == "Reopen"
    assert not {"Update", "Decide", "Resolve"} & set(words(card(room)))
    room.at("13:05")
    room.say([Fact(about=inc, kind="report.published", actor=CY)])
    room.sweep()
    assert room.record(inc).status is Status.ENDED
    assert words(card(room)) == []
    with pytest.raises(Refused, match="Open a new one"):
        room.responding.reopen(CY, inc)


def test_opened_from_a_promotion_it_is_filled_in_and_opened_once(room: Room) -> None:
    room.promotion("P-7")
    t = talk(room)
    view: Any = t.actions["incident.open_from"](ask("incident.open_from", "P-7")).view
    title = next(block["element"]["initial_value"] for block in view["blocks"] if block.get("block_id") == "title")
    assert title == "Trouble after P-7"
    metadata, _, channel = view["private_metadata"].rpartition("@")
    assert channel == "C1"
    filled = {"title": title, "severity": "SEV2"}
    reply = t.views["incident.opening"](ask("incident.opening", fields=filled, metadata=metadata))
    room.say(reply.facts)
    assert incidents.read(room.ports, "INC-1").incident.promotion == "P-7"
    with pytest.raises(Refused, match=r"INC-1 was opened from P-7 already"):
        t.actions["incident.open_from"](ask("incident.open_from", "P-7", BO))
    with pytest.raises(Unknown):
        t.actions["incident.open_from"](ask("incident.open_from", "P-99", BO))


def test_only_what_was_offered_can_be_switched(room: Room) -> None:
    inc = room.opened("SEV3")
    t = talk(room)
    stopped = t.views["incident.stopped"]
    with pytest.raises(Refused, match="not offered any more"):
        stopped(ask("incident.stopped", fields={"what": "flag:OTHER:off"}, metadata=inc))
    room.say(stopped(ask("incident.stopped", fields={"what": "flag:REGION:off"}, metadata=inc)).facts)
    assert (room.now().switches[0].flag, room.now().switches[0].to) == ("REGION", "false")
    back: Any = t.actions["incident.more"](ask("incident.more", f"{inc}:stop")).view
    assert "REGION back to true" in json.dumps(back)


def test_who_may(room: Room) -> None:
    inc = room.opened("SEV3")
    room.say(room.responding.take_command(SAM, inc, ""))        # no operator, but on call
    assert room.now().commander == SAM
    with pytest.raises(Refused, match="needs an operator"):
        room.responding.resolve("U0NOBODY1", inc, "done")
    room.say(room.responding.note("U0NOBODY1", inc, "I see it too"))
    assert [note.author for note in room.now().timeline()] == ["U0NOBODY1"]


def test_a_private_incident_does_not_exist_for_others(room: Room) -> None:
    inc = room.opened("SEV1", private=True, channel="C0SECRET", broken="the key of the payment service is public")
    assert inc == "INC-1"
    say = room.responding
    for channel in ("", "C0OTHER"):
        with pytest.raises(Unknown, match="that you can see"):
            say.read(BO, inc, channel)
        with pytest.raises(Unknown, match="that you can see"):
            say.note(BO, inc, "I saw it", channel)
        assert say.found(BO, "", channel) == say.found(BO, "payment", channel) == ()
        assert say.running(BO, channel) == ()
    assert say.read(BO, inc, "C0SECRET").incident.id == inc
    assert [each.id for each in say.running(SAM)] == [inc], "who is on call sees it anywhere"
    assert [each.incident.id for each in say.found(ANA, "payment")] == [inc], "and so does who opened it"
    assert room.entries("F-1", "freeze.set")[0].data["reason"] == "INC-1: a private incident"
    assert "Checkout" not in json.dumps(room.card("F-1"))
    ready = talk(room).actions
    room.promotion("P-7")
    view = json.dumps(ready["incident.open_from"](ask("incident.open_from", "P-7", user=BO)).view)
    assert "INC-1" not in view
    promotions = Promotions(room.ports)
    opening = Opening(room.ports, say, promotions, Which(promotions, lambda name: name))
    told = {"private": True, "channel": "C0SECRET"}
    room.opened("SEV3", title="Payment keys leaked", key="command:3", **told)
    alike = opening.from_message(ask("x", user=BO), "Payment keys leaked again", "")
    assert "INC-2" not in json.dumps(alike.view)
    room.opened("SEV3", key="command:2", broken="the key of the payment service")
    assert room.now("INC-3").similar == ()


class Read:
    """What Slack would answer about one message."""

    def permalink(self, channel: str, ts: str, thread: str = "") -> str:
        return ""

    def message(self, channel: str, ts: str) -> dict[str, Any]:
        return {"ts": ts, "user": SAM, "text": "look at this"}

    def kept(self, files: object) -> list[Any]:
        return []


def test_who_is_no_member_learns_of_no_incident_and_brings_nothing_to_one(room: Room) -> None:
    room.opened("SEV3")
    promotions = Promotions(room.ports)
    opening = Opening(room.ports, room.responding, promotions, Which(promotions, lambda name: name))
    timeline = IncidentTimeline(room.ports, room.responding, opening, Read()).subject()
    pinned = {"event": {"type": "reaction_added", "item": {"channel": "C9", "ts": "7.0"}, "event_ts": "8.0"}}

    def pin(user: str) -> Reply:
        return timeline.events["reaction_added"](ask("reaction_added", user=user, payload=pinned))

    def add(user: str) -> Reply:
        message = {"message": {"ts": "9.0", "text": "look"}}
        return timeline.shortcuts["incident.add"](ask("incident.add", user=user, message="9.0", payload=message))

    room.gone.add(SAM)
    assert pin(SAM) == Reply()
    for second in (False, True):     # with several open, a window would name them all
        if second:
            room.opened("SEV3", title="Payments fail", key="command:2")
        with pytest.raises(Refused, match="full members"):
            add(SAM)
        with pytest.raises(Refused, match="full members"):
            room.responding.found(SAM, "")
    assert "Payments fail" in json.dumps(add(ANA).view)
    room.gone.clear()
    assert pin(ANA).message is not None


@pytest.mark.parametrize(("event", "counts"), [
    ({"user": "U1", "ts": "2.0", "thread_ts": "1.0", "text": "x"}, True),
    ({"user": "U1", "ts": "1.0", "text": "not in a thread"}, False),
    ({"user": "UBOT", "ts": "2.0", "thread_ts": "1.0"}, False),
    ({"user": "U1", "ts": "2.0", "thread_ts": "1.0", "subtype": "channel_join"}, False),
    ({"subtype": "message_changed", "message": {"user": "U1", "edited": {"ts": "3.0"}}}, True),
    ({"subtype": "message_changed", "message": {"user": "U1"}}, False),         # a link was unfurled
    ({"subtype": "message_changed", "message": {"user": "UBOT", "edited": {"ts": "3.0"}}}, False),
    ({"subtype": "message_deleted", "previous_message": {"user": "U1"}}, True),
    ({}, False),
])
def test_what_is_said_elsewhere_is_dropped_before_it_is_stored(event: dict[str, Any], counts: bool) -> None:
    assert in_a_thread({"event": {"type": "message", **event}, "authorizations": [{"user_id": "UBOT"}]}) is counts


def test_only_pushpins_count() -> None:
    who: Any = [{"user_id": "UBOT"}]
    assert a_pin({"event": {"reaction": "pushpin", "user": "U1"}, "authorizations": who})
    assert not a_pin({"event": {"reaction": "eyes", "user": "U1"}, "authorizations": who})
    assert not a_pin({"event": {"reaction": "pushpin", "user": "UBOT"}, "authorizations": who})


