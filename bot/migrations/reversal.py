"""The new migration that takes others back: its bytes, its version and its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from bot.domain.rolling_back import Step
from bot.errors import Refused
from bot.migrations.transaction import alone_in, in_a_trial

STAMP = "%Y%m%d%H%M%S"


def composed(steps: Sequence[tuple[Step, bytes]], of: str, reason: str, hint: str) -> bytes:
    """One file with the runbook's header and every step's statements, newest first. Raises `Refused`.

    `hint` names the rollback file that could be written where there is nothing to do.
    """
    parts, seen = list[str](), set[str]()
    for step, content in steps:
        if step.sql in seen or not content.strip():
            continue
        seen.add(step.sql)
        body = _body(step, content, whole=len(steps) == 1)
        parts.append(body if len(steps) == 1 else f"-- {_one_line(step.label)}\n{body}")
    if not parts:
        raise Refused(
            f"{of} changed nothing in the schema, so there is nothing that a draft could take back. "
            f"To undo what it did to data, write {hint} and ask again."
        )
    undone = ", ".join(step.label for step, _ in steps)
    head = f"-- Rollback: Undo {_one_line(undone)} ({of})\n-- Reason: {_one_line(reason)}\n\n"
    # A function may come before the table that it reads, as it did when the way back was proven.
    body = "\n".join(parts)
    makes = re.search("function|procedure", body, re.I) and not alone_in(body.encode())
    loose = "set local check_function_bodies to off;\n" if makes else ""
    return f"{head}{loose}{body}\n".encode()


def _body(step: Step, content: bytes, whole: bool) -> str:
    """A step's statements. What has to stand alone in its file does, or else runs as what it is in a transaction."""
    try:
        if whole and alone_in(content):
            return content.decode().strip()
        return "\n".join(map(_ended, in_a_trial(content)))
    except Refused as refused:
        raise Refused(f"The rollback of {step.label} cannot be put in. {refused}") from None


def _ended(statement: str) -> str:
    """A statement with its semicolon, which must not fall into a comment."""
    text = statement.rstrip().rstrip(";").rstrip()
    return f"{text}\n;" if "--" in text.rpartition("\n")[2] else f"{text};"


def next_version(head: str | None, taken: Iterable[str]) -> str:
    """One second after the head, as the CLI counts versions; the next free one, should a file have that already."""
    used, version = set(taken), head or "0"
    while True:
        try:
            version = f"{datetime.strptime(version, STAMP).replace(tzinfo=UTC) + timedelta(seconds=1):{STAMP}}"
        except ValueError:
            version = str(int(version) + 1).zfill(len(version))
        if version not in used:
            return version


def name_of(steps: Sequence[Step], names: dict[str, str]) -> str:
    """`rollback_NAME`, after the oldest of the files that are taken back."""
    first = re.sub(r"[^a-z0-9_]+", "_", names[steps[-1].version].lower()).strip("_") or steps[-1].version
    more = f"_and_{len(steps) - 1}_more" if len(steps) > 1 else ""
    return f"rollback_{first[:80]}{more}"


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:300]
