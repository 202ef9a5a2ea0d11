"""Somebody who controls a database, the logs or an old card tries to speak through the bot, or presses what is gone."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rehearsal.slack import Message
from tests.stories.house import ANA, BO, CY, FEATURE, POLICY, SAM, House
from tests.stories.test_alerts import alert, happened

Opens = Callable[..., House]

SHOUT = "<!channel> <@U0ERIN001> @here"
LINK = "<https://evil.example|https://good.example>"
TURNED = "\u202egnp.exe\u202c"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def dead(h: House) -> str:
    """Nothing that was posted calls anybody or leads anywhere; returns all that was said."""
    places = [*h.slack.messages("#deploys", with_threads=True), *h.slack.messages("#incidents", with_threads=True)]
    said: list[Message] = [*places, *h.slack.ephemerals(ANA), *h.slack.ephemerals(BO)]
    for message in said:
        text = h.slack.text_of(message)
        assert not message.specials, text
        assert "U0ERIN001" not in message.live.users, text
        assert not [link for link in message.live.links if "evil" in link], text
        assert "\u202e" not in json.dumps(message.blocks, ensure_ascii=False) + message.text
    assert not h.slack.notified("U0ERIN001")
    return "\n".join(h.slack.text_of(each) for each in said)


@pytest.mark.slow
def test_what_a_database_and_its_logs_hold_stays_dead(house: Opens) -> None:
    h = house(policy=POLICY.replace('poll = "1s"', 'poll = "200ms"'), start=False)
    h.only(FEATURE)
    hostile = [
        f"create function public.{quoted(f'{SHOUT} `x`')}() returns int language sql as 'select 1'",
        f"create type public.{quoted(f'*bold* {LINK}')} as enum ('{SHOUT}', '{TURNED}')",
        f"create table public.{quoted(f'{TURNED} ~gone~')} ({quoted(SHOUT)} int)",
        f"comment on table public.books is '{SHOUT} {LINK}'",
    ]
    h.production_run(*hostile)
    happened(h, f'column "{SHOUT} `x` {LINK} {TURNED}" does not exist', 9, f"{SHOUT} {LINK} {TURNED}")
    h.start_bot()
    fatal = alert(h, "FATAL in production · 9 times")
    h.until(lambda: h.shelf("ground"), "the first look")
    h.production_run(f"create table public.{quoted(f'*{SHOUT}*')} (id int)")
    alert(h, "Production changed without a promotion")
    h.staged()
    h.says(ANA, "/migrate promote")
    h.reads("P-1", "No migration explains")
    h.says(ANA, "/migrate status")
    h.told(ANA, "Migrations")
    h.slack.press(ANA, fatal, "Open incident")
    h.until(lambda: h.slack.modal(ANA), "the window")
    h.slack.submit(ANA, values={"severity": "SEV3: A part fails for some, and there is a way around it"})
    h.until(lambda: any("INC-1" in h.slack.text_of(each) for each in h.slack.messages("#incidents")), "its card")
    h.presses(BO, "P-1", "Waive")
    h.until(lambda: h.slack.modal(BO), "the window")
    h.slack.submit(BO, values={"reason": f"known {SHOUT} {LINK}"})
    h.reads("P-1", "Waiting for approval")
    assert "<!channel>" in dead(h)


@pytest.mark.slow
def test_an_old_cards_buttons_and_forged_values_change_nothing(house: Opens) -> None:
    h = house()
    h.only(FEATURE)
    card = h.ready_to_approve()
    old = h.card(card)
    h.presses(BO, card, "Approve", copies=3)
    h.reads(card, "Done · in production")
    before = h.history()
    for words in ("Approve", "Cancel", "Reject"):
        assert h.slack.press(CY, old, words, stale=True).ok
        h.told(CY, "P-1 has ended")
    for value in ("P-2", "S-1", "INC-1", "P-1:x", ""):
        forged = h.card(card)
        forged.blocks = json.loads(json.dumps(old.blocks).replace('"value": "P-1"', f'"value": "{value}"'))
        for user in (SAM, CY):
            assert h.slack.press(user, forged, "Approve", stale=True).ok
    h.until(lambda: "There is no promotion P-2" in "".join(map(h.slack.text_of, h.slack.ephemerals(CY))), "an answer")
    assert h.history() == before
    assert "Traceback" not in h.bot_log()
    assert "delivery.failed" not in h.bot_log()
