"""What the store's Postgres says, as the sentence that people read; never with an address, a user or a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from bot.errors import Refused, StagedoorError, Unreachable

NOTHING = "nothing was written"
UNKNOWN = "nobody knows whether the last write is in: look before it is done again"

_LOST = ("08", "57P01", "57P02", "57P03", "57P05")
_WHY_NOT = (
    ("password authentication failed", "it refuses the user or the password"),
    ("no pg_hba.conf entry", "it does not let this machine in"),
    ("does not exist", "it has no such database or user"),
    ("not known", "its name leads nowhere"),
    ("could not translate", "its name leads nowhere"),
    ("refused", "nothing listens there"),
    ("timeout", "no answer came in time"),
    ("timed out", "no answer came in time"),
    ("too many", "it has no connection left"),
    ("remaining connection slots", "it has no connection left"),
    ("max client", "it has no connection left"),
    ("starting up", "it is starting up"),
    ("shutting down", "it is shutting down"),
    ("ssl", "it could not agree on an encrypted connection"),
    ("certificate", "its certificate cannot be trusted"),
)
"""What libpq says when it cannot connect holds host and user, so that only the kind of trouble is passed on."""


def not_connected(error: psycopg.Error) -> StagedoorError:
    """Why no connection came about."""
    if not isinstance(error, psycopg.OperationalError):
        return Refused("STAGEDOOR_STORE_URL is not an address that Postgres can read.")
    said = str(error).lower()
    why = next((why for hint, why in _WHY_NOT if hint in said), "it does not answer")
    return Unreachable(f"The store's Postgres cannot be reached: {why}.")


@contextmanager
def sentences(outcome: str = NOTHING) -> Iterator[None]:
    """Turn the server's and the pool's errors into ours; `outcome` says what that means for what was to be written."""
    try:
        yield
    except (psycopg.Error, PoolClosed, PoolTimeout) as error:
        if (sentence := told(error, outcome)) is None:
            raise
        raise sentence from None


def told(error: psycopg.Error | PoolClosed | PoolTimeout, outcome: str) -> StagedoorError | None:
    """The sentence for an error, or None for one that only a mistake of ours can cause."""
    state = error.sqlstate or ""
    if isinstance(error, PoolClosed):
        return Unreachable(f"The store was closed; {outcome}.")
    if isinstance(error, PoolTimeout):
        return Unreachable(f"The store's Postgres does not answer; {outcome}.")
    if is_lost(error):
        return Unreachable(f"The connection to the store's Postgres was lost; {outcome}.")
    if state in ("55P03", "57014"):
        return Unreachable(f"Another process has held the store too long; {outcome}.")
    if state in ("40P01", "40001"):
        return Unreachable(f"Two writers of the store got into each other's way; {outcome}.")
    if state == "25006":
        return Unreachable(f"The store's Postgres is read-only, as a replica or with a full disk; {outcome}.")
    if state.startswith("53"):
        return Unreachable(f"The store's Postgres is out of disk, memory or connections; {outcome}.")
    if state == "42501":
        return Refused("The store's role may not do that. It needs CREATE on the database, or to own schema stagedoor.")
    return None


def is_lost(error: psycopg.Error) -> bool:
    """Whether the error ended the connection, as opposed to the statement alone."""
    if error.diag.severity_nonlocalized in ("FATAL", "PANIC") or (error.sqlstate or "").startswith(_LOST):
        return True
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) and error.sqlstate is None
