"""Nothing still uses the name of what goes, or gets another name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Analysis, Fact, Rule

if TYPE_CHECKING:
    from bot.domain.catalog import Key, Snapshot

RULE = Rule(
    name="still-used", level=Level.BLOCK,
    why="Something in the database still uses it",
    effect="What uses it fails, or goes along with CASCADE.",
    safe="-- first give what uses it another definition, or drop it by name; then drop or rename this",
)
_KINDS = {
    "column": ("column",), "table": ("table",), "view": ("view",), "matview": ("matview",), "function": ("function",),
    "procedure": ("function",), "type": ("enum", "domain", "composite", "range"), "domain": ("domain",),
    "sequence": ("sequence",),
}
_OWN = {"index", "default", "constraint", "statistics", "published", "column", "sequence"}
_SHOWN = 5


def on_ground(pending: Sequence[Analysis], catalog: Snapshot) -> Iterator[Finding]:
    """Judged by the catalog of the database that the files are for; a function's body may only seem to use it."""
    settled = {fact.subject for one in pending for kind in ("drop", "rewritten", "parted") for fact in one.named(kind)}
    for one in pending:
        for kind in ("drop", "rename", "retype"):
            for fact in one.named(kind):
                if found := [*users(fact, catalog, settled, text=not _made_anew(fact, one))]:
                    does = {"drop": "goes", "rename": "gets another name", "retype": "gets another type"}[kind]
                    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
                    said = f"{fact.subject} {does}, and is still used by {', '.join(found[:_SHOWN])}{more}."
                    yield RULE.on(one.file, fact.line, said)


def _made_anew(fact: Fact, one: Analysis) -> bool:
    """Whether what goes comes back further down: who names it in a text goes on finding it."""
    return fact.kind == "drop" and any(
        other.subject == fact.subject and other.line >= fact.line for other in one.named("made")
    )


def users(fact: Fact, catalog: Snapshot, settled: set[str], *, text: bool = True) -> Iterator[str]:
    """What would be broken: of a rename only text, since what Postgres knows of follows by itself."""
    kind = "column" if fact.kind == "retype" else fact.detail
    targets = [key for key in catalog.of_kind(*_KINDS.get(kind, ())) if _plain(key) == fact.subject]
    if not targets:
        return
    if fact.kind != "rename":
        for key, needed in catalog.needs.items():
            if key in targets or _plain(key) in settled or not _hit(needed, targets, catalog):
                continue
            if not _goes_along(key, targets, catalog):
                yield f"{key[0].replace('_', ' ')} {key[1]}"
    if fact.kind != "retype" and text:
        yield from _bodies(fact, kind, targets, catalog, settled)


def known(fact: Fact, catalog: Snapshot) -> bool:
    """Whether the catalog holds what a fact is about."""
    return any(_plain(key) == fact.subject for key in catalog.of_kind(*_KINDS.get(fact.detail, ())))


def _hit(needed: Sequence[Key], targets: Sequence[Key], catalog: Snapshot) -> bool:
    return any(key in targets or any(up in targets for up in catalog.parents.get(key, ())) for key in needed)


def _goes_along(key: Key, targets: Sequence[Key], catalog: Snapshot) -> bool:
    """What is a part of it is dropped with it: all that is on a table, and a column's own index or default."""
    above = {*catalog.parents.get(key, ())}
    above |= {up for one in above for up in catalog.parents.get(one, ())}
    if above & {*targets}:
        return True
    tables = {up for target in targets if target[0] == "column" for up in catalog.parents.get(target, ())}
    return bool(above & tables) and key[0] in _OWN


def _bodies(
    fact: Fact, kind: str, targets: Sequence[Key], catalog: Snapshot, settled: set[str],
) -> Iterator[str]:
    """Functions whose text speaks of it: by the last part of its name, for a column beside its table's."""
    parts = fact.subject.split(".")
    words = parts[-2:] if kind == "column" else parts[-1:]
    patterns = [re.compile(rf"(?<![\w$]){re.escape(word)}(?![\w$])", re.I) for word in words]
    for key in catalog.of_kind("function"):
        text = str(catalog.objects[key].get("definition", ""))
        body = text.partition("\nAS ")[2] or text
        if key in targets or _plain(key) in settled:
            continue
        if all(pattern.search(body) for pattern in patterns):
            yield f"perhaps function {key[1]}, whose text names it"


def _plain(key: Key) -> str:
    """A name as the analysis writes it: without arguments and quotes."""
    return key[1].partition("(")[0].replace('"', "")
