"""Staging's pages after a run: seen once, told with a picture, and good for the tick where a browser saw them well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from bot.domain.checklist import State
from bot.domain.visit import Visit
from bot.scrub import Scrubber
from handlers.migrations.promotion_view import PromotionView
from rehearsal.postgres import Postgres
from tests.migrations.conftest import BRISK
from tests.migrations.walking import POLICY, UNSAVED, Walk, approved
from tests.postgres import Fresh, fresh_database

HOME = "https://staging.shop.example/"
LABEL = "Frontend tested with staging"
ASKING = POLICY.replace("manual = []", f'manual = ["{LABEL}"]')
FRONTEND = f'{UNSAVED}\n[frontend]\nstaging = ["{HOME}"]\n'
WELL = Visit(url=HOME, seconds=0.4, browser=True, picture=b"\x89PNG picture")

class Eyes:
    """The port, seeing always the same."""

    def __init__(self, sees: Visit) -> None:
        self.sees = sees
        self.visited: list[str] = []

    def visit(self, url: str) -> Visit:
        self.visited.append(url)
        return self.sees


Opens = Callable[[Visit], AbstractContextManager[tuple[Walk, Eyes]]]


@pytest.fixture
def walking(tmp_path: Path, server: Postgres, fresh: Fresh) -> Opens:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_add.sql").write_text("create table t (id int);")

    @contextmanager
    def opened(sees: Visit) -> Iterator[tuple[Walk, Eyes]]:
        eyes = Eyes(sees)
        with fresh_database(server) as staging, approved(
            tmp_path, folder, staging.url, fresh.url, BRISK, whole=ASKING + FRONTEND, pages=eyes,
        ) as walk:
            yield walk, eyes

    return opened


def test_a_browser_that_saw_all_well_stands_for_the_tick_and_shows_its_picture(walking: Opens) -> None:
    with walking(WELL) as (walk, eyes):
        walk.on()
        line = next(check for check in walk.promotion.checklist if check.label == LABEL)
        assert line.state is State.PASSED
        assert "opened in a browser: no console errors" in line.said
        assert eyes.visited == [HOME], "each page once"
        assert walk.on().stage == "watch", "nobody had to confirm it"
        staging = walk.journal.load("S-1")
        assert staging is not None
        [entry] = [entry for entry in walk.journal.entries(about="S-1") if entry.kind == "page.seen"]
        drawn = PromotionView(walk.ports, Scrubber(())).line(staging, entry)
        assert drawn is not None
        assert drawn.file is not None
        assert drawn.file.raw == b"\x89PNG picture"
        assert "loaded in 0.4 s, no console errors" in drawn.message.text


@pytest.mark.parametrize(("sees", "says"), [
    (Visit(url=HOME, browser=True, errors=("boom",)), "1 console error: boom"),
    (Visit(url=HOME, trouble="it answered 500"), "did not load: it answered 500"),
    (Visit(url=HOME), "no browser opened them"),
])
def test_anything_else_leaves_it_to_a_person_and_says_what_was_seen(walking: Opens, sees: Visit, says: str) -> None:
    with walking(sees) as (walk, _):
        walk.on()
        line = next(check for check in walk.promotion.checklist if check.label == LABEL)
        assert line.state is State.WAITING
        assert says in line.said
