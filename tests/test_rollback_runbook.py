"""The rollback runbook over real databases: who lets it begin, what it does, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.entry import Fact
from bot.domain.person import Person
from bot.domain.project import Environment
from bot.domain.resumable import why_not
from bot.domain.rolling_back import How
from bot.errors import Refused
from bot.incidents.records import opened_by
from bot.migrations.database import PostgresDatabase
from bot.policy import parse_policy
from bot.ports import Put
from bot.promotions.requests import Requests
from bot.rollbacks.verbs import Asked, Rollbacks
from bot.watch.raising import held
from bot.watch.recent import standing
from bot.watch.watcher import Watcher
from handlers.conversation import Ask
from handlers.migrations.rollback import Rollback
from rehearsal.postgres import Postgres
from templates.blocks import Message
from templates.promotion.sight import Sight
from templates.promotion.thread import told
from templates.rollback.card import rollback_card
from tests.migrations.conftest import BRISK
from tests.rolling import ANA, BO, CY, ERIN, FIRST, POLICY, SECOND, SQL, THIRD, Shop, shop

BOOKS = f"{FIRST}_add_books.sql"
BACK = "20261101120001_rollback_add_books.sql"
ASK = Ask(key="k", kind="action", name="promotion.roll_back", user=BO, team="T", channel="C1", value="P-1", trigger="t")


@pytest.fixture
def s(tmp_path: Path, server: Postgres) -> Iterator[Shop]:
    with shop(tmp_path, server, {BOOKS: SQL}) as made:
        yield made


class Gone:
    """Everybody is a member, but for one who left."""

    def __init__(self, user: str) -> None:
        self._user = user

    def find(self, user: str) -> Person:
        return Person(id=user, full_member=user != self._user)


def card(s: Shop) -> str:
    return drawn(s).text


def drawn(s: Shop) -> Message:
    record = s.w.journal.load(s.rollback)
    assert record is not None
    return rollback_card(Sight(record=record, promotion=s.read()))


def buttons(s: Shop, words: str) -> list[str]:
    """The values that the card's buttons of that name carry."""
    rows: Any = list(drawn(s).blocks)
    return [each["value"] for row in rows for each in row.get("elements", ()) if each.get("text", {}) == {
        "type": "plain_text", "text": words, "emoji": False,
    }]


def test_an_approvers_asking_is_the_press_and_it_is_gone_everywhere(s: Shop) -> None:
    assert s.asks(BO).pressed
    assert s.goes().status == "ended"
    assert s.ending()[0] == "done"
    assert "touched objects are exactly as before the promotion" in s.ending()[1]
    assert s.tables() == s.tables(s.staging) == []
    assert s.history() == s.history(s.staging) == [FIRST, "20261101120001"]
    content = (s.folder / BACK).read_bytes()
    assert content == s.w.ports.shelves.fetch(s.read().plan.files[0].sha256)
    assert s.ending("P-1")[0] == "rolled back", "its watch is over"
    taken = s.read("P-1").taken_back
    assert taken is not None
    assert taken.done
    assert s.rolling.staged.startswith("taken back there too")
    assert standing(s.w.ports, s.project.name) == (), "nothing stands half-done"
    with pytest.raises(Refused, match="rolled back already, by R-1"):
        s.asks(BO)


def test_whoever_decides_reads_how_many_rows_it_costs(s: Shop) -> None:
    s.production.run("insert into books values (1, 'a'), (2, 'b'), (3, 'c')")
    s.promoted(f"{SECOND}_clean.sql", "delete from books where id = 3; create table b2 (id int);")
    s.asks(ANA, "P-2")
    assert "1 row of books that P-2 destroyed is kept inside production; Restore data puts it back" in str(
        drawn(s).blocks,
    )
    assert "Rows: b2 holds 0 rows · counted" in card(s)
    s.says(s.rollbacks.cancel(ANA, s.rollback))
    s.w.walk(s.rollback)
    sketch = s.rollbacks.sketch(BO, s.project, "P-1")
    words = "Rows: books holds 2 rows, 2 of them written since the promotion · counted "
    assert words in str(Rollback(s.rollbacks, str)._modal(ASK, sketch).view), "the question"
    s.asks(ANA)
    assert words in card(s), "the card"
    s.goes()
    assert "Lost with it: books holds 2 rows, 2 of them written" in str(drawn(s).blocks), "the question before Approve"
    s.production.run("insert into books values (4, 'd')")
    s.goes()
    assert len(s.told("rollback.planned")) == 0, "that rows come is no other plan"
    s.says(s.rollbacks.approve(BO, s.rollback))
    assert s.goes().status == "ended"
    assert "Rows:" not in card(s)


