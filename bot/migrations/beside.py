"""What the rest of its file makes of a finding: it goes in as a whole, so what comes further down counts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from bot.domain.finding import Finding, Level
from bot.migrations.lint import security_definer, triggers_off, view_security
from bot.migrations.sql.rule import Analysis
from bot.migrations.sql.squawk import Said
from bot.migrations.sql.squawk_rules import Words

_ANEW = "The file makes it anew further down; grants, revokes and comments of the old one are gone."
_UNCHECKED = "The new column is empty, so no row is checked; both tables are locked for a moment."
_BUILDS = ("disallowed-unique-constraint", "adding-serial-primary-key-field")
_GOES = {
    "ban-drop-view": ("drop", "made", "view"), "ban-drop-function": ("drop", "made", "function"),
    "ban-drop-trigger": ("parted", "made", "trigger"), "ban-drop-constraint": ("parted", "constrained", "constraint"),
}


class Beside:
    """The lines of a file in which something else says better what squawk says there, too."""

    def __init__(self, told: Sequence[Said], analysis: Analysis) -> None:
        self._builds = sorted(said.line for said in told if said.rule in _BUILDS)
        self._pinned = {int(fact.detail) for fact in analysis.named("pinned")}

    def says_better(self, said: Said, last: int) -> bool:
        """No UNIQUE can be NOT VALID; a fixed search_path is what `security-definer` asks for; owners have a check."""
        match said.rule:
            case "constraint-missing-not-valid":
                place = bisect_left(self._builds, said.line)
                return place < len(self._builds) and self._builds[place] <= last
            case "ban-alter-function-options":
                return last in self._pinned
            case "ban-revoke":
                return "ownership" in said.why
            case _:
                return False


def weighed(words: Words, said: Said, lines: tuple[int, int], analysis: Analysis) -> Words:
    """The words for what squawk said of a statement in these lines."""
    first, last = lines
    if said.rule == "adding-foreign-key-constraint" and _empty(first, last, analysis):
        return words._replace(level=Level.NOTE, effect=_UNCHECKED, weighs=False)
    if said.rule in _GOES and _made_anew(said.rule, first, last, analysis):
        return words._replace(level=Level.NOTE, effect=_ANEW, safe="")
    return words


def mended(finding: Finding, analysis: Analysis) -> bool:
    """Whether the file itself does further down what the safe form says."""
    if finding.rule == triggers_off.RULE.name and triggers_off.TO_POSTGRES in finding.why:
        return any(finding.why.startswith(f"{fact.subject} ") for fact in analysis.named("made"))
    later = [fact for fact in analysis.named("mends") if fact.line > finding.line]
    if finding.rule == view_security.RULE.name:
        return any(fact.subject == finding.table for fact in later)
    if finding.rule != security_definer.RULE.name or security_definer.OPEN not in finding.why:
        return False
    signed = analysis.named("signed")
    makes = {fact.subject for fact in signed if fact.line == finding.line}
    for fact in later:
        name = fact.subject.partition("(")[0]
        of_name = {one.subject for one in signed if one.subject.partition("(")[0] == name}
        if makes == (of_name if fact.detail else {fact.subject}):
            return True
    return False


def _made_anew(rule: str, first: int, last: int, analysis: Analysis) -> bool:
    """Whether all that a statement drops comes back further down: the usual way to change it."""
    gone, back, kind = _GOES[rule]
    names = {one.subject for one in analysis.named(gone) if first <= one.line <= last and one.detail == kind}
    return bool(names) and names <= {one.subject for one in analysis.named(back) if one.line >= first}


def _empty(first: int, last: int, analysis: Analysis) -> bool:
    """Whether all foreign keys of the statement in these lines are of new columns that hold nothing yet."""
    keys, empty = ([one for one in analysis.named(kind) if first <= one.line <= last]
                   for kind in ("foreign", "empty-foreign"))
    return bool(keys) and len(keys) == len(empty)
