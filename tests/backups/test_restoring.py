"""Rows that a promotion destroyed come back through the same protection as everything else that changes production."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.backups.restores import Restores
from bot.domain.backup import Backup
from bot.domain.entry import Fact
from bot.domain.promotion import Promotion
from bot.errors import Refused, Superseded
from bot.migrations.backup.backups import PgBackups
from bot.migrations.keeping.keeping import Keeping
from bot.ports import Put
from bot.promotions.verbs import Promotions
from bot.runbooks import restoring
from bot.runbooks.outcome import Outcome
from bot.scrub import Scrubber
from bot.world import World
from handlers.migrations.promotion_view import PromotionView
from rehearsal.postgres import Postgres
from tests.backups.conftest import Opens, program
from tests.migrations.walking import ANA, BO, Walk
from tests.postgres import Fresh

KEEPS = '[backups]\nwhen = "destructive"\n[apply]\nretries = 0\nlock_timeout = "300ms"\n'
DELETE = "delete from public.books where id <= 10;"
COUNT = "select count(*) from public.books"


@pytest.fixture
def walk(opens: Opens) -> Walk:
    """P-1 deleted ten rows, and Ana asks for them back."""
    walk = opens(DELETE, KEEPS)
    assert walk.on().stage == "watch"
    walk.record = Restores(walk.ports).restore(ANA, walk.project, "P-1", "key")
    assert walk.on().stage == "approval"
    return walk


def card(walk: Walk) -> str:
    record = walk.journal.load(walk.record)
    assert record is not None
    return PromotionView(walk.ports, Scrubber(())).card(record).text


def lines(walk: Walk) -> list[str]:
    record = walk.journal.load(walk.record)
    assert record is not None
    drawn = [PromotionView(walk.ports, Scrubber(())).line(record, entry) for entry in walk.entries]
    return [line.message.text for line in drawn if line]


def test_a_cancel_from_just_before_its_attempt_counts(
    walk: Walk, production: Fresh, monkeypatch: pytest.MonkeyPatch,
) -> None:
    cancels, judged = Promotions(walk.ports).cancel(ANA, walk.record), restoring._not_yet

    def late(promotion: Promotion, world: World) -> Outcome | None:
        """Somebody cancels once the walk has folded and judged."""
        over = judged(promotion, world)
        walk.journal.append(cancels)
        return over

    monkeypatch.setattr(restoring, "_not_yet", late)
    assert walk.approve(BO).status == "ended"
    ending = walk.promotion.ending
    assert ending is not None
    assert ending.verdict == "cancelled"
    assert production.rows(COUNT) == [(990,)]


def test_production_is_dumped_and_proven_before_rows_go_back(
    walk: Walk, production: Fresh, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Among whatever changes production one at a time, and with its outcome known after a crash right behind COMMIT."""
    assert "books: 10 of 10 rows back." in card(walk)
    assert "Not among them" not in card(walk)
    walk.ports.shelves.put_new("hold", "shop:promotion", {"record": "P-9"})
    reached = walk.approve(BO)
    assert (reached.stage, reached.waits_for) == ("put_back", "P-9, which is changing the same database")
    assert production.rows(COUNT) == [(990,)]
    walk.ports.shelves.put([Put(shelf="hold", key="shop:promotion", doc=None)])

    def dies(*_: object) -> None:
        raise Superseded("killed")

    with monkeypatch.context() as broken:
        broken.setattr(restoring, "_back", dies)
        walk.on()
    assert production.rows(COUNT) == [(1000,)]
    assert "rows.back" not in {entry.kind for entry in walk.entries}
    with pytest.raises(Refused, match="Too late"):
        Promotions(walk.ports).cancel(ANA, walk.record)
    assert walk.on().status == "ended"
    kinds = [entry.kind for entry in walk.entries]
    assert kinds.index("promotion.approved") < kinds.index("backup.held") < kinds.index("rows.attempt")
    taken = Backup.of(walk.journal.entries(about="BK-2"))
    assert taken.good
    assert taken.promotion == "RD-1"
    assert "Done · back in production: 10 rows, approved by <@U0BO00001>" in card(walk)
    assert "dumped before as BK-2" in card(walk)
    assert "10 rows were compared with what was kept" in walk.promotion.verified