def test_somebody_on_call_may_press_it_and_an_operator_may_only_ask(s: Shop) -> None:
    assert not s.asks(ANA).pressed
    assert s.goes().stage == "approval"
    [paged] = s.told("rollback.paged")
    assert paged["people"] == [ERIN, BO, CY]
    assert paged["pressable"] is True
    with pytest.raises(Refused, match="an approver or somebody on call"):
        s.rollbacks.approve(ANA, s.rollback)
    s.says(s.rollbacks.approve(ERIN, s.rollback))
    assert s.goes().status == "ended"
    assert s.ending()[0] == "done"
    assert [word.how for word in s.rolling.words] == [How.PRESSED]


def test_later_it_takes_an_approver_other_than_the_one_who_asked(s: Shop) -> None:
    """Also where the word that was given with the promotion ends while it waits: people are called to what it takes."""
    s.later(hours=11, minutes=55)
    s.asks(ANA)
    s.goes()
    assert "Waiting for an approver or somebody on call to press Approve" in card(s)
    over = next(entry for entry in s.w.journal.entries(about="P-1") if entry.kind == "walk.ended")
    news = told(s.read("P-1"), over)
    assert news is not None
    assert "Production has all of it, until R-1 has taken it back." in news.text, "its watch ended meanwhile"
    s.later(minutes=6)
    s.goes()
    assert [(paged["pressable"], paged["again"]) for paged in s.told("rollback.paged")] == [
        (True, False), (False, True),
    ]
    assert "Waiting for one approver other than" in card(s)
    with pytest.raises(Refused, match="someone else has to approve"):
        s.rollbacks.approve(ANA, s.rollback)
    with pytest.raises(Refused, match="not a listed approver"):
        s.rollbacks.approve(ERIN, s.rollback)
    s.says(s.rollbacks.approve(CY, s.rollback))
    s.goes()
    assert s.ending()[0] == "done"


def test_unanswered_paging_opens_the_glass_for_one_person_with_a_reason(s: Shop) -> None:
    s.later(hours=13)
    s.asks(ANA)
    s.goes()
    with pytest.raises(Refused, match="not answered for 10 min"):
        s.rollbacks.break_glass(ANA, s.rollback, "nobody is there")
    s.later(minutes=11)
    s.goes()
    assert s.told("rollback.glass") == [{"people": [ANA, ERIN]}]
    with pytest.raises(Refused, match="needs a reason"):
        s.rollbacks.break_glass(ANA, s.rollback, "  ")
    s.says(s.rollbacks.break_glass(ANA, s.rollback, "nobody is there"))
    assert s.goes().stage == "review"
    assert s.tables() == s.tables(s.staging) == [], "what it was broken for is done; its review holds nothing up"
    assert "P-1 is rolled back" in card(s)
    assert "Done · out of production since" in card(s)
    assert s.told("rollback.review") == [{"people": [BO, CY, ERIN], "again": False}]
    with pytest.raises(Refused, match="somebody else has to look at it"):
        s.rollbacks.review(ANA, s.rollback)
    s.later(hours=25)
    s.goes()
    assert [asked["again"] for asked in s.told("rollback.review")] == [False, True]
    s.says(s.rollbacks.review(CY, s.rollback))
    s.goes()
    assert s.ending()[0] == "done"
    assert s.rolling.words[0].reason == "nobody is there"
    assert "nobody is there" in str(s.told("people.called")[0]["why"])


def test_a_minor_fault_is_advised_against_and_takes_a_press_of_its_own(s: Shop) -> None:
    assert not s.asks(BO, severity="minor").pressed
    assert s.goes().stage == "approval"
    s.says(s.rollbacks.approve(BO, s.rollback))
    s.goes()
    assert s.ending()[0] == "done"


