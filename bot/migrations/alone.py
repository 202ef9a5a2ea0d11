"""Statements that cannot run in a transaction: which of them a file may hold, alone, and what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.errors import Refused
from bot.migrations.lexer import spelled, words
from bot.migrations.splitter import Statement


class Kind(StrEnum):
    """What may be put in as the one statement of a file, outside a transaction."""

    BUILD = "CREATE INDEX CONCURRENTLY"
    DROP = "DROP INDEX CONCURRENTLY"
    REBUILD = "REINDEX CONCURRENTLY"
    DETACH = "DETACH PARTITION CONCURRENTLY"
    VACUUM = "VACUUM"


@dataclass(frozen=True, slots=True)
class Alone:
    """The one statement of a file, with the names in it as they are written.

    `name` is the index that it makes, drops or rebuilds, or the partition that it detaches; `table` the table that
    gets the index, is rebuilt, or loses the partition. `rest` is what follows the table of an index.
    """

    kind: Kind
    statement: Statement
    name: str = ""
    table: str = ""
    unique: bool = False
    if_exists: bool = False
    """IF EXISTS, or IF NOT EXISTS."""
    rest: str = ""

    @property
    def about(self) -> str:
        """`CREATE INDEX CONCURRENTLY books_title_idx`."""
        return f"{self.kind} {self.name or self.table}".rstrip()

    @property
    def plain(self) -> str:
        """The same for the catalog in a transaction; empty for what leaves the catalog as it is."""
        if self.kind is Kind.BUILD:
            unique, unless = "unique " if self.unique else "", "if not exists " if self.if_exists else ""
            return f"create {unique}index {unless}{self.name} on {self.table} {self.rest}"
        if self.kind is Kind.DROP:
            return f"drop index {'if exists ' if self.if_exists else ''}{self.name}"
        return ""


def cannot(read: list[str]) -> str:
    """What of a statement, given as its words in capitals, cannot run in a transaction; empty when it can."""
    return _concurrent(read) or _non_transactional(read)


def never(read: list[str]) -> str:
    """Why such a statement is not put in at all, as a sentence; empty for those that may stand alone."""
    what = _non_transactional(read)
    if what == "VACUUM":
        return _FULL if _is_full(read) else ""
    return f"{what} {_WHY_NOT.get(what, _SERVER)}" if what else ""


_FULL = (
    "VACUUM FULL writes the table anew while nobody reads or writes it, for nobody knows how long. Run it outside "
    "migrations, at a quiet time; a plain VACUUM may stand alone in its file."
)
_SERVER = "is about the whole server or more than one table, not about this schema. Run it outside migrations."
_WHY_NOT = {
    "ALTER SYSTEM": "changes the whole server and cannot be taken back with the schema. Use ALTER DATABASE … SET or "
                    "ALTER ROLE … SET, which run in a transaction.",
    "DISCARD ALL": "does nothing for a migration: each file finds a session as good as new. Take it out.",
    "CLUSTER without a table": "locks table after table against everybody. Name one table, which runs in a "
                               "transaction, or run it outside migrations.",
}


def read_alone(statement: Statement) -> Alone | None:
    """The statement, if it is one that cannot run in a transaction. Raises `Refused` for one that is not put in."""
    read = words(statement.text)
    if not cannot(read):
        return None
    where = f"Line {statement.line}:"
    if why := never(read):
        raise Refused(f"{where} {why}")
    written = [token for token, _ in spelled(statement.text)]
    match read[0]:
        case "CREATE":
            found = _build(statement, read, written)
        case "DROP":
            found = _drop(statement, read, written)
        case "REINDEX":
            found = _rebuild(statement, read, written)
        case "ALTER":
            found = _detach(statement, read, written)
        case _:
            found = Alone(Kind.VACUUM, statement)
    if found is None:
        raise Refused(
            f"{where} {cannot(read)} needs plain names: one index with a name of its own, one table, no U&\"…\". "
            "After a crash its name is what it is known by."
        )
    return found


def _build(statement: Statement, read: list[str], written: list[str]) -> Alone | None:
    at = read.index("CONCURRENTLY") + 1
    unless = read[at:at + 3] == ["IF", "NOT", "EXISTS"]
    at += 3 if unless else 0
    name, at = _name(written, at)
    if "." in name or read[at:at + 1] != ["ON"]:
        return None
    at += 2 if read[at + 1:at + 2] == ["ONLY"] else 1
    table, after = _name(written, at)
    if not name or not table or after >= len(written):
        return None
    place = spelled(statement.text)[after][1]
    return Alone(
        Kind.BUILD, statement, name, table, unique="UNIQUE" in read[:3], if_exists=unless, rest=statement.text[place:],
    )


def _drop(statement: Statement, read: list[str], written: list[str]) -> Alone | None:
    at = read.index("CONCURRENTLY") + 1
    unless = read[at:at + 2] == ["IF", "EXISTS"]
    name, at = _name(written, at + (2 if unless else 0))
    if not name or read[at:] not in ([], ["RESTRICT"]):
        return None
    return Alone(Kind.DROP, statement, name, if_exists=unless)


def _rebuild(statement: Statement, read: list[str], written: list[str]) -> Alone | None:
    kind = next((word for word in read if word in ("INDEX", "TABLE")), "")
    if not kind:
        return None
    at = read.index(kind) + 1
    name, at = _name(written, at + (1 if read[at:at + 1] == ["CONCURRENTLY"] else 0))
    if not name or read[at:]:
        return None
    return Alone(Kind.REBUILD, statement, *((name, "") if kind == "INDEX" else ("", name)))


def _detach(statement: Statement, read: list[str], written: list[str]) -> Alone | None:
    at = 4 if read[2:4] == ["IF", "EXISTS"] else 2
    table, at = _name(written, at)
    if read[at:at + 2] != ["DETACH", "PARTITION"]:
        return None
    name, at = _name(written, at + 2)
    return Alone(Kind.DETACH, statement, name, table) if name and table and read[at:] == ["CONCURRENTLY"] else None


def _name(written: list[str], at: int) -> tuple[str, int]:
    """A name with its schema as it is written, and the place after it; empty when there is none."""
    parts: list[str] = []
    while at < len(written) and (written[at][0] in '"_' or written[at][0].isalpha()):
        parts.append(written[at])
        at += 1
        if written[at:at + 1] != ["."]:
            return ".".join(parts), at
        at += 1
    return "", at


def _concurrent(read: list[str]) -> str:
    """CONCURRENTLY where it rules a transaction out; REFRESH MATERIALIZED VIEW CONCURRENTLY may run in one."""
    if "CONCURRENTLY" not in read:
        return ""
    at = read.index("CONCURRENTLY")
    if read[0] in ("CREATE", "DROP") and read[at - 1] == "INDEX" and at <= 3:
        return " ".join(read[:at + 1])
    if read[0] == "REINDEX" and not {"DATABASE", "SYSTEM", "SCHEMA"} & set(read[1:8]):
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


def _is_full(read: list[str]) -> bool:
    at = read.index("FULL") if "FULL" in read else 0
    return bool(at) and read[at + 1:at + 2] not in (["FALSE"], ["OFF"], ["0"])
