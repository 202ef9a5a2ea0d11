"""Alerts in #incidents, from what really happens in production to the buttons that people press."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal.slack import Message
from tests.stories.house import ANA, BO, GIL, POLICY, SAM, House

Opens = Callable[..., House]
QUICK = POLICY.replace('poll = "1s"', 'poll = "200ms"')


def alert(h: House, words: str, patience: float = 30) -> Message:
    """Wait for the one alert that says so."""
    def seen() -> Message | None:
        found = [each for each in h.slack.messages("#incidents") if words in h.slack.text_of(each)]
        assert len(found) <= 1, f"{len(found)} alerts say “{words}”"
        return found[0] if found else None

    return h.until(seen, f"an alert that says “{words}”", patience)


def reads(h: House, message: Message, words: str) -> str:
    """Wait until that very message says so."""
    def seen() -> str | None:
        now = next(each for each in h.slack.messages("#incidents") if each.ts == message.ts)
        text = h.slack.text_of(now)
        return text if words in text else None

    return h.until(seen, f"the alert to say “{words}”")


def thread(h: House, message: Message, words: str) -> str:
    def seen() -> str | None:
        text = "\n".join(h.slack.text_of(each) for each in h.slack.thread(message))
        return text if words in text else None

    return h.until(seen, f"the alert's thread to say “{words}”")


def test_a_change_from_the_dashboard_is_told_with_what_changed_and_the_way_on(house: Opens) -> None:
    h = house(policy=QUICK)
    h.until(lambda: h.shelf("ground"), "the first look")
    h.production_run("alter table public.books add column isbn text")
    card = alert(h, "Production changed without a promotion")
    text = h.slack.text_of(card)
    assert "1 object of its catalog changed; its history does not tell of it." in text
    assert "[Acknowledge]" in text
    assert "[Mute 1 h]" in text
    said = thread(h, card, "+ column public.books.isbn")
    assert "adopt it, with a migration that says the same" in said
    file = h.until(lambda: next(iter(h.slack.files()), None), "the draft")
    assert "ADD COLUMN isbn text" in file.text.replace("add column", "ADD COLUMN")
    before = len(h.slack.thread(card))
    h.slack.press(GIL, card, "Acknowledge")
    h.told(GIL, "full members")
    h.slack.press(ANA, card, "Acknowledge")
    text = reads(h, card, "Acknowledged by @ana")
    assert "[Acknowledge]" not in text
    h.slack.press(SAM, card, "Mute 1 h")
    h.told(SAM, "needs an operator")
    h.slack.press(BO, card, "Mute 1 h")
    text = reads(h, card, "Muted by @bo until")
    assert "[Mute 1 h]" not in text
    assert len(h.slack.thread(card)) == before
