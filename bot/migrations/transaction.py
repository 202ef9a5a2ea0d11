"""Decides how a migration file can be put in: in one transaction together with its history row, or as one statement."""

from __future__ import annotations

import re

from bot.errors import Refused
from bot.migrations import alone, enum_values
from bot.migrations.alone import Alone, cannot, never, read_alone
from bot.migrations.lexer import Kind, pieces, words
from bot.migrations.splitter import Statement, remembered, statements

_ADDS_VALUE = re.compile(rb"\badd\s+value\b", re.IGNORECASE)
_OPENS = {"BEGIN", "START"}
_CLOSES = {"COMMIT", "END"}
_CONTROL = {*_OPENS, *_CLOSES, "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"}
_SPLIT = (
    "cannot run inside a transaction, so it has to be the only statement of its file. Split the file: what stands "
    "before it stays here, it gets a file of its own with a later version, and what follows a third one."
)
_NO_ROW = "the history row would not be in the same transaction."


class NotInATrial(Refused):
    """Nothing in a transaction does what the file does."""


def obstacle(content: bytes) -> str | None:
    """Why this file cannot be put in, as a sentence that names the line; None when it can."""
    try:
        if alone_in(content) is None:
            to_run = statements_to_run(content)
            return enum_values.used_too_early(to_run) if _ADDS_VALUE.search(content) else None
    except Refused as refused:
        return str(refused)
    return None


def statement_count(content: bytes) -> int:
    """How many statements run. Raises `Refused` like `statements_to_run`."""
    return 1 if alone_in(content) else len(statements_to_run(content))


def alone_in(content: bytes) -> Alone | None:
    """The one statement of a file that runs outside a transaction; None for a file that runs in one.

    Raises `Refused` for a statement that no migration may hold.
    """
    _readable(content)
    spoken = _spoken(content)
    return read_alone(spoken[0]) if len(spoken) == 1 else None


def in_a_trial(content: bytes) -> list[str]:
    """What stands for the file in a transaction that is rolled back: it leaves the catalog just as the file would.

    Raises `NotInATrial` where nothing does, and `Refused`.
    """
    single = alone_in(content)
    if single is None:
        return [statement.text for statement in statements_to_run(content)]
    if single.kind is alone.Kind.DETACH:
        raise NotInATrial(f"{single.kind} cannot be tried in a transaction.")
    return [single.plain] if single.plain else []


@remembered
def statements_to_run(content: bytes) -> tuple[Statement, ...]:
    """What is to be executed between our own BEGIN and COMMIT: no comments alone, no outer pair of the file's own.

    Raises `Refused` for a file that cannot run like that.
    """
    _readable(content)
    if content.split(b"\n", 1)[0].rstrip(b"\r") == b"-- pg-delta: transaction=false":
        raise Refused(f"Line 1: the file asks to run without a transaction, and then {_NO_ROW} Take the line out.")
    spoken = _spoken(content)
    if not spoken:
        raise Refused("It holds no statement: nothing would run. Take the file out, or write what it should do.")
    inside = _without_outer_pair(spoken)
    if not inside:
        raise Refused(f"Line {spoken[0].line}: there is nothing between BEGIN and COMMIT, so nothing would run.")
    for statement in inside:
        _can_run_inside(statement)
    return tuple(inside)


def _readable(content: bytes) -> None:
    """Postgres takes UTF-8 without NUL; the CLI would store something else than what is written."""
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise Refused(f"Line {line}: there is a NUL byte, which Postgres cannot read. Save the file as UTF-8 text.")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused(
            f"Line {line}: this is not UTF-8, and Postgres would refuse or garble it. Save the file as UTF-8."
        ) from None


def _spoken(content: bytes) -> list[Statement]:
    return [statement for statement in statements(content) if not statement.comment_only]


def _without_outer_pair(statements: list[Statement]) -> list[Statement]:
    """The runbook's `BEGIN; … COMMIT;` around the whole file becomes our own transaction."""
    opening, closing = statements[0], statements[-1]
    if opening.first not in _OPENS:
        return statements
    if not _is_plain(opening, _OPENS):
        raise Refused(
            f"Line {opening.line}: BEGIN with options cannot become Stagedoor's own transaction. Write BEGIN alone."
        )
    if len(statements) == 1 or not any(_is_plain(statement, _CLOSES) for statement in statements):
        raise Refused(
            f"Line {opening.line}: BEGIN without COMMIT. The Supabase CLI would apply nothing of it and say that all "
            "went well. Put COMMIT at the end of the file, or take BEGIN out."
        )
    return statements[1:-1] if _is_plain(closing, _CLOSES) else statements[1:]


def _is_plain(statement: Statement, keywords: set[str]) -> bool:
    if statement.first not in keywords:
        return False
    rest = words(statement.text)[1:]
    if statement.first == "START":
        return rest == ["TRANSACTION"]
    if keywords is _CLOSES and rest[-3:] == ["AND", "NO", "CHAIN"]:
        rest = rest[:-3]
    return rest in ([], ["WORK"], ["TRANSACTION"])


def _can_run_inside(statement: Statement) -> None:
    where = f"Line {statement.line}:"
    if "\\" in statement.text and (command := _psql_command(statement.text)):
        raise Refused(f"{where} {command} is a command of psql, not SQL. Take it out.")
    if statement.first not in _WATCHED:
        return
    read = words(statement.text)
    if control := _transaction_control(read):
        raise Refused(
            f"{where} {control} inside the file would end or split its transaction, and {_NO_ROW} Take it out; "
            "one BEGIN at the very start with one COMMIT at the very end is fine."
        )
    if read[0] == "COPY" and ("STDIN" in read or "STDOUT" in read):
        raise Refused(f"{where} COPY with STDIN or STDOUT needs psql at the other end. Use INSERT instead.")
    if what := cannot(read):
        raise Refused(f"{where} {never(read) or f'{what} {_SPLIT}'}")


_WATCHED = {
    *_CONTROL, "PREPARE", "SET", "CREATE", "DROP", "ALTER", "REINDEX", "VACUUM", "CLUSTER", "DISCARD", "COPY",
}


def _transaction_control(read: list[str]) -> str:
    if read[0] in _CONTROL:
        return " ".join(read[:2]) if read[0] in ("START", "ROLLBACK") and len(read) > 1 else read[0]
    if read[:2] in (["PREPARE", "TRANSACTION"], ["SET", "TRANSACTION"]) or read[:3] == ["SET", "LOCAL", "TRANSACTION"]:
        return " ".join(read[:2])
    return ""


def _psql_command(text: str) -> str:
    for piece in pieces(text):
        if piece.kind is Kind.BACKSLASH:
            return text[piece.start:].split(maxsplit=1)[0][:20]
    return ""
