"""What a check is made of: its rule with its words, and the statement that it looks at."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from bot.domain.finding import Finding, Ignore, Level, Tag
from bot.migrations.sql.tree import Node, commands, table

DYNAMIC, BRANCH, BROKEN = "(dynamic)", "(branch)", "(broken)"
"""Kinds of what is no statement: EXECUTE, a condition on data, a body that cannot be parsed."""


class Unparsable(Exception):
    """Postgres would not take it; `at` is the byte where it stumbles, from 0, or -1."""

    def __init__(self, why: str, at: int = -1) -> None:
        super().__init__(why)
        self.at = at


class Trouble(Unparsable):
    """Where a file cannot be parsed: the line, and the words there."""

    def __init__(self, why: str, line: int, text: str) -> None:
        super().__init__(why)
        self.line = line
        self.text = text


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something that a file does and other files may have to know: a `table` is created, an `index`, a `policy` …"""

    kind: str
    line: int
    subject: str
    detail: str = ""


# Strings that only a line end parts are one string.
_PARTED = re.compile(r"'[^\S\r\n]*+(?:--[^\r\n]*+)?[\r\n](?:\s|--[^\r\n]*+[\r\n])*+'")


@dataclass(slots=True)
class Source:
    """A file as text, and in small letters: most checks need no more than to see that a word is not there."""

    name: str
    text: str
    low: str = ""
    escapes: bool = False

    def __post_init__(self) -> None:
        self.low = self.text.lower()
        self.escapes = "\\" in self.text or "u&" in self.low or _PARTED.search(self.text) is not None

    def holds(self, *words: str) -> bool:
        """Whether any of these words, in small letters, may stand in the file: escapes can spell every word."""
        return self.escapes or any([word in self.low for word in words])


class Statement(msgspec.Struct, eq=False, gc=False):
    """One statement: the kind and fields of its tree. `inside` is set for those in a DO block or a function's body.

    A function's body does not run with the migration: `runs` is False there. `maybe`: only under a condition.
    """

    kind: str
    node: Node
    source: Source
    text: bytes
    line: int
    last: int
    begin: int = 0
    inside: str = ""
    runs: bool = True
    maybe: bool = False
    _low: bytes | None = None
    _table: str | None = None
    _commands: list[Node] | None = None

    @property
    def table(self) -> str:
        """`schema.name` of the relation that it is about; empty where it has none."""
        if self._table is None:
            self._table = table(self.node.get("relation"))
        return self._table

    @property
    def commands(self) -> list[Node]:
        """The sub-commands of an ALTER TABLE."""
        if self._commands is None:
            self._commands = commands(self.node)
        return self._commands

    @property
    def low(self) -> bytes:
        """The text in small letters: a quick look whether a word stands in it at all, before the tree is searched."""
        if self._low is None:
            self._low = self.text.lower()
        return self._low

    def says(self, *words: bytes) -> bool:
        """Whether any of these words, in small letters, may stand in it: escapes can spell every word."""
        return self.source.escapes or any(word in self.low for word in words)

    def line_of(self, location: int) -> int:
        """The line of a place in the tree (a byte's number in the file)."""
        if location < self.begin or self.inside:
            return self.line
        return self.line + self.text.count(b"\n", 0, location - self.begin)


_NAME = re.compile(r"\S*[._(]\S|(?:anon|authenticated)\b")


def sentence(words: str) -> str:
    """With a capital, unless it begins with a name, which is written as it is."""
    return words if _NAME.match(words) else words[:1].upper() + words[1:]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A check's name, level and words. `why` and `safe` are what the documentation says of it, too."""

    name: str
    level: Level
    why: str
    effect: str = ""
    safe: str = ""
    tags: tuple[Tag, ...] = ()
    waivable: bool = True
    weighs: bool = False

    def at(
        self, statement: Statement, why: str = "", *, effect: str = "", safe: str = "", level: Level | None = None,
        tags: Iterable[Tag] | None = None, table: str = "", location: int = -1,
    ) -> Finding:
        """A finding at a statement, or at a place in it."""
        said = why or self.why
        cost = effect or self.effect
        said = f"In {statement.inside}: {said}" if statement.inside else sentence(said)
        return Finding(
            rule=self.name, level=level or self.level, file=statement.source.name,
            line=statement.line_of(location), why=said,
            effect=sentence(cost), safe=safe or self.safe, table=table, weighs=self.weighs and bool(table),
            tags=self.tags if tags is None else tuple(tags), waivable=self.waivable,
        )

    def on(
        self, file: str, line: int = 1, why: str = "", *, effect: str = "", safe: str = "", level: Level | None = None,
        table: str = "",
    ) -> Finding:
        """A finding at a line of a file."""
        return Finding(
            rule=self.name, level=level or self.level, file=file, line=line, why=why or self.why,
            effect=effect or self.effect, safe=safe or self.safe, tags=self.tags, waivable=self.waivable, table=table,
        )


@dataclass(kw_only=True)
class Analysis:
    """What is known of one file from its bytes alone."""

    file: str
    findings: list[Finding] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    ignores: list[Ignore] = field(default_factory=list)
    analysed: bool = True

    def named(self, kind: str) -> Sequence[Fact]:
        """The facts of a kind; none is added once they were asked for."""
        return self._by_kind.get(kind, ())

    @cached_property
    def _by_kind(self) -> dict[str, list[Fact]]:
        sorted_out: dict[str, list[Fact]] = defaultdict(list)
        for fact in self.facts:
            sorted_out[fact.kind].append(fact)
        return sorted_out
