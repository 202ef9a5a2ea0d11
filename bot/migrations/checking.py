"""From files to findings: what each file says by itself, and what all of them say together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from bot.domain.finding import Finding, Ignore, Level, Report
from bot.domain.risks import Risks, Unread
from bot.migrations.beside import Beside, mended, weighed
from bot.migrations.grounded import grounded
from bot.migrations.lint import CHECKS, could_not_analyse, drop_without_backup, rollback_file, unreadable
from bot.migrations.lint.encoding import unfit
from bot.migrations.sql import guard, squawk
from bot.migrations.sql.rule import Analysis
from bot.migrations.sql.squawk_rules import RULES, Words

if TYPE_CHECKING:
    from bot.domain.catalog import Snapshot

PG_VERSION = "17.0"
SMALL, LARGE = 10_000, 1_000_000
"""Rows: up to the first nobody notices a lock, from the second on everybody does."""

_OF_OLD = {"ban-alter-identity", "ban-drop-default", "ban-drop-not-null", "ban-replica-identity"}
"""What breaks code that uses the table already: nobody uses one that is only made here."""
_NEVER_BLOCK = {"backfill", "heavy-lock"}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What is known of the database that the files are for; by default nothing.

    `sizes` are rows by `schema.table`, of every table that there is; `catalog` is what it holds by name; `kept` are
    tables of which a fresh backup exists; `held` says what will hold all that is destroyed. `together`: all files are
    pending, so that a table which one of them makes is new to the others.
    """

    sizes: Mapping[str, int] | None = None
    catalog: Snapshot | None = None
    kept: frozenset[str] = frozenset()
    held: str = ""
    together: bool = True


def analyse(files: Sequence[tuple[str, bytes]]) -> list[Analysis]:
    """What each file says by itself: squawk and our own checks, side by side."""
    files = [(" ".join(name.encode("utf-8", "backslashreplace").decode().split()), raw) for name, raw in files]
    sick = [unfit(name, raw) for name, raw in files]
    well = [file for file, finding in zip(files, sick, strict=True) if finding is None]
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(squawk.listen, [raw for _, raw in well], PG_VERSION) if well else None
        read = guard.ask(well)
        told = heard.result() if heard else []
    answers = iter(zip(well, read, told, strict=True))
    return [
        Analysis(file=name, findings=[finding], analysed=False) if finding else _together(*next(answers))
        for (name, _), finding in zip(files, sick, strict=True)
    ]


def judge(analyses: Sequence[Analysis], ground: Ground | None = None) -> Report:
    """The findings of a set of files that go in together, in this order, weighed by what the database holds."""
    ground = ground or Ground()
    across = [finding for check in CHECKS if hasattr(check, "across") for finding in check.across(analyses)]
    if ground.catalog:
        on = [check.on_ground for check in CHECKS if hasattr(check, "on_ground")]
        across += [finding for judged in on for finding in judged(analyses, ground.catalog)]
    new = _created(analyses)
    copied = {fact.subject for one in analyses for fact in one.named("copy")} | ground.kept
    found: list[Finding] = []
    for number, one in enumerate(analyses):
        own = [*one.findings, *(finding for finding in across if finding.file == one.file)]
        for finding in sorted(own, key=lambda finding: finding.line):
            weighed = _weigh(finding, ground, _newness(new.get(finding.table), number, finding.line, ground))
            if weighed is not None and ground.catalog:
                weighed = grounded(weighed, one, analyses, ground.catalog)
            if weighed is not None:
                found.append(_ignored(_backed(weighed, copied, ground.held), one.ignores))
    ignores = tuple((one.file, ignore) for one in analyses for ignore in one.ignores)
    return Report(findings=tuple(found), ignores=ignores)


def judge_backs(analyses: Sequence[Analysis], backs: Mapping[int, tuple[str, bytes]]) -> tuple[Finding, ...]:
    """The findings of rollback files, each beside the migration of that number."""
    read = dict(zip(backs, analyse([*backs.values()]), strict=True)) if backs else {}
    return tuple(
        finding for number, back in read.items()
        for finding in rollback_file.with_back(analyses[number], back, backs[number][1].decode("utf-8", "replace"))
    )


def _together(file: tuple[str, bytes], read: Analysis | None, told: list[squawk.Said] | None) -> Analysis:
    name = file[0]
    if read is not None:
        analysis = read
        analysis.file = name
        analysis.findings = [one for one in analysis.findings if not mended(one, analysis)]
    else:
        why = "The analysis of this file took too much time or memory, and was ended"
        finding = could_not_analyse.RULE.on(name, why=f"{why}. {could_not_analyse.RULE.why}.")
        analysis = Analysis(file=name, findings=[finding], analysed=False)
    if told is None:
        why = "squawk could not read this file, so its rules were not checked."
        analysis.findings.append(could_not_analyse.RULE.on(name, why=why))
        analysis.analysed = False
    else:
        spans = sorted((fact.line, int(fact.detail), fact.subject) for fact in analysis.named("statement"))
        safe = {(fact.subject, fact.line): fact.detail for fact in analysis.named("safe")}
        parsed = not any(one.rule in ("could-not-analyse", "psql-only") for one in analysis.findings)
        beside = Beside(told, analysis)
        for said in told:
            if (words := RULES.get(said.rule)) and not (said.rule == "syntax-error" and parsed):
                first, last, table = _span(said.line, spans)
                if own := safe.get((said.rule, first)):
                    words = words._replace(safe=own)
                if not beside.says_better(said, last):
                    words = weighed(words, said, (first, last), analysis)
                    analysis.findings.append(_of_squawk(said, words, name, table))
    return analysis


