"""Runs every check over one file; in the guarded process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from types import ModuleType

from bot.domain.finding import Finding
from bot.migrations.sql.bodies import HOLDERS, inside
from bot.migrations.sql.facts import FACTS, subject
from bot.migrations.sql.ignores import ignores
from bot.migrations.sql.rewrites import REWRITTEN, rewrites
from bot.migrations.sql.rule import Analysis, Fact, Source, Statement, Trouble
from bot.migrations.sql.statements import statements
from bot.migrations.sql.touches import NEWER, TOUCHES, since

Key = tuple[str, tuple[str, ...], tuple[bytes, ...]]
"""A kind of statement, the commands that one has, and the words."""
Look = Callable[[Statement], Iterable[Finding]]
Reader = Callable[[Statement], Iterable[Fact]]

_BOOKS: tuple[Mapping[str, Reader], ...] = (FACTS, dict.fromkeys(REWRITTEN, rewrites), TOUCHES)
READERS = {kind: tuple(book[kind] for book in _BOOKS if kind in book) for kind in set().union(*_BOOKS)}
"""What reads facts from a kind of statement, in this order."""


ALTER = "AlterTableStmt"


class Analyst:
    """The checks, sorted by what they look at: the text, the whole file, or a kind of statement."""

    def __init__(self, checks: Iterable[ModuleType]) -> None:
        self._text = [check.text for check in checks if hasattr(check, "text")]
        self._whole = [check.whole for check in checks if hasattr(check, "whole")]
        self._troubled = [check.troubled for check in checks if hasattr(check, "troubled")]
        self._looks = Looks([check for check in checks if hasattr(check, "KINDS")])

    def analyse(self, name: str, raw: bytes) -> Analysis:
        """Everything that can be said of a file by itself. It is UTF-8 without NUL, and not too long."""
        source = Source(name, raw.decode("utf-8"))
        analysis = Analysis(file=name)
        troubles: list[Trouble] = []
        own: list[Statement] = []
        every: list[Statement] = []
        for statement in statements(raw, source, troubles):
            own.append(statement)
            every.append(statement)
            if statement.kind in HOLDERS:
                every.extend(inside(statement))
        self._look(source, every, analysis)
        analysis.facts.extend([Fact("statement", one.line, subject(one), str(one.last)) for one in own])
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

    def _look(self, source: Source, every: Sequence[Statement], analysis: Analysis) -> None:
        """One check after the other looks at all statements of a kind; what it says stays in the statements' order."""
        words, newer = self._looks.words(source), (since,) if source.holds(*NEWER) else ()
        alike: dict[Key, list[int]] = {}
        for number, one in enumerate(every):
            alike.setdefault(_key(one, words), []).append(number)
        findings: list[list[Finding]] = [[] for _ in every]
        facts: list[list[Fact]] = [[] for _ in every]
        for key, numbers in alike.items():
            for look in self._looks[key]:
                for number in numbers:
                    findings[number].extend(look(every[number]))
            running = [number for number in numbers if every[number].runs]
            for read in (*READERS.get(key[0], ()), *newer):
                for number in running:
                    facts[number].extend(read(every[number]))
        analysis.findings.extend(chain.from_iterable(findings))
        analysis.facts.extend(chain.from_iterable(facts))


class Looks(dict[Key, tuple[Look, ...]]):
    """Who looks at a statement: by its kind; a check with `WORDS` where one of them stands in it, and at an ALTER TABLE
    one with `COMMANDS` where it has one of them."""

    def __init__(self, checks: Sequence[ModuleType]) -> None:
        super().__init__()
        self._checks = checks
        self._words = dict.fromkeys(word for check in checks for word in getattr(check, "WORDS", ()))

    def words(self, source: Source) -> tuple[bytes, ...]:
        """Those words that may stand in the file."""
        return tuple([word.encode() for word in self._words if source.escapes or word in source.low])

    def __missing__(self, key: Key) -> tuple[Look, ...]:
        kind, has, words = key
        awake = [check for check in self._checks if _asks(check, "WORDS", [word.decode() for word in words])]
        at_kind = [check for check in awake if kind in check.KINDS and (not has or _asks(check, "COMMANDS", has))]
        at_all = [check for check in awake if "*" in check.KINDS]
        found = self[key] = tuple(check.statement for check in (*at_kind, *at_all))
        return found


def _asks(check: ModuleType, name: str, there: Iterable[str]) -> bool:
    asked = getattr(check, name, None)
    return asked is None or not set(asked).isdisjoint(there)


def _key(one: Statement, words: tuple[bytes, ...]) -> Key:
    """Its kind, the commands of an ALTER TABLE, and which of these words may stand in it."""
    has = tuple(sorted({str(command.get("subtype")) for command in one.commands})) if one.kind == ALTER else ()
    if words and not one.source.escapes:
        low = one.low
        words = tuple([word for word in words if word in low])
    return one.kind, has, words


def _sorted(findings: list[Finding]) -> list[Finding]:
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.line)
