"""What a rollback puts into production: for each kind of change the catalog is exactly what it was before."""

from __future__ import annotations

import hashlib

import pytest

from bot.domain.rolling_back import Step
from bot.domain.way_back import Change, Schema
from bot.errors import Refused
from bot.migrations.catalog.diff import differences
from bot.migrations.database import PostgresDatabase
from bot.migrations.reversal import composed, name_of, next_version
from bot.migrations.transaction import alone_in, statements_to_run
from bot.ports import Done
from bot.runbooks.restored import restored
from tests.migrations.conftest import Notes, apply, job
from tests.migrations.kinds import KINDS, Kind
from tests.postgres import Fresh

EXACT = [kind for kind in KINDS if kind.schema is Schema.EXACT]
QUICK = 41
"""So many kinds at every run; the others where there is time."""


def step(sql: bytes, version: str = "20260302000000", label: str = "20260302000000 change") -> tuple[Step, bytes]:
    sha256 = hashlib.sha256(sql).hexdigest()
    return Step(version=version, label=label, source="draft", schema=str(Schema.EXACT), sql=sha256), sql


@pytest.mark.parametrize("kind", [
    pytest.param(kind, id=kind.name, marks=() if number < QUICK else pytest.mark.slow)
    for number, kind in enumerate(EXACT)
])
def test_the_catalog_is_exactly_what_it_was(
    fresh: Fresh, production: PostgresDatabase, notes: Notes, kind: Kind,
) -> None:
    fresh.run(kind.before)
    before = production.catalog()
    assert isinstance(apply(production, job(kind.up, "20260302000000"), notes), Done)
    after = production.catalog()
    change = Change(version="20260302000000", label="it", up=(kind.up.encode(),), down=None, before=before)
    limits = {"lock_timeout": 2.0, "statement_timeout": 20.0}
    [way] = production.prove([change], attempt="S-1.proof", **limits, stopping=notes.stopping)
    if not way.down.strip():
        with pytest.raises(Refused, match="nothing in the schema"):
            composed([step(b"")], "P-1", "why", "supabase/rollbacks/x.sql")
        return
    content = composed([step(way.down.encode())], "P-1", "it broke", "supabase/rollbacks/x.sql")
    version = next_version("20260302000000", ())
    done = apply(production, job(content, version, head="20260302000000"), notes)
    assert isinstance(done, Done), done
    now = production.catalog()
    assert not differences(before, now), content.decode()
    found = restored(before, after, now)
    assert not found.wrong
    assert found.touched


@pytest.mark.parametrize(("head", "taken", "expected"), [
    ("20261101120000", (), "20261101120001"),
    ("20261231235959", (), "20270101000000"),
    ("20261101120000", ("20261101120001",), "20261101120002"),
    ("0007", (), "0008"),
    ("9", (), "10"),
    ("20269999999999", (), "20270000000000"),
])
def test_its_version_is_one_second_after_the_head(head: str, taken: tuple[str, ...], expected: str) -> None:
    assert next_version(head, taken) == expected


def test_one_file_takes_several_back_newest_first_in_one_transaction() -> None:
    newest = step(b"begin;\ndrop view v; -- of two\ncommit;\n", "2", "2 add v")
    oldest = step(b"drop table t -- the table", "1", "1 add t\n; drop table u")
    content = composed([newest, oldest], "P-7", "users see\n nothing; drop table w", "x.sql").decode()
    assert content.splitlines()[:2] == [
        "-- Rollback: Undo 2 add v, 1 add t ; drop table u (P-7)", "-- Reason: users see nothing; drop table w",
    ]
    assert content.splitlines()[3:] == [
        "-- 2 add v", "drop view v;", "-- 1 add t ; drop table u", "drop table t -- the table", ";",
    ]
    assert len(statements_to_run(content.encode())) == 2
    assert name_of([newest[0], oldest[0]], {"1": "Add T!", "2": "add v"}) == "rollback_add_t_and_1_more"


def test_what_was_proven_together_is_there_once() -> None:
    both = b"drop table t"
    assert composed([step(both, "2"), step(both, "1")], "P-1", "r", "x").count(b"drop table t") == 1


def test_what_has_to_stand_alone_does_or_runs_plainly_among_others() -> None:
    alone, other = step(b"drop index concurrently function_i;", "2", "2 add i"), step(b"drop table t", "1", "1 add t")
    content = composed([alone], "P-1", "r", "x")
    assert alone_in(content) is not None
    together = composed([alone, other], "P-1", "r", "x")
    assert alone_in(together) is None
    assert b"concurrently" not in together.lower()
    assert [each.first for each in statements_to_run(together)] == ["SET", "DROP", "DROP"]


def test_a_rollback_that_cannot_be_put_in_is_refused_by_name() -> None:
    with pytest.raises(Refused, match=r"rollback of 1 add i cannot be put in"):
        composed([step(b"rollback; drop index i", "1", "1 add i")], "P-1", "r", "x")
    with pytest.raises(Refused, match=r"rollback of 1 vacuum cannot be put in"):
        composed([step(b"create database other", "1", "1 vacuum")], "P-1", "r", "x")


def test_what_others_changed_since_is_told_and_not_held_against_it(
    fresh: Fresh, production: PostgresDatabase,
) -> None:
    fresh.run("create table a (id int); create table b (id int)")
    before = production.catalog()
    fresh.run("alter table a add column new int")
    after = production.catalog()
    fresh.run("alter table a drop column new; create index by_hand on b (id)")
    found = restored(before, after, production.catalog())
    assert found.wrong == ()
    assert "index public.by_hand" in " ".join(found.others)
    fresh.run("alter table a add column new text")
    assert restored(before, after, production.catalog()).wrong == ("column public.a.new is still there",)


