"""Where a journal can live: what opens it, and what keeps a second process from serving it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bot.adapters.moving import Movable
from bot.adapters.store_lock import StoreLock, serve_lock
from bot.ports import Clock, Inbox, Journal, Shelves, Tallies
from bot.scrub import Scrubber

# An adapter is imported when it is needed: nobody who keeps a file waits for the Postgres driver.


class Store(Journal, Shelves, Inbox, Movable, Tallies, Protocol):
    """An open journal with everything beside it."""

    def head(self) -> str:
        """The hash of the newest entry."""
        ...

    def salted(self, entry: str) -> tuple[str, str] | None:
        """Salt and text that lie beside an entry; None where there is no text (any more)."""
        ...

    def prune(self, before: datetime) -> int:
        """Forget the keys of deliveries that were finished before then; returns how many."""
        ...

    def close(self) -> None: ...


class Place(Protocol):
    """A store that is not open yet."""

    @property
    def name(self) -> str:
        """What it is called in a sentence; never with a password."""
        ...

    def exists(self) -> bool:
        """Whether a journal was ever begun there. Raises `Unreachable`."""
        ...

    def lock(self) -> StoreLock:
        """The right to serve it, not yet taken."""
        ...

    def open(self, clock: Clock, scrub: Scrubber) -> Store:
        """Open it, begun or moved forward where need be: whoever serves takes the lock first."""
        ...


def store_at(address: str) -> Place:
    """The place that an address names, `sqlite:///PATH` or `postgresql://…`; the settings proved its shape."""
    if address.startswith("sqlite:///"):
        return SqlitePlace(Path(address.removeprefix("sqlite:///")))
    return PostgresPlace(address)


@dataclass(frozen=True)
class SqlitePlace:
    """A file on a disk that stays."""

    path: Path

    @property
    def name(self) -> str:
        return f"the store {self.path}"

    def exists(self) -> bool:
        return self.path.exists()

    def lock(self) -> StoreLock:
        return serve_lock(self.path)

    def open(self, clock: Clock, scrub: Scrubber) -> Store:
        from bot.adapters.sqlite_journal import SqliteJournal

        return SqliteJournal(self.path, clock, scrub)


@dataclass(frozen=True, repr=False)
class PostgresPlace:
    """A schema of its own in a Postgres database."""

    url: str

    @property
    def name(self) -> str:
        return "the store on Postgres"

    def exists(self) -> bool:
        from bot.adapters.postgres_journal import begun

        return begun(self.url)

    def lock(self) -> StoreLock:
        from bot.adapters.postgres_journal import PostgresServeLock

        return PostgresServeLock(self.url)

    def open(self, clock: Clock, scrub: Scrubber) -> Store:
        from bot.adapters.postgres_journal import PostgresJournal

        return PostgresJournal(self.url, clock, scrub)
