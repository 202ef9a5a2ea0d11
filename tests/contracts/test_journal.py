"""The contract of Journal, Shelves and Inbox, sentence by sentence, over every store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.entry import GENESIS, Entry, Fact, Json, Opening, audit
from bot.domain.record import Claim, Record, Status
from bot.errors import Refused, Superseded, Unknown
from bot.ports import Delivery, Put, Take
from tests.contracts import journals
from tests.contracts.journals import BACKENDS, SECRET, Backend, Make, Store, WallClock

# Assigned, since an imported fixture would look redefined by every argument of its name.
backend, journal, make = journals.backend, journals.journal, journals.make

ON_DISK = settings(deadline=None, max_examples=20)
"""A store is opened for each example, and a disk takes the time it takes."""

NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def fact(about: str = "P-1", kind: str = "noted", **data: Json) -> Fact:
    return Fact(about=about, kind=kind, actor="U1", data=data)


def opening(about: str = "P-1", kind: str = "promotion", project: str = "shop") -> Fact:
    opens = Opening(kind=kind, project=project, stage="gates")
    return Fact(about=about, kind="requested", actor="U1", opens=opens)


def delivery(key: str, received: datetime = NEVER, **payload: Json) -> Delivery:
    return Delivery(key=key, kind="command", payload=payload, received=received)


def added(journal: Store, *facts: Fact, claim: Claim | None = None) -> tuple[Entry, ...]:
    made = journal.append(facts, claim=claim)
    assert made is not None
    return made


def loaded(journal: Store, record: str = "P-1") -> Record:
    found = journal.load(record)
    assert found is not None
    return found


def folded(journal: Store, record: str = "P-1") -> Record:
    """The record as a walker has it once it has folded every entry."""
    found = loaded(journal, record)
    return replace(found, folded=found.touched)


def due(journal: Store, by: datetime = NEVER) -> list[str]:
    return [record.id for record in journal.find(due_by=by)]


# The chain


def test_what_is_appended_is_what_is_read(journal: Store) -> None:
    made = added(journal, fact(a=1, b=[1.5, None, "ü", {"c": True}]), fact("P-2"))
    assert made == tuple(journal.entries())
    assert [(entry.seq, entry.about, entry.actor) for entry in made] == [(1, "P-1", "U1"), (2, "P-2", "U1")]


def test_entries_are_chained_from_the_first_one(journal: Store) -> None:
    assert journal.head() == GENESIS
    first, second = added(journal, fact(), fact())
    assert (first.previous, second.previous, journal.head()) == (GENESIS, first.hash, second.hash)
    assert audit(journal.entries(), against=first.hash) == audit([first, second])


def test_ids_sort_as_the_entries_do(journal: Store, backend: Backend) -> None:
    for _ in range(20):
        added(journal, fact(), fact())
        backend.clock.move(milliseconds=0.3)
    ids = [entry.id for entry in journal.entries()]
    assert ids == sorted(ids)
    assert {len(id) for id in ids} == {26}


def test_the_time_never_goes_back(journal: Store, backend: Backend) -> None:
    (first,) = added(journal, fact())
    backend.clock.move(hours=-1)
    (second,) = added(journal, fact())
    assert second.at == first.at
    backend.clock.move(hours=2)
    assert added(journal, fact())[0].at == backend.clock.now()


def test_entries_about_one_record_past_a_number_in_order(journal: Store) -> None:
    added(journal, *(fact(f"P-{number % 2}") for number in range(1200)))
    assert [entry.seq for entry in journal.entries("P-0", since=5)] == list(range(7, 1201, 2))
    assert [entry.seq for entry in journal.entries(since=1198)] == [1199, 1200]
    assert list(journal.entries("P-9")) == []


def test_reading_half_way_holds_nothing_up(journal: Store) -> None:
    added(journal, *(fact() for _ in range(1100)))
    reading = journal.entries()
    next(reading)
    added(journal, fact())
    assert len(list(reading)) == 1100, "what was appended meanwhile is met as well"


@pytest.mark.parametrize("kind", BACKENDS)
@ON_DISK
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8,
))
def test_any_json_comes_back_and_keeps_the_chain(
    tmp_path_factory: pytest.TempPathFactory, make: Make, kind: str, value: Json,
) -> None:
    backend = make(kind, tmp_path_factory.mktemp("any"))
    journal = backend.open()
    made = added(journal, fact(value=value))
    assert tuple(journal.entries()) == made
    assert audit(journal.entries()).broken_at is None
    assert journal.search("noted") == list(made)
    backend.close()


# Append: all in one transaction


def test_a_key_seen_before_writes_nothing(journal: Store) -> None:
    assert journal.append([fact()], key="k1")
    assert journal.append([fact()], key="k1", puts=[Put(shelf="s", key="a", doc={})]) is None
    assert len(list(journal.entries())) == 1
    assert journal.get("s", "a") is None


def test_facts_puts_and_key_go_in_together_or_not_at_all(journal: Store) -> None:
    added(journal, opening())
    void, _ = journal.claim("P-1"), journal.claim("P-1")
    journal.receive(delivery("k1"))
    with pytest.raises(Superseded):
        journal.append([fact(), opening("P-2")], key="k1", claim=void, puts=[Put(shelf="s", key="a", doc={})])
    assert (len(list(journal.entries())), journal.load("P-2"), journal.get("s", "a")) == (1, None, None)
    assert [waiting.key for waiting in journal.pending(NEVER)] == ["k1"]
    assert journal.append([fact()], key="k1", puts=[Put(shelf="s", key="a", doc={"b": 1})])
    assert (journal.get("s", "a"), journal.pending(NEVER)) == ({"b": 1}, [])


def test_a_fact_that_cannot_be_written_leaves_nothing_behind(journal: Store) -> None:
    with pytest.raises(ValueError, match="JSON"):
        journal.append([fact(), fact(a=float("nan"))], key="k1")
    assert list(journal.entries()) == []
    assert journal.append([], key="k1") == ()


def test_one_append_may_finish_a_delivery_without_facts(journal: Store) -> None:
    journal.receive(delivery("k1"))
    assert journal.append([], key="k1") == ()
    assert journal.pending(NEVER) == []


# Records


def test_an_opening_fact_begins_a_record_that_is_due(journal: Store) -> None:
    assert journal.load("P-1") is None
    (entry,) = added(journal, opening())
    assert journal.load("P-1") == Record(id="P-1", kind="promotion", project="shop", stage="gates", touched=entry.seq)
    assert due(journal) == ["P-1"]


def test_a_second_opening_changes_nothing_but_is_an_entry(journal: Store) -> None:
    added(journal, opening())
    added(journal, opening(project="other"))
    assert (loaded(journal).project, loaded(journal).touched) == ("shop", 2)


def test_a_projection_is_what_was_given(journal: Store, backend: Backend) -> None:
    added(journal, opening())
    claim = journal.claim("P-1")
    moved = replace(
        folded(journal), stage="window", due=backend.clock.move(hours=1), waits_for="the window", summary={"a": [1]},
    )
    assert journal.project(moved, claim) == moved == journal.load("P-1")


def test_projecting_with_facts_counts_them_as_folded(journal: Store) -> None:
    added(journal, opening())
    claim = journal.claim("P-1")
    walked = journal.project(folded(journal), claim, [fact(kind="walked"), fact(kind="walked")])
    assert (walked.folded, walked.touched) == (3, 3)
    assert due(journal) == []


def test_a_record_that_somebody_else_touched_stays_due(journal: Store) -> None:
    added(journal, opening())
    claim, record = journal.claim("P-1"), folded(journal)
    added(journal, fact(kind="approved"))
    walked = journal.project(record, claim, [fact(kind="walked")])
    assert (walked.folded, walked.touched) == (1, 3)
    assert due(journal) == ["P-1"]
    walked = journal.project(folded(journal), claim)
    assert (walked.folded, due(journal)) == (3, [])


def test_what_a_walk_notes_under_its_claim_is_not_somebody_elses(journal: Store) -> None:
    added(journal, opening())
    claim, record = journal.claim("P-1"), folded(journal)
    added(journal, fact(kind="attempt"), claim=claim)
    assert due(journal) == ["P-1"], "a crash now leads to another walk"
    assert journal.project(record, claim).folded == 2
    assert due(journal) == []


def test_what_an_earlier_walk_noted_is_somebody_elses(journal: Store) -> None:
    added(journal, opening())
    earlier, record = journal.claim("P-1"), folded(journal)
    added(journal, fact(kind="attempt"), claim=earlier)
    assert journal.project(record, journal.claim("P-1")).folded == 1
    assert due(journal) == ["P-1"]


def test_a_later_claim_voids_the_earlier_one(journal: Store, backend: Backend) -> None:
    added(journal, opening())
    earlier, record = journal.claim("P-1"), folded(journal)
    later = backend.open().claim("P-1")
    with pytest.raises(Superseded):
        journal.project(replace(record, stage="apply"), earlier, [fact()])
    with pytest.raises(Superseded):
        journal.append([fact()], claim=earlier)
    assert (loaded(journal).stage, loaded(journal).touched) == ("gates", 1)
    assert journal.project(replace(record, stage="approval"), later).stage == "approval"


def test_claims_of_two_records_do_not_touch(journal: Store) -> None:
    added(journal, opening("P-1"), opening("P-2"))
    first, _ = journal.claim("P-1"), journal.claim("P-2")
    assert journal.project(folded(journal), first).folded == 1
    with pytest.raises(ValueError, match="P-1"):
        journal.project(folded(journal, "P-2"), first)


def test_projecting_what_nobody_knows_is_unknown(journal: Store) -> None:
    with pytest.raises(Unknown):
        journal.project(Record(id="P-9", kind="x", project="x", stage="x"), journal.claim("P-9"))


def test_due_is_live_and_its_time_has_come_or_not_all_is_folded(journal: Store, backend: Backend) -> None:
    now = backend.clock.now()
    added(journal, *map(opening, ("timed", "timeless", "ended", "fresh")))
    for id, when, status in (
        ("timed", now, Status.LIVE), ("timeless", None, Status.LIVE), ("ended", now, Status.ENDED),
    ):
        journal.project(replace(folded(journal, id), due=when, status=status), journal.claim(id))
    added(journal, fact("ended"))
    assert due(journal, now) == ["timed", "fresh"]
    assert due(journal, now - timedelta(microseconds=1)) == ["fresh"]


def test_find_by_kind_project_and_status_oldest_first(journal: Store) -> None:
    added(journal, opening("P-2"), opening("W-1", kind="window"), opening("P-1"), opening("P-3", project="blog"))
    journal.project(replace(folded(journal), status=Status.ENDED), journal.claim("P-1"))
    assert [record.id for record in journal.find()] == ["P-2", "W-1", "P-1", "P-3"]
    assert [record.id for record in journal.find(kind="promotion", project="shop")] == ["P-2", "P-1"]
    assert [record.id for record in journal.find(status=Status.ENDED)] == ["P-1"]
    assert [record.id for record in journal.find(status=Status.LIVE, limit=2)] == ["P-2", "W-1"]


def test_unannounced_are_those_with_entries_past_what_slack_shows(journal: Store) -> None:
    added(journal, opening("P-1"), opening("P-2"))
    journal.announced("P-1", 1)
    assert [record.id for record in journal.find(unannounced=True)] == ["P-2"]
    added(journal, fact("P-1"))
    assert [record.id for record in journal.find(unannounced=True)] == ["P-1", "P-2"]
    journal.announced("P-1", 3)
    journal.announced("P-1", 1)
    assert (loaded(journal).announced, loaded(journal).touched) == (3, 3)


@pytest.mark.parametrize("kind", BACKENDS)
@ON_DISK
@given(st.lists(st.tuples(
    st.sampled_from(["fact", "note", "walk", "load", "claim", "end", "announce"]), st.sampled_from(["P-1", "P-2"]),
), max_size=25))
def test_records_add_up_whatever_the_order(
    tmp_path_factory: pytest.TempPathFactory, make: Make, kind: str, moves: Sequence[tuple[str, str]],
) -> None:
    """Plain integers beside the store: no entry of somebody else is ever counted as folded without having been seen."""
    backend = make(kind, tmp_path_factory.mktemp("walks"))
    journal = backend.open()
    added(journal, opening("P-1"), opening("P-2"))
    views = {id: folded(journal, id) for id in ("P-1", "P-2")}
    claims = {id: journal.claim(id) for id in views}
    unseen: dict[str, bool] = dict.fromkeys(views, False)
    for move, id in moves:
        match move:
            case "fact":
                added(journal, fact(id))
                unseen[id] = True
            case "note":
                added(journal, fact(id), claim=claims[id])
            case "load":
                views[id], unseen[id] = folded(journal, id), False
            case "claim":
                unseen[id] |= loaded(journal, id).touched > views[id].folded
                claims[id] = journal.claim(id)
            case "walk" | "end":
                status = Status.ENDED if move == "end" else Status.LIVE
                walked = journal.project(replace(views[id], status=status), claims[id], [fact(id)])
                assert (walked.folded == walked.touched) is not unseen[id]
                views[id] = replace(walked, folded=max(walked.folded, views[id].folded))
            case "announce":
                journal.announced(id, loaded(journal, id).touched)
        records = [loaded(journal, "P-1"), loaded(journal, "P-2")]
        assert due(journal) == [r.id for r in records if r.status is Status.LIVE and r.touched > r.folded]
        assert journal.find(unannounced=True) == [r for r in records if r.touched > r.announced]
        for record in records:
            assert record.touched == max(entry.seq for entry in journal.entries(record.id))
    assert audit(journal.entries()).broken_at is None
    backend.close()


def test_a_number_is_taken_only_together_with_what_it_opens(journal: Store, backend: Backend) -> None:
    other = backend.open()
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda turn: _opened((journal, other)[turn % 2]), range(12)))
    assert sorted(taken, key=lambda id: int(id[2:])) == [f"P-{number}" for number in range(1, 13)]

    def dies(take: Take) -> tuple[list[Fact], list[Put]]:
        raise SystemExit(f"{take('P')} {take('P')} {take('W')}")

    with pytest.raises(SystemExit, match="P-13 P-14 W-1"):
        journal.open(dies)
    assert _opened(journal, key="once") == "P-13"
    assert journal.open(_opens, key="once") is None, "the same delivery again opens nothing"
    assert _opened(journal) == "P-14"
    assert loaded(journal, "P-14").stage == "gates"
    assert journal.get("requests", "P-14") == {"record": "P-14"}
    old = journal.claim("P-14")
    journal.claim("P-14")
    with pytest.raises(Superseded):
        journal.open(_opens, claim=old)
    assert _opened(journal) == "P-15"
    several = journal.open(lambda take: ([opening(take(series)) for series in ("P", "W", "P", "W")], []))
    assert several
    assert [entry.about for entry in several] == ["P-16", "W-1", "P-17", "W-2"]


def _opens(take: Take) -> tuple[list[Fact], list[Put]]:
    record = take("P")
    return [opening(record)], [Put(shelf="requests", key=record, doc={"record": record})]


def _opened(journal: Store, key: str | None = None) -> str:
    made = journal.open(_opens, key=key)
    assert made
    return made[0].about


# Search


def test_search_wants_all_the_words_and_gives_the_newest_first(journal: Store) -> None:
    added(
        journal, fact(say="add region to orders"), fact(deep=[{"say": "Region\nlist"}]), fact("P-20260301_add_region"),
    )
    assert [entry.seq for entry in journal.search("region")] == [3, 2, 1]
    assert [entry.seq for entry in journal.search("REGION orders")] == [1]
    assert [entry.seq for entry in journal.search("20260301_add_region")] == [3]
    assert [entry.seq for entry in journal.search("regi", limit=1)] == [3]
    assert [entry.seq for entry in journal.search("list U1 noted")] == [2]
    assert journal.search("nowhere") == journal.search("") == journal.search(" !? ") == []


def test_search_finds_private_text_together_with_the_rest(journal: Store) -> None:
    added(journal, replace(fact(say="heard"), private="the Invoice page is down"), fact(say="heard"))
    assert [entry.seq for entry in journal.search("heard invoice")] == [1]


@pytest.mark.parametrize("words", [
    '"', "'", "a OR b", "NOT", "a AND", "NEAR(a b)", "a*", "col:a", "(a", "^a", "-a", "+", "a\0b", "%", "_", "\\",
    "{a}", "'; --", "\ud83d",
])
def test_no_word_breaks_the_search(journal: Store, words: str) -> None:
    added(journal, fact(kind="said", say="plain"))
    assert journal.search(words) == []


@pytest.fixture(scope="module", params=BACKENDS)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, make: Make,
) -> Iterator[Store]:
    """One store for all the examples of a test that changes nothing."""
    backend = make(request.param, tmp_path_factory.mktemp("shared"))
    yield backend.open()
    backend.close()


@ON_DISK
@given(st.text(st.characters()))
def test_any_text_may_be_sought(shared: Store, words: str) -> None:
    shared.search(words)


# Shelves


def test_documents_by_shelf_and_key(journal: Store) -> None:
    journal.put([Put(shelf="s", key="b", doc={"n": 1}), Put(shelf="s", key="a", doc={"n": [2]})])
    journal.put([Put(shelf="s", key="b", doc={"n": 3}), Put(shelf="t", key="a", doc={})])
    assert journal.get("s", "b") == {"n": 3}
    assert list(journal.all("s").items()) == [("b", {"n": 3}), ("a", {"n": [2]})]
    journal.put([Put(shelf="s", key="b", doc=None), Put(shelf="s", key="never", doc=None)])
    assert (journal.get("s", "b"), list(journal.all("s")), journal.all("u")) == (None, ["a"], {})


def test_a_document_is_new_only_once(journal: Store, backend: Backend) -> None:
    other = backend.open()
    with ThreadPoolExecutor(4) as pool:
        stands = list(pool.map(lambda turn: (journal, other)[turn % 2].put_new("s", "a", {"n": turn}), range(8)))
    assert stands == [journal.get("s", "a")] * 8


def test_bytes_are_kept_by_their_hash(journal: Store) -> None:
    content = f"select 'postgres://u:hunter2hunter2@h/d', '{SECRET}'\0\xff".encode("latin-1")
    kept = journal.keep(content)
    assert journal.keep(content) == kept
    assert journal.fetch(kept) == content, "what is executed comes from here: never scrubbed"
    assert journal.fetch(journal.keep(b"")) == b""
    with pytest.raises(Unknown):
        journal.fetch("0" * 64)


def test_bytes_that_were_changed_in_the_store_are_not_used(journal: Store, backend: Backend) -> None:
    journal.keep(b"drop table books")
    backend.tamper(f"UPDATE blobs SET sha256 = '{'0' * 64}'")
    with pytest.raises(Refused, match="they are not used"):
        journal.fetch("0" * 64)


def test_private_text_lies_beside_the_chain(journal: Store) -> None:
    late = replace(fact(), private="orders are late")
    one, two, none = added(journal, late, late, fact())
    assert journal.private(one.id) == journal.private(two.id) == "orders are late"
    assert (journal.private(none.id), journal.private("nothing")) == (None, None)
    assert one.private_hash != two.private_hash, "salted"
    assert none.private_hash == ""


def test_erased_text_is_gone_and_the_chain_intact(journal: Store) -> None:
    (entry, *_) = added(journal, replace(opening(), private="orders are late"), replace(fact(), private="orders stay"))
    before = journal.head()
    journal.erase(entry.id, "U2")
    journal.erase(entry.id, "U2")
    assert journal.private(entry.id) is None
    assert [found.seq for found in journal.search("orders")] == [2]
    *_, redaction = journal.entries()
    assert (redaction.seq, redaction.kind, redaction.about, redaction.actor, redaction.data) == (
        3, "journal.redacted", "P-1", "U2", {"entry": entry.id},
    )
    assert audit(journal.entries(), against=before).broken_at is None
    assert loaded(journal).touched == 3


def test_erasing_where_there_is_no_text(journal: Store) -> None:
    (entry,) = added(journal, fact())
    journal.erase(entry.id, "U2")
    assert len(list(journal.entries())) == 1
    with pytest.raises(Unknown):
        journal.erase("nothing", "U2")


# Inbox


def test_a_delivery_waits_until_an_append_finishes_it(journal: Store, backend: Backend) -> None:
    assert journal.receive(delivery("k1", text="promote", n=[1]))
    assert journal.receive(delivery("k2"))
    assert backend.open().pending(NEVER) == [delivery("k1", text="promote", n=[1]), delivery("k2")]
    journal.append([fact()], key="k1")
    assert journal.pending(NEVER) == [delivery("k2")]


def test_a_key_seen_before_is_not_received(journal: Store) -> None:
    assert [journal.receive(delivery("k1")) for _ in range(2)] == [True, False]
    journal.append([], key="k1")
    assert not journal.receive(delivery("k1")), "finished"
    journal.append([], key="k2")
    assert not journal.receive(delivery("k2")), "journalled without the inbox"
    assert journal.pending(NEVER) == []


def test_a_postponed_delivery_comes_again_later(journal: Store, backend: Backend) -> None:
    now = backend.clock.now()
    journal.receive(delivery("k1", now, text="promote"))
    assert journal.pending(now - timedelta(seconds=1)) == []
    journal.postpone("k1", now + timedelta(minutes=1))
    assert journal.pending(now) == []
    (again,) = journal.pending(now + timedelta(minutes=1))
    assert again == replace(delivery("k1", now, text="promote"), attempts=1)
    journal.append([], key="k1")
    journal.postpone("k1", now)
    journal.postpone("never", now)
    assert journal.pending(now + timedelta(days=1)) == []


def test_finished_keys_are_forgotten_after_a_time(journal: Store, backend: Backend) -> None:
    for key in ("old", "waiting"):
        journal.receive(delivery(key))
    journal.append([], key="old")
    journal.append([], key="never delivered")
    cut = backend.clock.move(days=30)
    journal.receive(delivery("young"))
    journal.append([], key="young")
    assert journal.prune(cut) == 1
    assert journal.receive(delivery("old"))
    assert not journal.receive(delivery("young"))
    assert not journal.receive(delivery("waiting"))
    assert journal.append([], key="never delivered") is None


def test_deliveries_that_arrive_at_once(journal: Store) -> None:
    with ThreadPoolExecutor(50) as pool:
        fresh = list(pool.map(lambda turn: journal.receive(delivery(f"k{turn % 100}")), range(200)))
    assert sum(fresh) == 100
    assert {waiting.key for waiting in journal.pending(NEVER)} == {f"k{number}" for number in range(100)}


def test_a_busy_walker_does_not_hold_deliveries_up(journal: Store) -> None:
    stop = threading.Event()

    def walk() -> None:
        while not stop.is_set():
            added(journal, *(fact() for _ in range(50)))

    walkers = [threading.Thread(target=walk) for _ in range(3)]
    for walker in walkers:
        walker.start()
    took = []
    for number in range(20):
        began = time.perf_counter()
        journal.receive(delivery(f"k{number}"))
        took.append(time.perf_counter() - began)
    stop.set()
    for walker in walkers:
        walker.join()
    assert sorted(took)[-2] < 1, "each waits for the writes that asked before it, not for all that come"


# Secrets


def test_secrets_are_taken_out_on_the_way_in(journal: Store) -> None:
    leak = f"postgres://u:hunter2hunter2@h/d and {SECRET}"
    clean = "postgres://u:[secret]@h/d and [secret]"
    (entry,) = added(journal, replace(opening(), data={"deep": [{"say": leak}]}, private=leak))
    assert entry.data == {"deep": [{"say": clean}]}
    assert journal.private(entry.id) == clean
    journal.put([Put(shelf="s", key="a", doc={"say": leak})])
    assert journal.put_new("s", "b", {"say": leak}) == {"say": clean} == journal.get("s", "a")
    moved = replace(folded(journal), waits_for=leak, summary={"say": leak})
    walked = journal.project(moved, journal.claim("P-1"))
    assert (walked.waits_for, walked.summary) == (clean, {"say": clean})
    assert audit(journal.entries()).broken_at is None


def test_a_delivery_keeps_what_its_answer_needs(journal: Store) -> None:
    answer = "https://hooks.slack.com/commands/T0123456/1234567890123/abcdefghijABCDEFGHIJ0123"
    trigger = "13345224609.738474920.8088930838d88f008e0"
    text = f"promote {SECRET} xoxb-1234567890-abc"
    journal.receive(delivery("k1", response_url=answer, trigger_id=trigger, text=text))
    (waiting,) = journal.pending(NEVER)
    assert waiting.payload == {"response_url": answer, "trigger_id": trigger, "text": "promote [secret] [secret]"}


# Several writers, and sudden ends


def test_many_threads_keep_one_chain(journal: Store) -> None:
    def work(name: int) -> None:
        for number in range(50):
            added(journal, fact(f"P-{name}", number=number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert audit(journal.entries()) == audit(journal.entries(), against=journal.head())
    assert [entry.data["number"] for entry in journal.entries("P-3")] == list(range(50))
    assert len(list(journal.entries())) == 400


def test_two_processes_keep_one_chain(journal: Store, backend: Backend) -> None:
    workers = [_appending(backend, name) for name in ("P-1", "P-2")]
    for _ in range(20):
        added(journal, fact("P-0"))
    said = [_killed(worker, after=40) for worker in workers]
    assert audit(journal.entries()).broken_at is None
    for name, lines in zip(("P-1", "P-2"), said, strict=True):
        assert len(list(journal.entries(name))) >= 2 * len(lines)


def test_what_was_acknowledged_survives_kill_9(backend: Backend) -> None:
    acknowledged: list[str] = []
    for turn in range(5):
        acknowledged += _killed(_appending(backend, f"P-{turn}"), after=3 + 7 * turn)
    journal = backend.open(WallClock())
    entries = list(journal.entries())
    assert audit(entries).broken_at is None
    assert {line.split()[0] for line in acknowledged} <= {entry.id for entry in entries}
    for turn in range(5):
        numbers = [entry.data["number"] for entry in journal.entries(f"P-{turn}")]
        assert numbers == [number for number in range(len(numbers) // 2) for _ in range(2)], "pairs, whole and in order"
        assert journal.append([], key=f"P-{turn}-{numbers[-1]}") is None, "the key went in with its facts"
        assert journal.append([], key=f"P-{turn}-{len(numbers) // 2}") == ()


def _appending(backend: Backend, name: str) -> subprocess.Popen[str]:
    here = Path(__file__)
    environment = {**os.environ, "PYTHONPATH": str(here.parents[2])}
    return subprocess.Popen(
        [sys.executable, str(here.with_name("journals.py")), backend.address, name],
        stdout=subprocess.PIPE, text=True, env=environment,
    )


def _killed(worker: subprocess.Popen[str], after: int) -> list[str]:
    """What it had acknowledged in whole lines before it was killed."""
    assert worker.stdout is not None
    with worker:
        lines = [worker.stdout.readline() for _ in range(after)]
        worker.send_signal(signal.SIGKILL)
        return [line for line in (*lines, *worker.stdout) if line.endswith("\n")]


# Tampering


@pytest.mark.parametrize("sql", [
    "UPDATE entries SET data = '{\"number\":9}' WHERE seq = 3",
    "UPDATE entries SET actor = 'U9' WHERE seq = 3",
    "UPDATE entries SET private_hash = 'x' WHERE seq = 3", "UPDATE entries SET kind = 'gate.waived' WHERE seq = 3",
    "UPDATE entries SET about = 'P-9' WHERE seq = 3", "UPDATE entries SET previous = 'x' WHERE seq = 3",
    "UPDATE entries SET hash = 'x' WHERE seq = 3",
    "DELETE FROM entries WHERE seq = 3",
])
def test_a_changed_entry_shows_and_is_named(journal: Store, backend: Backend, sql: str) -> None:
    added(journal, *(fact(number=number) for number in range(5)))
    backend.tamper(sql)
    assert audit(journal.entries()).broken_at == 3


@pytest.mark.parametrize(("sql", "why"), [
    ("UPDATE private SET text = 'something else' WHERE seq = 3", "is not the one that was written"),
    ("DELETE FROM private WHERE seq = 3", "no redaction says so"),
])
def test_a_changed_text_beside_the_chain_shows_and_one_that_was_erased_is_none(
    journal: Store, backend: Backend, sql: str, why: str,
) -> None:
    entries = added(journal, *(replace(fact(number=number), private=f"text {number}") for number in range(5)))
    journal.erase(entries[0].id, "U1")
    assert audit(journal.entries(), kept=journal.salted).broken_at is None
    backend.tamper(sql)
    found = audit(journal.entries(), kept=journal.salted)
    assert found.broken_at == 3
    assert why in found.why


def test_a_cut_tail_shows_against_a_noted_hash(journal: Store, backend: Backend) -> None:
    added(journal, *(fact() for _ in range(5)))
    noted = journal.head()
    backend.tamper("DELETE FROM entries WHERE seq > 3")
    assert audit(journal.entries()).broken_at is None
    assert audit(journal.entries(), against=noted).broken_at == 4
