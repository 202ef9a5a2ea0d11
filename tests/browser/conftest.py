"""A real Chromium on the rehearsal's page. Where there is none the tests are skipped; in CI that is a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.postgres import Postgres
from rehearsal.world import World
from tests.browser.person import Person

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The system's Chromium, driven by Playwright; its own download is not needed."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright is not installed; `make slow` installs it where it can")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        _missing("no Chromium on PATH; on Debian and Ubuntu: apt install chromium")
    # Chromium's own sandbox refuses root, as containers and CI machines are.
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *sandbox])
        yield browser
        browser.close()


@pytest.fixture
def world(server: Postgres) -> Iterator[World]:
    """The rehearsal as it is opened by hand, with its own policy; the bot runs."""
    with World(postgres=server) as world:
        world.start_bot()
        yield world


@pytest.fixture
def people(chromium: Any, world: World) -> Iterator[tuple[Person, Person]]:
    """Ana and Bo, each at a machine of their own. What their consoles complain about fails the test."""
    ana, bo = (Person(chromium, world, name) for name in ("ana", "bo"))
    yield ana, bo
    complaints = [*ana.complaints, *bo.complaints]
    ana.leaves()
    bo.leaves()
    assert complaints == []


def _missing(why: str) -> None:
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(why)
    pytest.skip(why)
