"""Deploy windows kept: an approval outside of one waits, and somebody has to be there when it opens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.stories.house import ANA, BO, CY, POLICY, SAM, House

Opens = Callable[..., House]


def window(opens_in: timedelta, lasts: timedelta = timedelta(hours=2)) -> str:
    """A daily window around now, in UTC."""
    start = datetime.now(UTC) + opens_in
    return (
        f'[[windows]]\nstart = "{start:%H:%M}"\nend = "{start + lasts:%H:%M}"\ntimezone = "UTC"\n'
    )


def test_outside_of_the_windows_it_waits(house: Opens) -> None:
    h = house(policy=POLICY + window(timedelta(hours=5)))
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    text = h.reads(card, "Approved. Waiting for the deploy window")
    assert "[Cancel]" in text
    assert "[I am here]" not in text
    assert h.history() == ["20261020090000"]
    h.presses(ANA, card, "Cancel")
    h.reads(card, "Cancelled by @ana")


def test_inside_a_window_it_goes_in_at_once(house: Opens) -> None:
    h = house(policy=POLICY + window(-timedelta(hours=1)))
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")


@pytest.mark.slow
def test_near_its_opening_somebody_has_to_be_there(house: Opens) -> None:
    h = house(policy=POLICY + window(timedelta(minutes=2)))
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    said = h.thread_says(card, "press I am here on its card")
    assert "@ana" in said
    assert "@bo" in said
    h.presses(SAM, card, "I am here")
    h.told(SAM, "not a listed approver")
    h.presses(CY, card, "I am here")
    text = h.reads(card, "@cy will be there")
    assert "[I am here]" not in text
    assert h.history() == ["20261020090000"]


@pytest.mark.slow
def test_what_destroys_data_needs_more_people(house: Opens) -> None:
    h = house()
    h.only()
    h.write("20261101130000_drop.sql", "alter table books drop column sold;\n")
    h.staged()
    h.says(ANA, "/migrate promote")
    h.reads(card := "P-1", "Waiting for approval")
    h.confirmed(card)
    said = "Destroys data or opens access: 20261101130000 drops the column public.books.sold (line 1)"
    assert said in h.reads(card, "0 of 2")
    h.presses(BO, card, "Approve")
    h.reads(card, "1 of 2")
    h.presses(CY, card, "Approve")
    h.reads(card, "approved by @bo and @cy")
