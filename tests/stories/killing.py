"""`stagedoor` that kills itself (SIGKILL) at a chosen point, again in every new life; for tests alone.

`KILL_AT` names points, as `what:count:when`: with `write:1:after` the process dies right after the first
fact that it journals or the first stage that it settles, so that each life gets one write further. A fourth part
counts only what holds these words: `statement:1:after:commit`. At those of `FREEZE_AT` it is stopped (SIGSTOP),
and at those of `CRASH_AT` it is the server of its session that dies, with everybody else's sessions.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from bot.adapters.postgres_journal import PostgresJournal
from bot.adapters.sqlite_journal import SqliteJournal
from bot.cli import main
from bot.migrations.backup import dumping
from bot.migrations.backup.backups import PgBackups
from bot.migrations.database import PostgresDatabase
from bot.migrations.session import Session
from handlers.desk.desk import Desk
from handlers.slack.slack_out import SlackOut

POINTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "write": tuple((kind, name) for kind in (SqliteJournal, PostgresJournal) for name in ("append", "open", "project")),
    "receive": ((SqliteJournal, "receive"), (PostgresJournal, "receive")),
    "work": ((Desk, "work"),),
    "post": ((SlackOut, "post"), (SlackOut, "update"), (SlackOut, "share")),
    "statement": ((Session, "run"),),
    "word": ((Session, "run"), (Session, "query"), (Session, "script")),
    "backup": ((PgBackups, "dump"), (PgBackups, "prove"), (PgBackups, "keep")),
    "chunk": ((dumping, "_written"),),
    "upload": ((SlackOut, "upload"),),
    "take_back": ((PostgresDatabase, "take_back"),),
}


def _mortal(
    method: Callable[..., Any], left: list[int], when: str, word: str, by: Callable[..., None],
) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        last = _is_last(left, args, kwargs, word)
        if when == "before" and last:
            by(*args)
        answer = method(*args, **kwargs)
        if when == "after" and last:
            by(*args)
        return answer

    return wrapped


def _is_last(left: list[int], args: tuple[Any, ...], kwargs: dict[str, Any], word: str) -> bool:
    if len(args) > 1 and args[1] == () and not kwargs.get("puts"):
        return False  # an append of nothing
    if word and word not in repr((args, kwargs)).lower():
        return False
    left[0] -= 1
    return left[0] == 0


def arm(points: str, by: Callable[..., None]) -> None:
    for point in filter(None, points.split(",")):
        what, count, when, *word = point.split(":")
        left = [int(count)]
        for owner, name in POINTS[what]:
            setattr(owner, name, _mortal(getattr(owner, name), left, when, "".join(word), by))


SPEAKING = threading.RLock()
"""Held while Slack is told something: between the question who serves and the request nobody can be stopped in time."""


def _one_at_a_time(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with SPEAKING:
            return method(*args, **kwargs)

    return wrapped


def freeze(*_: Any) -> None:
    with SPEAKING:
        os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    if os.environ.get("FREEZE_AT"):
        SlackOut._once = _one_at_a_time(SlackOut._once)  # type: ignore[method-assign]  # what a test does to it
    arm(os.environ.get("KILL_AT", ""), lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    arm(os.environ.get("FREEZE_AT", ""), freeze)
    arm(os.environ.get("CRASH_AT", ""), lambda session, *_: os.kill(session.pid, signal.SIGKILL))
    main()
