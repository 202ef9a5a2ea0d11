"""Whatever the order of deliveries, and however often each comes, the timeline is the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.entry import Entry, Json
from bot.domain.incident import Incident

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
OPENED: Mapping[str, Json] = {"title": "Checkout fails", "severity": "SEV2", "project": "shop"}

Said = tuple[str, str, Mapping[str, Json], str]


def noted(n: int, source: str, by: str = "U0ANA0001") -> Said:
    at = NINE + timedelta(minutes=n)
    return "incident.noted", by, {
        "message": f"C1:{n}.0", "at": at.isoformat(), "version": f"{n}.0", "source": source, "author": "U0BO00001",
        "permalink": f"https://slack/p{n}", "files": [],
    }, f"text {n}"


def edited(n: int, version: int) -> Said:
    return "incident.edited", "U0BO00001", {"entry": f"C1:{n}.0", "version": f"{n}.{version}"}, f"text {n}, {version}"


def redacted(n: int) -> Said:
    return "incident.redacted", "U0BO00001", {"entry": f"C1:{n}.0"}, ""


def key(n: int, by: str, stamp: int, off: bool) -> Said:
    return "incident.key", by, {"entry": f"C1:{n}.0", "stamp": f"{stamp}.0", "off": off}, ""


said = st.one_of(
    st.builds(noted, st.integers(0, 5), st.sampled_from(["thread", "pin", "shortcut", "mention"])),
    st.builds(edited, st.integers(0, 5), st.integers(1, 3)),
    st.builds(redacted, st.integers(0, 5)),
    st.builds(key, st.integers(0, 5), st.sampled_from(["U0ANA0001", "U0CY00001"]),
              st.integers(1, 4), st.booleans()),
)


def entries(facts: Iterable[Said]) -> tuple[list[Entry], dict[str, str]]:
    made, texts = [], {}
    every = [("incident.opened", "U0ANA0001", OPENED, ""), *facts]
    for seq, (kind, actor, data, text) in enumerate(every, start=1):
        made.append(Entry(
            seq=seq, id=f"e{seq:04}", at=NINE, about="INC-1", kind=kind, actor=actor, data=data,
            private_hash="h" if text else "", previous="", hash="",
        ))
        texts[f"e{seq:04}"] = text
    return made, texts


def seen(facts: Iterable[Said]) -> list[object]:
    """The timeline as people read it."""
    made, texts = entries(facts)
    return [
        (n.ref, n.moment, n.author, n.permalink, n.sources, n.deleted, n.marked, texts.get(n.text_of, ""),
         [texts[each] for each in n.earlier])
        for n in Incident.of(made).timeline()
    ]


@given(st.lists(said, max_size=14), st.data())
@settings(max_examples=150, deadline=None)
def test_the_timeline_is_the_same_in_any_order(facts: list[Said], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations([*facts, *facts[: len(facts) // 2]]))
    assert seen(shuffled) == seen(facts)


def test_an_edit_that_comes_first_waits_for_its_message() -> None:
    made, texts = entries([edited(1, 1)])
    assert Incident.of(made).timeline() == ()
    made, texts = entries([edited(1, 1), noted(1, "thread")])
    (note,) = Incident.of(made).timeline()
    assert (texts[note.text_of], [texts[each] for each in note.earlier]) == ("text 1, 1", ["text 1"])


def test_a_deleted_message_stays_without_its_text() -> None:
    made, texts = entries([redacted(1), noted(1, "thread"), edited(1, 1)])
    (note,) = Incident.of(made).timeline()
    assert note.deleted
    assert note.text_of == ""
    assert [texts[each] for each in note.earlier] == ["text 1", "text 1, 1"]


def test_a_correction_leaves_the_old_text_and_time_to_be_seen() -> None:
    at = (NINE - timedelta(hours=1)).isoformat()
    corrected: Said = ("incident.corrected", "U0CY00001", {"entry": "C1:1.0", "at": at}, "it began earlier")
    made, texts = entries([noted(1, "thread"), noted(0, "thread"), corrected])
    first, second = Incident.of(made).timeline()
    assert first.moment == NINE - timedelta(hours=1)
    assert texts[first.text_of] == "it began earlier"
    assert [texts[each] for each in first.earlier] == ["text 1"]
    assert first.at == NINE + timedelta(minutes=1)
    assert second.ref == "C1:0.0"
