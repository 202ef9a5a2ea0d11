"""Decides whether a migration file can run in one transaction together with its history row, and what of it runs."""

from __future__ import annotations

from bot.errors import Refused
from bot.migrations.lexer import Kind, pieces, words
from bot.migrations.splitter import Statement, remembered, statements

_OPENS = {"BEGIN", "START"}
_CLOSES = {"COMMIT", "END"}
_CONTROL = {*_OPENS, *_CLOSES, "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"}
_ALONE = "cannot run inside a transaction, and Stagedoor runs every file in one, together with its history row."
_NO_ROW = "the history row would not be in the same transaction."


def obstacle(content: bytes) -> str | None:
    """Why this file cannot run in one transaction, as a sentence that names the line; None when it can."""
    try:
        statements_to_run(content)
    except Refused as refused:
        return str(refused)
    return None


def statement_count(content: bytes) -> int:
    """How many statements run. Raises `Refused` like `statements_to_run`."""
    return len(statements_to_run(content))


@remembered
def statements_to_run(content: bytes) -> tuple[Statement, ...]:
    """What is to be executed between our own BEGIN and COMMIT: no comments alone, no outer pair of the file's own.

    Raises `Refused` for a file that cannot run like that.
    """
    _readable(content)
    spoken = [statement for statement in statements(content) if not statement.comment_only]
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
    if content.split(b"\n", 1)[0].rstrip(b"\r") == b"-- pg-delta: transaction=false":
        raise Refused(f"Line 1: the file asks to run without a transaction, and then {_NO_ROW} Take the line out.")
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
    if concurrently := _concurrent(read):
        raise Refused(
            f"{where} {concurrently} {_ALONE} Without CONCURRENTLY it can, but the table is then locked while it works."
        )
    if read[0] == "COPY" and ("STDIN" in read or "STDOUT" in read):
        raise Refused(f"{where} COPY with STDIN or STDOUT needs psql at the other end. Use INSERT instead.")
    if alone := _non_transactional(read):
        raise Refused(f"{where} {alone} {_ALONE} Run it outside migrations.")


_WATCHED = {
    *_CONTROL, "PREPARE", "SET", "CREATE", "DROP", "ALTER", "REINDEX", "VACUUM", "CLUSTER", "DISCARD", "COPY",
}


def _transaction_control(read: list[str]) -> str:
    if read[0] in _CONTROL:
        return " ".join(read[:2]) if read[0] in ("START", "ROLLBACK") and len(read) > 1 else read[0]
    if read[:2] in (["PREPARE", "TRANSACTION"], ["SET", "TRANSACTION"]) or read[:3] == ["SET", "LOCAL", "TRANSACTION"]:
        return " ".join(read[:2])
    return ""


def _concurrent(read: list[str]) -> str:
    """CONCURRENTLY where it rules a transaction out; REFRESH MATERIALIZED VIEW CONCURRENTLY may run in one."""
    if "CONCURRENTLY" not in read:
        return ""
    at = read.index("CONCURRENTLY")
    if read[0] in ("CREATE", "DROP") and read[at - 1] == "INDEX" and at <= 3:
        return " ".join(read[:at + 1])
    if read[0] == "REINDEX":
        return "REINDEX CONCURRENTLY"
    if read[:2] == ["ALTER", "TABLE"] and "DETACH" in read:
        return "DETACH PARTITION CONCURRENTLY"
    return ""


def _non_transactional(read: list[str]) -> str:
    first, second = read[0], read[1] if len(read) > 1 else ""
    if first == "VACUUM":
        return "VACUUM"
    if first == "DISCARD" and second == "ALL":
        return "DISCARD ALL"
    if first in ("CREATE", "DROP") and second in ("DATABASE", "TABLESPACE", "SUBSCRIPTION"):
        return f"{first} {second}"
    if first == "ALTER" and second == "SYSTEM":
        return "ALTER SYSTEM"
    if first == "CLUSTER" and set(read[1:]) <= {"VERBOSE", "(", ")", "TRUE", "ON"}:
        return "CLUSTER without a table"
    if first == "REINDEX" and (kind := {"DATABASE", "SYSTEM", "SCHEMA"} & set(read[1:8])):
        return f"REINDEX {kind.pop()}"
    return ""


def _psql_command(text: str) -> str:
    for piece in pieces(text):
        if piece.kind is Kind.BACKSLASH:
            return text[piece.start:].split(maxsplit=1)[0][:20]
    return ""
