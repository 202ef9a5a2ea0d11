"""Runs every check over one file; in the guarded process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType

from bot.domain.finding import Finding
from bot.migrations.sql.bodies import HOLDERS, inside
from bot.migrations.sql.facts import FACTS, subject
from bot.migrations.sql.ignores import ignores
from bot.migrations.sql.rewrites import REWRITTEN, rewrites
from bot.migrations.sql.rule import Analysis, Fact, Source, Statement, Trouble
from bot.migrations.sql.statements import statements
from bot.migrations.sql.touches import NEWER, TOUCHES, since

Look = Callable[[Statement], Iterable[Finding]]
Reader = Callable[[Statement], Iterable[Fact]]

_BOOKS: tuple[Mapping[str, Reader], ...] = (FACTS, dict.fromkeys(REWRITTEN, rewrites), TOUCHES)
READERS = {kind: tuple(book[kind] for book in _BOOKS if kind in book) for kind in set().union(*_BOOKS)}
"""What reads facts from a kind of statement, in this order."""


class Analyst:
    """The checks, sorted by what they look at: the text, the whole file, or a kind of statement."""

    def __init__(self, checks: Iterable[ModuleType]) -> None:
        self._text = [check.text for check in checks if hasattr(check, "text")]
        self._whole = [check.whole for check in checks if hasattr(check, "whole")]
        self._troubled = [check.troubled for check in checks if hasattr(check, "troubled")]
        self._looking = Looking([check for check in checks if hasattr(check, "KINDS")])

    def analyse(self, name: str, raw: bytes) -> Analysis:
        """Everything that can be said of a file by itself. It is UTF-8 without NUL, and not too long."""
        source = Source(name, raw.decode("utf-8"))
        words, newer = self._looking.words(source), source.holds(*NEWER)
        analysis = Analysis(file=name)
        troubles: list[Trouble] = []
        own: list[Statement] = []
        for statement in statements(raw, source, troubles):
            own.append(statement)
            looks = self._looking.at(statement, words)
            _one(statement, looks, newer, analysis)
            if statement.kind in HOLDERS:
                for nested in inside(statement):
                    _one(nested, looks, newer, analysis)
            analysis.facts.append(Fact("statement", statement.line, subject(statement), str(statement.last)))
        for whole in self._whole:
            analysis.findings.extend(whole(source, own, troubles))
        for text in self._text:
            analysis.findings.extend(text(source))
        for trouble in troubles:
            for troubled in self._troubled:
                analysis.findings.extend(troubled(source, trouble))
        analysis.ignores = ignores(source, own)
        analysis.analysed = not troubles
        analysis.findings = _sorted(analysis.findings)
        return analysis


class Looking:
    """Who looks at a statement and at what stands inside it: a check with `WORDS` does where one of them is in it."""

    def __init__(self, checks: Sequence[ModuleType]) -> None:
        self._checks = [(check, getattr(check, "WORDS", ())) for check in checks]
        self._words = dict.fromkeys(word for _, words in self._checks for word in words)
        self._known: dict[tuple[str, ...], Looks] = {}

    def words(self, source: Source) -> tuple[str, ...]:
        """Those words that may stand in the file."""
        return tuple(self._words if source.escapes else filter(source.low.__contains__, self._words))

    def at(self, statement: Statement, words: tuple[str, ...]) -> Looks:
        """Who looks, of these words of its file."""
        if words and not statement.source.escapes:
            words = tuple([word for word in words if word.encode() in statement.low])
        if words not in self._known:
            awake = [check for check, own in self._checks if not own or not set(own).isdisjoint(words)]
            self._known[words] = Looks(awake)
        return self._known[words]


class Looks(dict[str, tuple[Look, ...]]):
    """Who looks at a kind of statement; at an ALTER TABLE, a check with `COMMANDS` where it has one of them."""

    def __init__(self, checks: Iterable[ModuleType]) -> None:
        super().__init__()
        self._checks = checks

    def __missing__(self, key: str) -> tuple[Look, ...]:
        kind, *has = key.split()
        at_kind = [check for check in self._checks if kind in check.KINDS and _meant(check, has)]
        at_all = [check for check in self._checks if "*" in check.KINDS]
        found = self[key] = tuple(check.statement for check in (*at_kind, *at_all))
        return found


def _meant(check: ModuleType, has: Iterable[str]) -> bool:
    meant = getattr(check, "COMMANDS", None)
    return meant is None or not has or not meant.isdisjoint(has)


def _one(statement: Statement, looks: Looks, newer: bool, analysis: Analysis) -> None:
    kind = statement.kind
    for look in looks[kind if kind != "AlterTableStmt" else _altering(statement)]:
        analysis.findings.extend(look(statement))
    if statement.runs:
        for read in READERS.get(kind, ()):
            analysis.facts.extend(read(statement))
        if newer:
            analysis.facts.extend(since(statement))


def _altering(statement: Statement) -> str:
    """The kind of an ALTER TABLE with its commands."""
    return " ".join((statement.kind, *sorted({str(command.get("subtype")) for command in statement.commands})))


def _sorted(findings: list[Finding]) -> list[Finding]:
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.line)