def test_a_word_is_for_this_head_and_these_objects(s: Shop) -> None:
    s.later(hours=13)
    s.asks(ANA)
    s.goes()
    words = s.rollbacks.approve(BO, s.rollback)
    s.production.run("create index by_hand on books (id)")
    s.says(words)
    assert s.goes().stage == "approval"
    assert s.rolling.words == (), "what it was given for is no longer there"
    assert len(s.told("rollback.planned")) == 1
    assert [paged["again"] for paged in s.told("rollback.paged")] == [False, True], "they are called to what it is now"
    s.says(s.rollbacks.approve(CY, s.rollback))
    s.goes()
    assert s.ending()[0] == "done", s.ending()


@pytest.mark.parametrize(("by_hand", "why"), [
    ("alter table books alter column title set not null", "what P-1 made was changed since"),
    ("alter table books add column by_hand int", "by_hand was made since by no promotion, and goes with it"),
])
def test_a_press_is_for_what_the_promotion_left_there(s: Shop, by_hand: str, why: str) -> None:
    s.production.run(by_hand)
    assert not s.asks(BO).pressed
    assert why in s.rolling.why_not
    assert any("by no promotion" in said for said in s.rolling.told)


def test_whose_word_counted_no_more_when_it_was_to_begin(s: Shop) -> None:
    s.later(hours=13)
    s.asks(ANA)
    s.goes()
    s.w.ports.shelves.put_new("hold", "shop:promotion", {"record": "P-9"})
    s.says(s.rollbacks.approve(BO, s.rollback))
    assert s.goes().stage == "apply"
    s.w.ports = replace(s.w.ports, people=Gone(BO))
    s.w.ports.shelves.put([Put(shelf="hold", key="shop:promotion", doc=None)])
    s.later(seconds=5)
    assert s.goes().stage == "approval"
    assert (s.rolling.words, s.tables()) == ((), ["books", "books_pkey", "books_title"])
    assert s.w.ports.shelves.get("hold", "shop:promotion") is None


def test_a_press_on_an_older_card_is_no_word_for_the_plan_of_now(s: Shop) -> None:
    s.later(hours=13)
    s.asks(ANA)
    s.goes()
    [old] = buttons(s, "Approve")
    s.says(s.rollbacks.approve(BO, old))
    s.production.run("create index by_hand on books (id)")
    s.goes()                                    # planned anew, and Bo's word is void
    for press in (s.rollbacks.approve, s.rollbacks.require_breakable):
        with pytest.raises(Refused, match="made anew since that card was drawn"):
            press(CY, old)
    [now] = buttons(s, "Approve")
    s.says(s.rollbacks.approve(CY, now))
    s.goes()
    assert s.ending()[0] == "done", s.ending()


def test_a_moved_head_gives_it_another_version_and_asks_again(s: Shop) -> None:
    s.asks(BO)
    s.production.run(
        "insert into supabase_migrations.schema_migrations (version, name) values ('20261101200000', 'by the CLI')",
    )
    assert s.goes().stage == "approval"
    assert "production is at 20261101200000" in s.rolling.why_not
    s.says(s.rollbacks.approve(CY, s.rollback))
    s.goes()
    assert s.history()[-1] == "20261101200001"


def test_other_bytes_than_were_approved_with_it_take_another_approver(s: Shop) -> None:
    entries = list(s.w.journal.entries(about="P-1"))
    approved = next(e for e in entries if e.kind == "promotion.approved")
    assert any(e.kind == "way_back.seen" and e.data["sql"] and e.seq < approved.seq for e in entries)
    doc = dict(s.w.ports.shelves.get("proofs", f"shop:{FIRST}") or {})

    s.w.ports.shelves.put([Put(shelf="proofs", key=f"shop:{FIRST}", doc={
        **doc, "sql": s.w.ports.shelves.keep(b"drop table books cascade"),
    })])
    assert not s.asks(BO).pressed
    s.goes()
    assert "not the one that was approved with P-1" in s.rolling.why_not


