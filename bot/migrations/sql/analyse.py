"""Runs every check over one file; in the guarded process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType

from bot.domain.finding import Finding
from bot.migrations.sql.bodies import HOLDERS, inside
from bot.migrations.sql.facts import facts, subject
from bot.migrations.sql.ignores import ignores
from bot.migrations.sql.rule import Analysis, Fact, Source, Statement, Trouble
from bot.migrations.sql.statements import statements
from bot.migrations.sql.touches import NEWER, since, touches
from bot.migrations.sql.tree import commands

Look = Callable[[Statement], Iterable[Finding]]


class Analyst:
    """The checks, sorted by what they look at: the text, the whole file, or a kind of statement."""

    def __init__(self, checks: Iterable[ModuleType]) -> None:
        self._text = [check.text for check in checks if hasattr(check, "text")]
        self._whole = [check.whole for check in checks if hasattr(check, "whole")]
        self._troubled = [check.troubled for check in checks if hasattr(check, "troubled")]
        self._looking = [(check, getattr(check, "WORDS", ())) for check in checks if hasattr(check, "KINDS")]
        self._known: dict[tuple[ModuleType, ...], Looks] = {}

    def analyse(self, name: str, raw: bytes) -> Analysis:
        """Everything that can be said of a file by itself. It is UTF-8 without NUL, and not too long."""
        source = Source(name, raw.decode("utf-8"))
        looks, newer = self._looks(source), source.holds(*NEWER)
        analysis = Analysis(file=name)
        troubles: list[Trouble] = []
        own: list[Statement] = []
        for statement in statements(raw, source, troubles):
            own.append(statement)
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

    def _looks(self, source: Source) -> Looks:
        """Who looks at the statements of a file: a check with `WORDS` does where one of them stands in it."""
        awake = tuple(check for check, words in self._looking if not words or source.holds(*words))
        if awake not in self._known:
            self._known[awake] = Looks(awake)
        return self._known[awake]


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
    key = statement.kind
    if key == "AlterTableStmt":
        has = {str(command.get("subtype")) for command in commands(statement.node)}
        key = " ".join((key, *sorted(has))) if len(has) > 1 else f"{key} {has.pop()}" if has else key
    for look in looks[key]:
        analysis.findings.extend(look(statement))
    if statement.runs:
        analysis.facts.extend(facts(statement))
        analysis.facts.extend(touches(statement))
        if newer:
            analysis.facts.extend(since(statement))


def _sorted(findings: list[Finding]) -> list[Finding]:
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.line)
