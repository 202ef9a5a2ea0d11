"""`stagedoor` that kills itself (SIGKILL) at a chosen point, again in every new life; for tests alone.

`KILL_AT` names points, as `what:count:when`: with `write:1:after` the process dies right after the first
fact that it journals or the first stage that it settles, so that each life gets one write further.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import Any

from bot.adapters.postgres_journal import PostgresJournal
from bot.adapters.sqlite_journal import SqliteJournal
from bot.cli import main
from bot.migrations.backup import dumping
from bot.migrations.backup.backups import PgBackups
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
}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _mortal(method: Callable[..., Any], left: list[int], when: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if when == "before" and _is_last(left, args, kwargs):
            _die()
        answer = method(*args, **kwargs)
        if when == "after" and _is_last(left, args, kwargs):
            _die()
        return answer

    return wrapped


def _is_last(left: list[int], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if len(args) > 1 and args[1] == () and not kwargs.get("puts"):
        return False  # an append of nothing
    left[0] -= 1
    return left[0] == 0


def arm(points: str) -> None:
    for point in filter(None, points.split(",")):
        what, count, when = point.split(":")
        left = [int(count)]
        for owner, name in POINTS[what]:
            setattr(owner, name, _mortal(getattr(owner, name), left, when))


if __name__ == "__main__":
    arm(os.environ.get("KILL_AT", ""))
    main()
