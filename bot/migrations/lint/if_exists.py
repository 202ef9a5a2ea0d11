"""A statement that may run twice says what it expects: IF EXISTS, IF NOT EXISTS."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import spelled

RULE = Rule(
    name="if-exists", level=Level.WARN,
    why="Where the object is there already, or already gone, the whole file fails",
    safe="ALTER TABLE public.books ADD COLUMN IF NOT EXISTS subtitle text;",
)
_CREATES = {
    "CreateStmt": "CREATE TABLE", "CreateSchemaStmt": "CREATE SCHEMA", "CreateSeqStmt": "CREATE SEQUENCE",
    "CreateExtensionStmt": "CREATE EXTENSION", "IndexStmt": "CREATE INDEX",
}
_CREATE = re.compile(r"^\s*CREATE\s+(?:\w+\s+){0,3}?(?:TABLE|SCHEMA|SEQUENCE|EXTENSION|INDEX)\s+", re.I)
_DROP = re.compile(r"^\s*DROP\s+(?:MATERIALIZED\s+|FOREIGN\s+|EVENT\s+)?\w+\s+", re.I)
_LONGEST = 2000
_COLUMNS = {"AT_AddColumn": "ADD COLUMN IF NOT EXISTS", "AT_DropColumn": "DROP COLUMN IF EXISTS"}
_OTHERS = r"(?:COLUMN|IF|CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE|GENERATED|NOT|DEFAULT|EXPRESSION|IDENTITY)\b"
"""What else an ALTER TABLE adds and drops."""
KINDS = (*_CREATES, "DropStmt", "AlterTableStmt")
COMMANDS = frozenset(_COLUMNS)


def statement(s: Statement) -> Iterator[Finding]:
    """CREATE, DROP, ADD COLUMN and DROP COLUMN; an index built CONCURRENTLY must not have it."""
    if s.inside:
        return
    if s.kind == "DropStmt":
        if not s.node.get("missing_ok"):
            yield RULE.at(s, f"DROP without IF EXISTS. {RULE.why}.", safe=_with(s, _DROP, "IF EXISTS"))
    elif s.kind == "AlterTableStmt":
        lacking = {str(command["subtype"]) for command in s.commands if not command.get("missing_ok")}
        for subtype, words in _COLUMNS.items():
            if subtype in lacking:
                verb, _, missing = words.partition("COLUMN ")
                place = re.compile(rf"\b{verb.strip()}\s+(?:COLUMN\s+|(?!{_OTHERS}))(?!IF\b)", re.I)
                safe = _with(s, place, missing, "COLUMN ")
                yield RULE.at(s, f"{verb}COLUMN without {missing}. {RULE.why}.", safe=safe)
    elif not s.node.get("if_not_exists") and not s.node.get("concurrent") and s.node.get("idxname", "x"):
        safe = _with(s, _CREATE, "IF NOT EXISTS")
        if s.node.get("schemaElts"):
            name = spelled(str(s.node.get("schemaname")))
            safe = f"CREATE SCHEMA IF NOT EXISTS {name}; -- and what is in it by statements of its own"
        yield RULE.at(s, f"{_CREATES[s.kind]} without IF NOT EXISTS. {RULE.why}.", safe=safe)


def _with(s: Statement, words: re.Pattern[str], missing: str, column: str = "") -> str:
    """The statement as it stands, with the words that it lacks."""
    def mended(found: re.Match[str]) -> str:
        said = found[0].rstrip()
        return f"{said} {'' if said.upper().endswith(column.strip()) else column}{missing} "

    text = s.text.decode("utf-8", errors="replace")
    return f"{words.sub(mended, text)};" if len(text) <= _LONGEST else RULE.safe
