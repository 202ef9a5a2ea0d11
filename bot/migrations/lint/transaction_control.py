"""The file leaves the transaction to the runner: all of it is in, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Source, Statement, Trouble

RULE = Rule(
    name="transaction-control", level=Level.BLOCK, waivable=False,
    why="It would end or split the transaction that holds the file together with its history row",
    effect="A half-applied file that the history does not know, or knows wrongly.",
    safe="BEGIN;  -- as the very first statement, or not at all\nALTER TABLE public.books ADD COLUMN IF NOT EXISTS "
         "subtitle text;\nCOMMIT; -- as the very last",
)
_OPENS, _CLOSES = {"TRANS_STMT_BEGIN", "TRANS_STMT_START"}, {"TRANS_STMT_COMMIT"}
KINDS = ("TransactionStmt", "VariableSetStmt")


def whole(source: Source, statements: Sequence[Statement], troubles: Sequence[Trouble]) -> Iterator[Finding]:
    """One outer BEGIN … COMMIT around the whole file is fine, everything else is not."""
    control = [one for one in statements if one.kind == "TransactionStmt"]
    if control and _is_pair(statements):
        control = control[1:-1]
    for one in control:
        word = str(one.node.get("kind", "")).removeprefix("TRANS_STMT_").replace("_", " ")
        yield RULE.at(one, f"{word} inside the file. {RULE.why}.")


def statement(s: Statement) -> Iterator[Finding]:
    """COMMIT in a DO block or function, and SET TRANSACTION."""
    if s.kind == "TransactionStmt" and s.inside:
        yield RULE.at(s, f"{s.node.get('kind')}. {RULE.why}.")
    if s.kind == "VariableSetStmt" and str(s.node.get("name", "")).startswith("TRANSACTION"):
        yield RULE.at(s, "SET TRANSACTION comes too late: the runner's transaction has begun.")


def _is_pair(statements: Sequence[Statement]) -> bool:
    first, last = statements[0], statements[-1]
    plain = not first.node.get("options") and not last.node.get("chain")
    return len(statements) > 1 and plain and first.node.get("kind") in _OPENS and last.node.get("kind") in _CLOSES