def test_an_older_one_goes_as_far_as_later_ones_allow(s: Shop) -> None:
    s.promoted(f"{SECOND}_add_people.sql", "create table people (id int)")
    s.promoted(f"{THIRD}_add_view.sql", "create view titles as select title from books")
    depends = r"view public\.titles of P-3 depends on .*public\.books.*, which P-1 made\. Roll P-3"
    with pytest.raises(Refused, match=depends):
        s.asks(BO, "P-1")
    s.asks(BO, "P-2")
    assert s.goes().stage == "approval", "not the newest any more, so the word given with it does not count"
    s.says(s.rollbacks.approve(CY, s.rollback))
    s.goes()
    assert s.ending()[0] == "done"
    assert "people" not in s.tables()
    assert "titles" in s.tables()
    assert s.history()[-1] == "20261101123001"
    s.asks(BO, "P-3")
    s.goes()
    s.says(s.rollbacks.approve(CY, s.rollback))
    s.goes()
    assert s.ending()[0] == "done", s.ending()
    s.asks(BO, "P-1")
    s.goes()
    s.says(s.rollbacks.approve(CY, s.rollback))
    s.goes()
    assert s.ending()[0] == "done"
    assert s.tables() == []


def test_what_leans_on_it_by_hand_is_named(s: Shop) -> None:
    s.production.run("create view mine as select id from books")
    with pytest.raises(Refused, match=r"view public\.mine depends on .* and came by no promotion\. Take it away"):
        s.asks(BO)


def test_one_that_stopped_half_way_is_taken_back_as_far_as_it_is_in(tmp_path: Path, server: Postgres) -> None:
    more = {f"{SECOND}_add_a.sql": "create table a (id int)", f"{THIRD}_add_b.sql": "create table b (id int)"}
    with shop(tmp_path, server, {BOOKS: SQL, **more}, promoted=False) as s:
        s.production.run("create table b (other int)")
        s.w.on()
        assert s.read("P-1").course.stopped, "it stopped half-way, and what is in is watched"
        s.asks(BO)
        s.goes()
        assert s.ending()[0] == "done", s.ending()
        assert [step.version for step in s.rolling.steps] == [SECOND, FIRST]
        assert s.ending("P-1")[0] == "rolled back"
        assert why_not(s.read("P-1")).startswith("is being rolled back, or was"), "no Resume any more"
        assert s.tables() == ["b"]
        assert s.history() == [FIRST, SECOND, "20261101121501"]
        assert (s.folder / "20261101121501_rollback_add_books_and_1_more.sql").exists()


def test_a_rollback_that_fails_says_what_is_in_and_calls_people(s: Shop) -> None:
    with s.production.connect() as other:
        other.autocommit = False
        other.execute("select * from books")
        s.asks(BO)
        for _ in range(8):
            s.w.walk(s.rollback)
            s.later(minutes=2)
    assert s.ending()[0] == "failed"
    assert "P-1 is still in production: its rollback stopped" in card(s)
    assert "all of P-1 still is" in card(s)
    [called] = s.told("people.called")
    assert called["people"] == [ERIN, BO, CY]
    incident = opened_by(s.w.ports, "P-1")
    assert incident is not None
    assert "Rollback of P-1: it failed" in incident.incident.title
    taken = s.read("P-1").taken_back
    assert taken is not None
    assert taken.ended == "failed"
    assert "books" in s.tables()


def test_production_that_is_not_as_before_is_said_and_staging_follows_all_the_same(
    tmp_path: Path, server: Postgres,
) -> None:
    with shop(tmp_path, server, {BOOKS: SQL}) as s:
        s.later(hours=13)
        folder = s.folder.parent / "rollbacks"
        folder.mkdir()
        (folder / BOOKS).write_text("drop index books_title;")

        s.w.ports.shelves.put([Put(shelf="proofs", key=f"shop:{FIRST}", doc=None)])
        s.asks(BO)
        s.goes()
        assert "never tried: nobody knows where it leads" in str(rollback_text(s))
        s.says(s.rollbacks.approve(CY, s.rollback))
        s.goes()
        assert s.ending()[0] == "unverified"
        assert "table public.books is still there" in s.ending()[1]
        assert "taken back, but production is not as it was before" in card(s)
        assert s.told("people.called")
        assert s.history(s.staging)[-1] == "20261101120001"


