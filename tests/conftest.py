"""Fixtures: one embedded Postgres a session, and the whole world a story."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Unpack

import pytest

from rehearsal.postgres import Postgres
from tests.postgres import Fresh, embedded_server, fresh_database
from tests.stories.house import House, Options


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """One embedded Postgres for the whole session."""
    with embedded_server() as server:
        yield server


@pytest.fixture
def database(server: Postgres) -> Iterator[Fresh]:
    """A fresh database like a Supabase project's."""
    with fresh_database(server) as database:
        yield database


@pytest.fixture
def house(server: Postgres) -> Iterator[Callable[..., House]]:
    """Opens the whole world: both databases, Slack and the bot; what it is given goes to `World` and the policy."""
    with ExitStack() as stack:

        def opened(*, policy: str = "", start: bool = True, **world: Unpack[Options]) -> House:
            made = stack.enter_context(House(postgres=server, limits="off", **world))
            if policy:
                made.write_policy(policy)
            if start:
                made.start_bot()
            return made

        yield opened


@pytest.fixture(scope="module")
def shared_house(server: Postgres) -> Iterator[House]:
    """One world for all the stories of a file that change nothing."""
    with House(postgres=server, limits="off") as made:
        made.start_bot()
        yield made
