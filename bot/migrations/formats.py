"""Findings for a terminal, for programs, for GitHub's log and for code scanning."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from bot.domain.finding import Finding, Level, Report
from bot.migrations.lint import CHECKS
from bot.migrations.sql.squawk_rules import RULES

if TYPE_CHECKING:
    from bot.domain.entry import Json

FEW, _LINES = 3, 12
_GITHUB = {Level.BLOCK: "error", Level.WARN: "warning", Level.NOTE: "notice"}
_SARIF = {Level.BLOCK: "error", Level.WARN: "warning", Level.NOTE: "note"}


def text(report: Report, files: int) -> str:
    """For people: the line, the reason, what it locks or loses, the safe form.

    What one file is told again and again, and is no block, is written out a few times and then counted.
    """
    alike: defaultdict[tuple[str, str, Level], list[Finding]] = defaultdict(list)
    for finding in report.findings:
        if finding.counts:
            alike[finding.file, finding.rule, finding.level].append(finding)
    often = {kind: found for kind, found in alike.items() if kind[2] is not Level.BLOCK and len(found) > 2 * FEW}
    counted = {kind: found[FEW:] for kind, found in often.items()}
    apart = {id(finding) for found in counted.values() for finding in found}
    parts = [_paragraph(finding) for finding in report.findings if finding.counts and id(finding) not in apart]
    parts += map(_rest, counted.values())
    for file, ignore in report.ignores:
        why = f"because {ignore.reason}" if ignore.reason else "without a reason"
        parts.append(f"{file}:{ignore.line}  ignore  {', '.join(ignore.rules)}: {why}")
    return "\n".join([*parts, summary(report, files)])


def summary(report: Report, files: int) -> str:
    """`2 files: 1 block, 3 warnings, 2 notes, 1 ignored`."""
    return f"{files} file{'' if files == 1 else 's'}: {report.summary() or 'nothing to say'}"


def as_json(report: Report, files: int) -> str:
    """For programs: every finding with all that is known of it."""
    ignores: list[Json] = [
        {"file": file, "line": one.line, "rules": list(one.rules), "reason": one.reason, "squawk": one.squawk}
        for file, one in report.ignores
    ]
    return _indented({"files": files, "findings": report.findings, "ignores": ignores})


def _indented(document: Mapping[str, object]) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def github(report: Report, files: int) -> str:
    """Workflow commands, which GitHub shows beside the lines of the pull request."""
    lines = [
        f"::{_GITHUB[finding.level]} file={_property(finding.file)},line={finding.line},"
        f"title={_property(finding.rule)}::{_data(_said(finding))}"
        for finding in report.findings if finding.counts
    ]
    lines += [
        f"::notice file={_property(file)},line={one.line},title=ignore::"
        f"{_data(', '.join(one.rules) + ': ' + (one.reason or 'without a reason'))}"
        for file, one in report.ignores
    ]
    return "\n".join([*lines, summary(report, files)])


def sarif(report: Report, files: int) -> str:
    """SARIF 2.1.0, for code scanning."""
    used = sorted({finding.rule for finding in report.findings})
    driver: dict[str, Json] = {
        "name": "Stagedoor", "version": _version(), "rules": [_rule(name) for name in used],
    }
    results: list[Json] = [_result(finding, used.index(finding.rule)) for finding in report.findings]
    run: dict[str, Json] = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
    return _indented({"$schema": schema, "version": "2.1.0", "runs": [run]})


FORMATS: Mapping[str, Callable[[Report, int], str]] = {"text": text, "json": as_json, "github": github, "sarif": sarif}


def rules() -> Iterator[tuple[str, Level, str, str]]:
    """Every rule that can speak: name, level, why, safe form; our own first, then squawk's."""
    for check in CHECKS:
        yield check.RULE.name, check.RULE.level, check.RULE.why, check.RULE.safe
    for name, words in RULES.items():
        effect, safe = words.effect.replace("{table}", "the table"), words.safe.replace("{table}", "public.books")
        yield name, words.level, effect, safe


def _rest(found: Sequence[Finding]) -> str:
    lines = ", ".join(str(finding.line) for finding in found[:_LINES])
    more = f" and {len(found) - _LINES} more" if len(found) > _LINES else ""
    return _visible(
        f"{found[0].file}  {found[0].level}  {found[0].rule}: {len(found)} more, in lines {lines}{more}; "
        "--format json has each"
    )


def _paragraph(finding: Finding) -> str:
    tags = f" [{', '.join(finding.tags)}]" if finding.tags else ""
    lines = [f"{finding.place}  {finding.level}  {finding.rule}{tags}", f"    {finding.why}"]
    if finding.effect:
        lines.append(f"    {finding.effect}")
    if finding.safe:
        lines += ["    Safe:", *(f"        {line}" for line in finding.safe.splitlines())]
    return "\n".join(_visible(line) for line in lines)


def _visible(line: str) -> str:
    """What the terminal would obey or hide is written by its number."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in line)


def _said(finding: Finding) -> str:
    return " ".join(filter(None, (finding.why, finding.effect))) + (f"\nSafe:\n{finding.safe}" if finding.safe else "")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _rule(name: str) -> Json:
    known = {rule: (level, why, safe) for rule, level, why, safe in rules()}
    level, why, safe = known[name]
    return {
        "id": name, "shortDescription": {"text": why or name}, "help": {"text": safe or why or name},
        "defaultConfiguration": {"level": _SARIF[level]},
    }


def _result(finding: Finding, place: int) -> Json:
    location: dict[str, Json] = {
        "artifactLocation": {"uri": _uri(finding.file)}, "region": {"startLine": max(finding.line, 1)},
    }
    result: dict[str, Json] = {
        "ruleId": finding.rule, "ruleIndex": place, "level": _SARIF[finding.level],
        "message": {"text": _said(finding)}, "locations": [{"physicalLocation": location}],
        "properties": {"tags": [str(tag) for tag in finding.tags]},
    }
    if finding.ignored:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.ignored}]
    return result


def _uri(path: str) -> str:
    return quote(path.replace("\\", "/"))


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and SARIF alone asks

    try:
        return version("stagedoor")
    except PackageNotFoundError:
        return "0"


def levels_at(report: Report, least: Level) -> Iterable[Finding]:
    """What stands against an exit status of 0."""
    return (finding for finding in report.findings if finding.counts and _above(finding.level, least))


def _above(level: Level, least: Level) -> bool:
    order = (Level.NOTE, Level.WARN, Level.BLOCK)
    return order.index(level) >= order.index(least)