def rollback_text(s: Shop) -> list[object]:
    record = s.w.journal.load(s.rollback)
    assert record is not None
    return list(rollback_card(Sight(record=record, promotion=s.read())).blocks)


def test_staging_that_lacks_it_or_has_another_one_is_left_alone(s: Shop) -> None:
    s.staging.run(f"delete from supabase_migrations.schema_migrations where version = '{FIRST}'")
    s.asks(BO)
    s.goes()
    assert s.ending()[0] == "done"
    assert f"it does not have {FIRST} add_books" in s.rolling.staged
    assert "books" in s.tables(s.staging)


def test_a_folder_that_cannot_be_written_is_said_and_holds_nothing_up(
    s: Shop, monkeypatch: pytest.MonkeyPatch,
) -> None:
    (s.folder / BACK).write_text("-- somebody else's")
    monkeypatch.setattr("bot.rollbacks.plans._written", lambda project: (None, set()))
    s.asks(BO)
    s.goes()
    assert s.ending()[0] == "done"
    assert "is there already, with other bytes. Put it there by hand" in s.rolling.filed
    assert not s.rolling.merged
    assert (s.folder / BACK).read_text() == "-- somebody else's"


def test_a_promotion_that_waits_lets_it_go_first(s: Shop) -> None:
    s.later(hours=13)
    s.asks(ANA)
    s.goes()
    s.write(f"{SECOND}_add_people.sql", "create table people (id int)")
    requests = Requests(s.w.ports)
    s.w.walk(requests.stage(ANA, s.project, (), s.key()).record)
    waiting = requests.promote(ANA, s.project, (), s.key()).record
    s.w.walk(waiting)

    s.w.journal.append([Fact(about=waiting, kind="promotion.approved", actor=BO)])
    reached = s.w.walk(waiting)
    assert (reached.stage, reached.waits_for) == ("window", "its turn: R-1 goes first")


def test_one_that_is_given_up_leaves_its_promotion_as_it_was(s: Shop) -> None:
    s.asks(ANA)
    s.goes()
    assert s.rollbacks.ask(CY, "P-1", "major", "again", s.key()).again
    s.says(s.rollbacks.cancel(ANA, s.rollback))
    s.goes()
    assert s.ending()[0] == "cancelled"
    taken = s.read("P-1").taken_back
    assert taken is not None
    assert not taken.live
    assert s.asks(BO).record == "R-2"


def test_data_alone_has_no_draft(tmp_path: Path, server: Postgres) -> None:
    with shop(tmp_path, server, {BOOKS: SQL}) as s:
        done = s.promoted(f"{SECOND}_fill.sql", "update books set title = 'one'")
        assert done.committed, (done.checklist, s.w.journal.load("P-2"))
        with pytest.raises(Refused, match=r"nothing in the schema.*write supabase/rollbacks"):
            s.asks(BO, "P-2")


def test_a_draft_never_takes_away_what_was_there_before_the_promotion(tmp_path: Path, server: Postgres) -> None:
    sql = SQL.replace("create table books", "create table if not exists books").replace(
        "create index", "create index if not exists",
    )
    with shop(tmp_path, server, {BOOKS: sql}, promoted=False) as s:
        s.production.run("create table books (id int primary key, title text, precious text)")
        assert s.w.on().stage == "watch", "nothing else notices"
        with pytest.raises(Refused, match=r"not do to production what it did to staging .*may destroy what was here"):
            s.asks(BO)
        folder = s.folder.parent / "rollbacks"
        folder.mkdir()
        (folder / BOOKS).write_text("drop index books_title;")
        assert not s.asks(BO).pressed
        s.goes()
        s.says(s.rollbacks.approve(CY, s.rollback))
        s.goes()
        assert s.ending()[0] == "done", s.ending()
        assert s.production.rows("select precious from books") == []


