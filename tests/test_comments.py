"""The comment on a pull request: one, edited in place, found again after a crash, and nobody's markup in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bot.domain.catalog import Snapshot
from bot.domain.moment import Moment
from bot.domain.project import Environment
from bot.ports import Put
from bot.scrub import Scrubber
from bot.telling.comments import SHELF, Comments
from bot.telling.mirror import Mirror
from bot.world import Ports
from rehearsal.github import GitHub as StandIn
from templates.comment import comment
from tests.test_mirror import FOLDER, Bench

SECRET = "sb_" + "secret_0123456789abcdefghij"
FILE = f"{FOLDER}/20261101120000_a.sql"
SQL = "create table public.shops (id bigint primary key, name text);\n"


class Empty:
    """A production without tables."""

    def moment(self) -> Moment:
        return Moment(history=(), sizes={}, leftovers=(), catalog=Snapshot(server=170000, objects={}))


class Talk(Bench):
    def __init__(self, path: Path, hub: StandIn) -> None:
        super().__init__(path, hub)
        project = self.ports.projects["shop"]
        databases = cast(Any, {Environment.PRODUCTION: Empty()})
        changed = {"shop": type(project)(**{**project.__dict__, "databases": databases})}
        self.ports = Ports(**{**self.ports.__dict__, "projects": changed})
        self.begin()

    def begin(self) -> None:
        """As a new process does."""
        self.mirror = Mirror(self.ports, self.links, Comments(self.ports, comment, Scrubber((SECRET,))))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Talk]:
    hub = StandIn()
    hub.commit({f"{FOLDER}/20261020090000_base.sql": "select 1;\n"})
    hub.start()
    hub.open_pull(48, {FILE: SQL})
    talk = Talk(tmp_path, hub)
    yield talk
    talk.close()
    hub.stop()


def test_one_comment_says_what_was_found_and_is_edited_in_its_place(bench: Talk) -> None:
    bench.reflect()
    [said] = bench.hub.comments(48)
    assert "✗ block" in said
    assert "`rls-missing`" in said
    assert "```sql\nALTER TABLE public.shops ENABLE ROW LEVEL SECURITY;\n```" in said, "the safe form, to be copied"
    assert "staging has not run these bytes yet" in said
    assert "**The description does not say:** purpose, test results from staging" in said
    bench.reflect(seconds=40)
    posts = [asked for asked in bench.hub.asked() if asked[0] in ("POST", "PATCH") and "/issues/" in asked[1]]
    assert len(posts) == 1, "nothing new, nothing said"
    bench.hub.push(48, {FILE: SQL + "alter table public.shops enable row level security;\n"})
    bench.hub.change_pull(48, body="Purpose: shops\nTests: yes, on staging\nPerformance: none\nRollback: drop it")
    bench.reflect(seconds=40)
    [said] = bench.hub.comments(48)
    assert "rls-missing" not in said
    assert "does not say" not in said


def test_after_a_crash_between_posting_and_noting_it_is_found_by_its_mark(bench: Talk) -> None:
    bench.reflect()
    doc = bench.journal.get(SHELF, "shop:48")
    assert doc
    bench.journal.put([Put(shelf=SHELF, key="shop:48", doc={**doc, "id": 0, "said": ""})])
    bench.begin()
    bench.reflect(seconds=40)
    assert len(bench.hub.comments(48)) == 1


def test_a_deleted_comment_is_written_again_and_others_are_left_alone(bench: Talk) -> None:
    bench.hub.api.comments[7] = {"id": 7, "on": 48, "body": "<!-- stagedoor 000 --> mine", "user": None}
    bench.reflect()
    [number] = [number for number in bench.hub.api.comments if number != 7]
    del bench.hub.api.comments[number]
    bench.hub.push(48, {FILE: SQL + "select 1;\n"})
    bench.reflect(seconds=40)
    assert len(bench.hub.comments(48)) == 2
    assert bench.hub.comments(48)[0].endswith("mine")


def test_hostile_sql_and_secrets_do_not_come_through(bench: Talk) -> None:
    bench.hub.push(48, {FILE: f"-- stagedoor: ignore if-exists because @everyone [x](http://evil) {SECRET}\n{SQL}"})
    bench.reflect()
    [said] = bench.hub.comments(48)
    assert SECRET not in said
    assert "@everyone" not in said
    assert "[x](http" not in said


def test_a_backup_that_will_be_taken_counts_as_it_does_in_slack(bench: Talk) -> None:
    bench.hub.push(48, {FILE: "drop table if exists public.books;\n"})
    bench.reflect()
    [said] = bench.hub.comments(48)
    assert "| · note | 20261101120000_a.sql:1 | `drop-without-backup` |" in said
    assert "A backup is taken and proven before it" in said


def test_without_the_right_to_comment_statuses_go_on(bench: Talk) -> None:
    bench.hub.api.rights.remove("issues")
    head = bench.hub.head("pull-48")
    bench.reflect()
    assert bench.told(head)
    assert bench.hub.comments(48) == []
    bench.hub.api.rights.add("issues")
    bench.reflect(minutes=11)
    assert len(bench.hub.comments(48)) == 1


def test_a_pull_request_without_migrations_gets_none(bench: Talk) -> None:
    bench.hub.open_pull(49, {"docs/x.md": "x"})
    bench.reflect()
    assert bench.hub.comments(49) == []