def _span(line: int, spans: list[tuple[int, int, str]]) -> tuple[int, int, str]:
    """First and last line and the table of the first statement that stands in a line."""
    place = bisect_right(spans, line, key=lambda span: span[0])
    while place and spans[place - 1][1] >= line:
        place -= 1
    return spans[place] if place < len(spans) and spans[place][0] <= line else (0, 0, "")


def _of_squawk(said: squawk.Said, words: Words, name: str, table: str) -> Finding:
    shown = table or "public.books"
    return Finding(
        rule=said.rule, level=words.level, file=name, line=said.line, why=said.why,
        effect=words.effect.replace("{table}", table or "the table"), safe=words.safe.replace("{table}", shown),
        tags=words.tags, table=table, weighs=words.weighs and bool(table), waivable=words.waivable,
    )


class Newness(Enum):
    """What is known of a table's age: there before, made here, or perhaps made here (IF NOT EXISTS, a condition)."""

    OLD = "old"
    MAYBE = "maybe"
    NEW = "new"


class Made(NamedTuple):
    """Which file of the set makes a table, on which line, and whether that is sure."""

    number: int
    line: int
    sure: bool


def _created(analyses: Sequence[Analysis]) -> dict[str, Made]:
    """Where each table of the set is made; nothing is sure of names that change, or where search_path does."""
    new: dict[str, Made] = {}
    moving = any(one.named("search_path") for one in analyses)
    renamed = {fact.subject for one in analyses for fact in one.named("renamed")}
    for number, one in enumerate(analyses):
        for fact in one.named("table"):
            sure = fact.detail == "new" and not moving and fact.subject not in renamed
            new.setdefault(fact.subject, Made(number, fact.line, sure))
    return new


def _newness(made: Made | None, number: int, line: int, ground: Ground) -> Newness:
    """Whether the table of a finding is made before it, by what is pending with it."""
    if made is None or (made.number, made.line) > (number, line) or (made.number != number and not ground.together):
        return Newness.OLD
    return Newness.NEW if made.sure else Newness.MAYBE


def _weigh(finding: Finding, ground: Ground, newness: Newness) -> Finding | None:
    """None for a lock on a table that is only made here; otherwise the level that the table's rows give it."""
    rows = ground.sizes.get(finding.table) if ground.sizes is not None else None
    if finding.weighs:
        if newness is Newness.NEW or (newness is Newness.MAYBE and rows is None):
            return None
        return finding if rows is None else _of_rows(finding, rows)
    if finding.rule in _OF_OLD and newness is not Newness.OLD and rows is None:
        return None
    if finding.rule == drop_without_backup.RULE.name and newness is Newness.NEW:
        return replace(finding, level=Level.NOTE, tags=(), effect="The table is made in the same set: nothing is lost.")
    return finding


def _of_rows(finding: Finding, rows: int) -> Finding:
    level = Level.NOTE if rows <= SMALL else Level.WARN if rows <= LARGE else Level.BLOCK
    if level is Level.BLOCK and finding.rule in _NEVER_BLOCK:
        level = Level.WARN
    return replace(finding, level=level, effect=f"{finding.effect} {finding.table} holds about {rows:,} rows.".strip())


def _backed(finding: Finding, copied: Iterable[str], held: str) -> Finding:
    if finding.rule != drop_without_backup.RULE.name:
        return finding
    if finding.table in copied:
        return replace(finding, level=Level.NOTE, effect=f"{finding.effect} A copy of {finding.table} is made before.")
    if held and finding.level is Level.BLOCK:
        why = finding.why.replace(f"{drop_without_backup.RULE.why}.", held)
        return replace(finding, level=Level.NOTE, why=why)
    return finding


def _ignored(finding: Finding, ignores: Iterable[Ignore]) -> Finding:
    """Ours need a reason; squawk's give none and silence no block. What guards atomicity or secrets stays."""
    if not finding.waivable:
        return finding
    for one in ignores:
        covers = one.first <= finding.line <= one.last and (finding.rule in one.rules or "*" in one.rules)
        if covers and (finding.level is not Level.BLOCK if one.squawk else one.reason):
            return replace(finding, ignored=one.reason or "squawk-ignore, without a reason")
    return finding


def risks(findings: Sequence[Finding]) -> Risks:
    """What the findings destroy or open up, as sentences such as `drops the column … (line 3)`, each once."""
    told = [finding for finding in findings if finding.destroys]
    known = (f"{_briefly(finding)} (line {finding.line})" for finding in told if finding.rule != unreadable.RULE.name)
    unread = (
        Unread(line=finding.line, said=_briefly(finding)) for finding in told if finding.rule == unreadable.RULE.name
    )
    return Risks(known=tuple(dict.fromkeys(known)), unread=tuple(dict.fromkeys(unread)))


def _briefly(finding: Finding) -> str:
    return _lowered(finding.why.split(". ")[0].rstrip("."))


def _lowered(words: str) -> str:
    """Within a sentence; a keyword of SQL stays in capitals."""
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]
