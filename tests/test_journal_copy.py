"""`stagedoor journal copy` and `audit verify`, over both kinds of store and through the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.adapters.moving import TABLES
from bot.adapters.system_clock import SystemClock
from bot.cli import app
from bot.domain.entry import Fact, Json, Opening
from bot.domain.project import Environment
from bot.domain.record import Status
from bot.domain.sighting import Batch, Gap, Reach, Severity, Sighting, Source
from bot.ports import Delivery, Put
from bot.scrub import Scrubber
from bot.stores import Store, store_at
from rehearsal.postgres import Postgres

FACT = Fact(about="P-1", kind="noted", actor="U1", data={"say": "add region", "n": [1.5, 10**20, "\0ü"]})

ONE = Sighting(
    project="shop", environment=Environment.PRODUCTION, source=Source.POSTGRES, severity=Severity.ERROR, mark=0,
    fingerprint="a", template="it broke", at=SystemClock().now(), role="anon", sample="it broke",
)


@pytest.fixture(params=["sqlite to postgres", "postgres to sqlite", "sqlite to sqlite", "postgres to postgres"])
def addresses(request: pytest.FixtureRequest, server: Postgres, tmp_path: Path) -> Iterator[tuple[str, str]]:
    kinds = request.param.split(" to ")
    old, new = (
        f"sqlite:///{tmp_path}/{name}/stagedoor.db" if kind == "sqlite" else server.create(f"copy_{name}")
        for name, kind in zip(("from", "to"), kinds, strict=True)
    )
    yield old, new
    for name in ("from", "to"):
        server.drop(f"copy_{name}")


def opened(address: str) -> Store:
    return store_at(address).open(SystemClock(), Scrubber())


def stagedoor(*words: str, **environ: str) -> Result:
    return CliRunner().invoke(app, words, env={"COLUMNS": "200", **environ})


def lived_in(address: str) -> str:
    """A store with some of everything in it; returns the head of its chain."""
    with closing(opened(address)) as journal:
        now = SystemClock().now()
        opening = Opening(kind="promotion", project="shop", stage="gates")
        for number in range(3):
            journal.open(lambda take: ([replace(FACT, about=take("P"), opens=opening)], []))
            journal.receive(Delivery(key=f"k{number}", kind="command", payload={"n": number}, received=now))
        journal.append([replace(FACT, data={"number": number}) for number in range(1200)], key="k1")
        made = journal.append([replace(FACT, private="the zebra is late"), replace(FACT, private="it stays")])
        assert made
        journal.erase(made[0].id, "U2")
        claim, record = journal.claim("P-1"), journal.load("P-1")
        assert record
        doc: dict[str, Json] = {"deep": ["ü", None]}
        journal.project(replace(record, due=now, waits_for="a tick", summary=doc, stage="approval"), claim)
        third = journal.load("P-3")
        assert third
        journal.project(replace(third, status=Status.ENDED, folded=third.touched), journal.claim("P-3"))
        journal.announced("P-2", 2)
        journal.put([Put(shelf="s", key=key, doc={"key": key}) for key in "bca"])
        journal.put([Put(shelf="s", key="c", doc=None)])
        journal.keep(b"select 1;\0\xff")
        journal.postpone("k2", now)
        sightings = [replace(ONE, mark=mark, at=now, fingerprint=fingerprint) for mark, fingerprint in enumerate("aab")]
        reach = Reach(project="shop", environment=ONE.environment, channel="poll", up_to=now, heard=now)
        gap = Gap(project="shop", environment=ONE.environment, begin=now, end=now, why="It was down.")
        journal.fold([Batch(sightings=sightings, reached=[reach], gaps=[gap])])
        return journal.head()


def everything(address: str) -> dict[str, list[list[object]]]:
    with closing(opened(address)) as journal:
        return {table: [list(row) for row in journal.rows(table)] for table in TABLES}


def test_everything_is_moved_and_both_chains_verify(addresses: tuple[str, str]) -> None:
    source, target = addresses
    head = lived_in(source)
    copied = stagedoor("journal", "copy", source, target)
    assert copied.exit_code == 0, copied.output
    assert "entries        1,206" in copied.output
    assert f"Copied and verified: 1206 entries, head {head}" in copied.output
    assert everything(target) == everything(source)
    for address, noted in zip(addresses, (head, head[:12]), strict=True):      # a card shows the beginning
        verified = stagedoor("audit", "verify", "--against", noted, STAGEDOOR_STORE_URL=address)
        assert (verified.exit_code, verified.output) == (0, f"Intact: 1206 entries, head {head}\n")
    cut = stagedoor("audit", "verify", "--against", "0123456789ab", STAGEDOOR_STORE_URL=target)
    assert (cut.exit_code, "its end was cut off" in cut.output) == (1, True)
    for bad in ("", "0123", "not a hash at all"):
        assert stagedoor("audit", "verify", "--against", bad, STAGEDOOR_STORE_URL=target).exit_code == 2


def test_life_goes_on_in_the_copy(addresses: tuple[str, str]) -> None:
    source, target = addresses
    head = lived_in(source)
    assert stagedoor("journal", "copy", "OLD", "NEW", OLD=source, NEW=target).exit_code == 0
    with closing(opened(target)) as journal:
        made = journal.append([replace(FACT, opens=Opening(kind="window", project="shop", stage="x"))], key="new")
        assert made
        assert made[0].previous == head
        assert journal.append([FACT], key="k1") is None, "worked off before the move"
        assert [waiting.key for waiting in journal.pending(SystemClock().now())] == ["k0", "k2"]
        numbered = journal.open(lambda take: ([replace(FACT, about=take("P"))], []))
        assert numbered
        assert numbered[0].about == "P-4"
        assert journal.claim("P-1").fence == 2
        journal.put([Put(shelf="s", key="z", doc={})])
        assert list(journal.all("s")) == ["b", "a", "z"]
        assert journal.receive(Delivery(key="k9", kind="command", payload={}, received=SystemClock().now()))
        assert [entry.seq for entry in journal.search("stays")] == [1205]
        assert [entry.seq for entry in journal.search("1199")] == [1203]
        assert journal.search("zebra") == []
        assert journal.private(journal.search("stays")[0].id) == "it stays"


def test_stores_are_never_merged(addresses: tuple[str, str]) -> None:
    source, target = addresses
    lived_in(source)
    with closing(opened(target)) as journal:
        journal.put([Put(shelf="s", key="one", doc={})])
    refused = stagedoor("journal", "copy", source, target)
    assert refused.exit_code == 1
    assert "Something is in" in refused.output
    assert not everything(target)["entries"]


@pytest.mark.parametrize("served", [0, 1])
def test_a_store_that_is_served_is_not_copied(addresses: tuple[str, str], served: int) -> None:
    lived_in(addresses[0])
    with store_at(addresses[served]).lock() as lock:
        assert lock.try_acquire()
        refused = stagedoor("journal", "copy", *addresses)
    assert refused.exit_code == 1
    assert "stop it, then copy" in refused.output
    assert stagedoor("journal", "copy", addresses[0], addresses[0]).exit_code == 1
    assert stagedoor("journal", "copy", *addresses).exit_code == 0


def test_a_copy_that_fails_half_way_leaves_the_target_empty(
    addresses: tuple[str, str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target = addresses
    lived_in(source)
    monkeypatch.setattr("bot.journal_copy.TABLES", [*[*TABLES][:5], "nonsense"])
    assert stagedoor("journal", "copy", source, target).exit_code == 1
    assert not any(everything(target).values())
    monkeypatch.undo()
    assert stagedoor("journal", "copy", source, target).exit_code == 0


def test_what_cannot_be_copied_is_said(server: Postgres, tmp_path: Path) -> None:
    empty = server.create("copy_empty")
    try:
        for source in (f"sqlite:///{tmp_path}/none.db", empty):
            missing = stagedoor("journal", "copy", source, f"sqlite:///{tmp_path}/new.db")
            assert (missing.exit_code, "There is no journal in" in missing.output) == (1, True)
            looked = stagedoor("audit", "verify", STAGEDOOR_STORE_URL=source)
            assert (looked.exit_code, "There is no journal in" in looked.output) == (1, True)
        assert not (tmp_path / "none.db").exists()
        wrong = stagedoor("journal", "copy", "NOWHERE", empty)
        assert (wrong.exit_code, "must read sqlite:///PATH" in wrong.output) == (2, True)
        hidden = stagedoor("journal", "copy", "OLD", empty, OLD="postgresql://u:hush-hush-hush@h:6543/db")
        assert (hidden.exit_code, hidden.output.startswith("OLD is on port 6543")) == (2, True)
        away = stagedoor("audit", "verify", STAGEDOOR_STORE_URL="postgresql://u:hush-hush-hush@127.0.0.1:1/db")
        assert (away.exit_code, away.output) == (1, "The store's Postgres cannot be reached: nothing listens there.\n")
    finally:
        server.drop("copy_empty")


def test_a_broken_chain_is_not_copied_on(server: Postgres, tmp_path: Path) -> None:
    import psycopg

    source = server.create("copy_broken")
    try:
        lived_in(source)
        with psycopg.connect(source, autocommit=True) as db:
            db.execute("drop function stagedoor.entries_are_never_changed cascade")
            db.execute("update stagedoor.entries set actor = 'U9' where seq = 700")
        broken = stagedoor("audit", "verify", STAGEDOOR_STORE_URL=source)
        assert (broken.exit_code, "Broken at entry 700: its content" in broken.output) == (1, True)
        refused = stagedoor("journal", "copy", source, f"sqlite:///{tmp_path}/new.db")
        assert (refused.exit_code, "is broken at entry 700" in refused.output) == (1, True)
    finally:
        server.drop("copy_broken")