def test_pressed_by_two_people_at_once_it_is_one_rollback(s: Shop) -> None:
    """Each on another process, so that no lock in memory helps."""
    gate, found = threading.Barrier(2), list[Asked]()

    def presses(by: str) -> None:
        other = Rollbacks(s.w.ports)
        gate.wait()
        found.append(other.ask(by, "P-1", "major", f"{by} says so", f"key of {by}"))

    people = [threading.Thread(target=presses, args=(by,)) for by in (BO, CY)]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert {each.record for each in found} == {"R-1"} or {each.record for each in found} == {"R-2"}
    assert sorted(each.again for each in found) == [False, True]
    assert len(s.w.journal.find(kind="rollback")) == 1


def test_somebody_who_left_the_list_meanwhile_has_no_word(s: Shop) -> None:
    """Judged at the moment of use, also after a restart with another policy."""
    s.later(hours=13)
    s.asks(ANA)
    s.goes()
    s.says(s.rollbacks.approve(CY, s.rollback))
    left = POLICY.replace(f'approvers = ["{BO}", "{CY}"]', f'approvers = ["{BO}"]')
    s.w.ports = replace(s.w.ports, projects={"shop": replace(s.project, policy=parse_policy(left))})
    assert s.goes().stage == "approval"
    assert [told["why"] for told in s.told("rollback.void")] == ["no longer one of those who may"]
    assert "books" in s.tables()


def test_an_answer_to_the_page_keeps_the_glass_closed_for_as_long_again(s: Shop) -> None:
    s.later(hours=13)
    s.asks(ANA)
    s.goes()
    s.later(minutes=9)
    s.w.journal.append([Fact(about=alerted(s), kind="alert.acknowledged", actor=CY)])
    s.later(minutes=2)
    s.goes()
    assert not s.rolling.glass
    [answered] = s.told("rollback.answered")
    assert answered["by"] == CY
    with pytest.raises(Refused, match="answered the page, so the glass stays closed until"):
        s.rollbacks.break_glass(ANA, s.rollback, "where are you")
    s.later(minutes=9)
    s.goes()
    assert s.rolling.glass, "an answer that nothing follows ends"


@pytest.mark.slow
def test_an_answer_by_somebody_who_may_not_decide_is_none(s: Shop) -> None:
    s.later(hours=13)
    s.asks(ANA)
    s.goes()
    s.w.journal.append([Fact(about=alerted(s), kind="alert.acknowledged", actor=ERIN)])
    s.later(minutes=11)
    s.goes()
    assert s.rolling.glass, "somebody on call may press what was approved with its promotion, not this"


def alerted(s: Shop) -> str:
    """The alert that calls people to the rollback, raised though production does not answer."""
    Watcher(s.w.ports)._unread("shop", "it does not answer")
    found = held(s.w.ports, "shop", f"stands:{s.rollback}")
    assert found is not None
    return found.record


@pytest.mark.slow
def test_a_production_that_takes_no_writes_is_said_and_nothing_is_half_done(s: Shop) -> None:
    """As Supabase makes it when the disk is full, at the very moment when it should be rolled back."""
    s.production.run(f"alter database {s.production.name} set default_transaction_read_only to on")
    s.asks(BO)
    s.goes()
    assert s.ending()[0] == "failed"
    assert "production is read-only: the server refuses writes, as Supabase does when the disk is full" in s.ending()[1]
    assert "all of P-1 still is" in card(s)
    assert s.told("people.called")
    s.production.run("set default_transaction_read_only to off", f"alter database {s.production.name} reset all")
    assert s.asks(BO).record == "R-2"
    s.goes()
    assert s.ending()[0] == "done", s.ending()


@pytest.mark.slow
def test_staging_that_does_not_answer_holds_up_nothing_in_production(s: Shop) -> None:
    there = dict(s.project.databases)
    gone = {**there, Environment.STAGING: PostgresDatabase("postgresql://nobody@127.0.0.1:9/none", "staging", BRISK)}
    s.w.ports = replace(s.w.ports, projects={"shop": replace(s.project, databases=gone)})
    s.asks(BO)
    reached = s.w.walk(s.rollback)
    assert reached.stage == "staging"
    assert "staging to answer" in reached.waits_for
    assert "books" not in s.tables(), "production is mended first"
    s.later(minutes=11)
    s.goes()
    assert s.ending()[0] == "done"
    assert "staging did not answer" in s.rolling.staged
    assert "✗ Staging: staging did not answer" in str(rollback_text(s))