def test_rows_that_were_written_after_the_approval_are_asked_about_again(walk: Walk, production: Fresh) -> None:
    walk.journal.append([Fact(about=walk.record, kind="promotion.approved", actor=BO)])
    production.run("insert into public.books values (3, 'written since', null)")
    assert walk.on().stage == "approval"
    assert production.rows(COUNT) == [(991,)]
    assert walk.promotion.approvals == {}
    assert "books: 9 of 10 rows back; 1 was written since and stays as it is." in card(walk)
    assert "The old values of what stays are in stagedoor_kept.rows_1" in card(walk)
    assert any(
        line.startswith("<@U0BO00001> RD-1 was approved, and rows were written since. Nothing was put back.")
        for line in lines(walk)
    )
    assert walk.approve(BO).status == "ended"
    assert "back in production: 9 of 10 rows" in card(walk)
    assert production.rows("select title from public.books where id = 3") == [("written since",)]


@pytest.mark.slow
def test_without_a_proven_dump_nothing_goes_back(
    walk: Walk, production: Fresh, backups: PgBackups, server: Postgres, tmp_path: Path,
) -> None:
    object.__setattr__(backups, "pg_dump", program(tmp_path / "broken", server, "exit 3"))
    assert walk.approve(BO).status == "ended"
    assert walk.promotion.ending is not None
    assert walk.promotion.ending.verdict == "no backup"
    object.__setattr__(backups, "pg_dump", str(tmp_path / "nowhere"))
    first, walk.record = walk.record, Restores(walk.ports).restore(ANA, walk.project, "P-1", "another")
    assert walk.on().status == "ended", "said before anybody is asked to approve it"
    assert "A backup comes first, and none can be taken now: There is no pg_dump" in card(walk)
    walk.record = first
    assert "production is unchanged: No backup could be taken, so nothing was begun" in card(walk)
    assert production.rows(COUNT) == [(990,)]


@pytest.mark.slow
def test_a_locked_table_ends_in_a_plain_word_and_it_can_be_asked_for_again(walk: Walk, production: Fresh) -> None:
    walk.journal.append([Fact(about=walk.record, kind="promotion.approved", actor=BO)])
    held = Holder(walk, production)
    assert walk.promotion.ending is not None
    assert walk.promotion.ending.verdict == "refused"
    assert "Nothing was put back; production and the kept rows are as they were." in card(walk)
    assert "held by: pid" in card(walk)
    held.release()
    assert Restores(walk.ports).restore(ANA, walk.project, "P-1", "again") == "RD-2"


@pytest.mark.slow
def test_rows_that_somebody_asked_for_are_not_forgotten_by_their_own_backup(opens: Opens, production: Fresh) -> None:
    """Retention looks after each dump, and takes kept rows of a promotion that ended well weeks ago."""
    walk = opens(DELETE, KEEPS)
    walk.on()
    for _ in range(3):
        walk.later(timedelta(days=20))
    assert walk.promotion.ending is not None
    walk.record = Restores(walk.ports).restore(ANA, walk.project, "P-1", "key")
    walk.on()
    assert walk.approve(BO).status == "ended"
    assert production.rows(COUNT) == [(1000,)], card(walk)


class Holder:
    """Somebody takes the table once the dump was taken."""

    def __init__(self, walk: Walk, production: Fresh) -> None:
        walk._on()
        walk.walk("BK-2")
        self._connection = production.connect()
        self._connection.autocommit = False
        self._connection.execute("lock table public.books in share update exclusive mode")
        walk.on()

    def release(self) -> None:
        self._connection.rollback()
        self._connection.close()


@pytest.mark.slow
def test_what_was_too_much_to_be_kept_is_named(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    also = "create table public.few (id int primary key); insert into public.few values (1), (2)"
    monkeypatch.setattr(Keeping.__init__, "__kwdefaults__", {"most": 5})
    walk = opens(f"delete from public.few; {DELETE}", KEEPS, also=also)
    walk.on()
    walk.record = Restores(walk.ports).restore(ANA, walk.project, "P-1", "key")
    walk.on()
    assert "few: 2 of 2 rows back." in card(walk)
    assert "Not among them: public.books, more than 5 rows: the dump has them." in card(walk)
