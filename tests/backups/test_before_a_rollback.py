"""A rollback destroys what came after the promotion: it is dumped and proven first, or nothing goes back."""

from __future__ import annotations

from pathlib import Path

from bot.domain.backup import Backup
from bot.domain.promotion import Promotion
from bot.migrations.backup.backups import PgBackups
from bot.rollbacks.verbs import Rollbacks
from rehearsal.postgres import Postgres
from tests.backups.conftest import WHEN, Opens, program
from tests.migrations.walking import ANA, BO, Walk
from tests.postgres import Fresh

ADDS = "alter table public.books add column subtitle text;"


def rolled_back(walk: Walk) -> str:
    """Walks the rollback of P-1, which Bo asks for, as far as it goes."""
    assert walk.on().stage == "watch"
    walk.record = Rollbacks(walk.ports).ask(BO, "P-1", "major", "it broke", "key").record
    walk.on()
    return walk.record


def test_what_it_destroys_is_dumped_first(opens: Opens, production: Fresh) -> None:
    walk = opens(ADDS, WHEN)
    record = rolled_back(walk)
    kinds = [entry.kind for entry in walk.entries]
    assert kinds.index("rollback.word") < kinds.index("backup.held") < kinds.index("apply.attempt")
    taken = Backup.of(walk.journal.entries(about="BK-1"))
    assert taken.good
    assert taken.promotion == record
    columns = "select count(*) from information_schema.columns where table_name = 'books' and column_name = 'subtitle'"
    assert production.rows(columns) == [(0,)]


def test_without_its_backup_nothing_goes_back_and_people_are_called(
    opens: Opens, server: Postgres, backups: PgBackups, production: Fresh, tmp_path: Path,
) -> None:
    walk = opens(ADDS, WHEN, backups=backups)
    assert walk.on().stage == "watch"
    broken = program(tmp_path / "broken", server, "exit 3")
    object.__setattr__(backups, "pg_dump", broken)
    rolled_back(walk)
    ending = walk.promotion.ending
    assert ending is not None
    assert ending.verdict == "no backup"
    assert walk.told("people.called")
    object.__setattr__(backups, "pg_dump", str(tmp_path / "nowhere"))
    again = Rollbacks(walk.ports).ask(ANA, "P-1", "minor", "it broke", "again").record
    rolling = Promotion.of(walk.journal.entries(about=again)).rolling
    assert rolling is not None
    assert any("A backup comes first, and none can be taken now: There is no pg_dump" in said for said in rolling.told)
    columns = "select count(*) from information_schema.columns where table_name = 'books' and column_name = 'subtitle'"
    assert production.rows(columns) == [(1,)]
