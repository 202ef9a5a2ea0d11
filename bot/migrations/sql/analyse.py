"""Runs every check over one file; in the guarded process."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from bot.domain.finding import Finding
from bot.migrations.sql.bodies import HOLDERS, inside
from bot.migrations.sql.facts import facts, subject
from bot.migrations.sql.ignores import ignores
from bot.migrations.sql.rule import Analysis, Fact, Source, Statement, Trouble
from bot.migrations.sql.statements import statements
from bot.migrations.sql.touches import touches


class Analyst:
    """The checks, sorted by what they look at: the text, the whole file, or a kind of statement."""

    def __init__(self, checks: Iterable[ModuleType]) -> None:
        self._text = [check.text for check in checks if hasattr(check, "text")]
        self._whole = [check.whole for check in checks if hasattr(check, "whole")]
        self._troubled = [check.troubled for check in checks if hasattr(check, "troubled")]
        self._kinds: dict[str, list[ModuleType]] = {}
        for check in checks:
            for kind in getattr(check, "KINDS", ()):
                self._kinds.setdefault(kind, []).append(check)
        self._all = self._kinds.get("*", [])

    def analyse(self, name: str, raw: bytes) -> Analysis:
        """Everything that can be said of a file by itself. It is UTF-8 without NUL, and not too long."""
        source = Source(name, raw.decode("utf-8"))
        analysis = Analysis(file=name)
        troubles: list[Trouble] = []
        own: list[Statement] = []
        for statement in statements(raw, source, troubles):
            own.append(statement)
            self._one(statement, analysis)
            if statement.kind in HOLDERS:
                for nested in inside(statement):
                    self._one(nested, analysis)
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

    def _one(self, statement: Statement, analysis: Analysis) -> None:
        for check in self._kinds.get(statement.kind, ()):
            analysis.findings.extend(check.statement(statement))
        for check in self._all:
            analysis.findings.extend(check.statement(statement))
        analysis.facts.extend(facts(statement))
        analysis.facts.extend(touches(statement))


def _sorted(findings: list[Finding]) -> list[Finding]:
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.line)
