"""The way from one catalog back to another, as SQL with the real old definitions.

One step is worked out at a time: `bot.migrations.catalog.trial` runs it, looks at what the catalog is then, and asks
for the next. What a statement does beside its own words (names that follow a rename, what a partition takes along)
need not be foreseen that way.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from bot.domain.catalog import Key, Snapshot
from bot.errors import Refused
from bot.migrations.catalog.altering import alter, lets_go, retypes
from bot.migrations.catalog.making import drop, make
from bot.migrations.catalog.order import in_order
from bot.migrations.catalog.renames import renames

_TYPES = ("enum", "domain", "composite", "range")
READERS = ("view", "matview", "rule", "policy", "trigger", "function", "default")
"""What reads a column and has to step aside while it gets another type."""


@dataclass(kw_only=True)
class Step:
    """Statements to run one after the other, and sentences about what cannot be written."""

    statements: list[str] = field(default_factory=list)
    unable: list[str] = field(default_factory=list)


def step(now: Snapshot, then: Snapshot) -> Step:
    """What to do next; no statements when nothing can be done, or nothing is left to do."""
    if named := renames(now, then):
        return Step(statements=named)
    return _Work(now, then).done()


class _Work:
    """Sorts out what goes, what comes and what is altered in place."""

    def __init__(self, now: Snapshot, then: Snapshot) -> None:
        self._now, self._then = now, then
        self._step = Step()
        self._altered: dict[Key, list[str]] = {}
        self._lets_go: list[str] = []
        self._rebuilt: set[Key] = set()
        self._readers: defaultdict[Key, list[Key]] = defaultdict(list)
        self._children: defaultdict[Key, list[Key]] = defaultdict(list)
        for key, on in now.needs.items():
            for other in on:
                self._readers[other].append(key)
        for key in now.parents:
            for other in self._above(key):
                self._children[other].append(key)

    def done(self) -> Step:
        now, then = self._now, self._then
        falls = {key for key in now.objects if key not in then.objects and key not in now.inherited}
        for key in now.objects:
            if key in then.objects and now.objects[key] != then.objects[key]:
                falls |= self._turn(key)
        falls = self._with_readers(falls - self._still_had(falls))
        self._guard(falls)
        if self._step.unable and not (falls or self._altered):
            return self._step
        gone = self._with_children(falls)
        comes = {key for key in (then.objects.keys() - now.objects.keys()) | (gone & then.objects.keys())}
        self._step.statements += self._lets_go
        self._drop(falls, gone)
        self._bring({key for key in comes if key not in then.inherited})
        return self._step

    def _still_had(self, falls: set[Key]) -> set[Key]:
        """Types that a column has which gets its old type back in this step: they go in the next one."""
        return {
            key for key in falls if key[0] in _TYPES and any(
                reader[0] == "column" and reader in self._altered and key not in self._then.needs.get(reader, ())
                for reader in self._readers[key]
            )
        }

    def _turn(self, key: Key) -> set[Key]:
        """Alter in place, or return what has to fall for it."""
        said = alter(key, self._now, self._then)
        if said is None:
            return {key}
        self._altered[key] = said
        self._lets_go += lets_go(key, self._now, self._then)
        if key[0] == "enum" and self._now.objects[key].get("labels") != self._then.objects[key].get("labels"):
            users = set(self._readers[key])
            columns = {user for user in users if user[0] == "column" and user in self._then.objects}
            return (users - columns - {key}) | {reader for column in columns for reader in self._read_by(column)}
        return self._read_by(key) if retypes(key, self._now, self._then) else set()

    def _read_by(self, column: Key) -> set[Key]:
        generated = {
            reader for reader in self._readers[column]
            if reader[0] == "column" and self._now.objects[reader].get("generated")
        }
        default = ("default", column[1])
        return {
            *(reader for reader in self._readers[column] if reader[0] in READERS), *generated,
            *({default} if default in self._now.objects else ()),
        }

    def _with_readers(self, falls: set[Key]) -> set[Key]:
        """What falls, and what is built on it, down to the last view of a view."""
        found, open_ = set(falls), list(falls)
        while open_:
            key = open_.pop()
            below = {*self._readers[key], *(r for child in self._children[key] for r in self._readers[child])}
            for reader in below - found:
                if not self._implied(reader, found) and reader not in self._now.inherited:
                    found.add(reader)
                    open_.append(reader)
        return found

    def _implied(self, key: Key, falls: set[Key]) -> bool:
        return any(above in falls or self._implied(above, falls) for above in self._above(key))

    def _above(self, key: Key) -> list[Key]:
        """What an object goes away with; a schema has to be empty before it goes."""
        return [above for above in self._now.parents.get(key, ()) if above[0] != "schema"]

    def _with_children(self, falls: set[Key]) -> set[Key]:
        gone, open_ = set(falls), list(falls)
        while open_:
            for child in self._children[open_.pop()]:
                if child not in gone:
                    gone.add(child)
                    open_.append(child)
        return gone

    def _guard(self, falls: set[Key]) -> None:
        """Never drop what holds data and is to stay."""
        for key in sorted(falls & self._then.objects.keys()):
            derived = key[0] == "column" and self._then.objects[key].get("generated")
            if key[0] in ("table", "column", "schema", "extension") and not derived:
                self._step.unable.append(f"{key[0]} {key[1]} would have to be dropped and made anew, with its data.")
                falls.discard(key)

    def _drop(self, falls: set[Key], gone: set[Key]) -> None:
        roots = {key for key in falls if not self._implied(key, falls)}
        root_of = {key: self._root(key, roots) for key in gone}
        waits: dict[Key, set[Key]] = {root: set() for root in roots}
        crossing: set[Key] = set()
        for key in gone:
            for on in self._now.needs.get(key, ()):
                mine, other = root_of[key], root_of.get(on)
                if other is None or mine is None or mine == other:
                    continue
                if key[0] == "constraint" and key not in roots:
                    # Tables that refer to each other let go of each other first; a partition's goes with its table's.
                    crossing |= {key} - self._now.inherited
                else:
                    waits[other].add(mine)
        for key in [*sorted(crossing), *in_order(roots, waits, first=_FALLS_FIRST)]:
            try:
                self._step.statements += drop(key, self._now)
            except Refused as refused:
                self._step.unable.append(str(refused))

    def _root(self, key: Key, roots: set[Key]) -> Key | None:
        if key in roots:
            return key
        return next((root for above in self._above(key) if (root := self._root(above, roots))), None)

    def _bring(self, comes: set[Key]) -> None:
        then = self._then
        tables = {key for key in comes if key[0] == "table"}
        within = {key for key in comes if key[0] == "column" and then.parents[key][0] in tables}
        nodes = (comes - within) | {key for key in self._altered if key not in comes}
        stands_for = {**{key: then.parents[key][0] for key in within}, **{key: key for key in nodes}}
        waits: dict[Key, set[Key]] = {node: set() for node in nodes}
        for key in (*nodes, *within):
            own = stands_for[key]
            for on in (*then.needs.get(key, ()), *then.parents.get(key, ())):
                other = stands_for.get(on)
                if other and other != own and not (key[0] == "sequence" and on[0] in ("column", "table")):
                    waits[own].add(other)
        last: list[str] = []
        inlined: set[Key] = set()
        for key in in_order(nodes, waits, first=_COMES_FIRST):
            if key in self._altered and key not in comes:
                self._step.statements += self._altered[key]
                continue
            try:
                made, later = make(key, then)
            except Refused as refused:
                self._step.unable.append(str(refused))
                continue
            if key[0] == "column" and (filled := _filled(key, made, then)):
                made, inlined = filled, inlined | {("default", key[1])}
            self._step.statements += made if key not in inlined else []
            last += later
        self._step.statements += last


def _filled(key: Key, made: list[str], then: Snapshot) -> list[str]:
    """A column made with its default, so that rows that are there get it; nothing where it leans on more."""
    default = then.objects.get(("default", key[1]))
    if default is None or then.needs.get(("default", key[1]), ()) != (key,):
        return []
    return [f"{made[0]} DEFAULT {default['expression']}", *made[1:]]


_FALLS_FIRST = (
    "event_trigger", "published", "published_schema", "publication", "rule", "policy", "trigger", "view", "matview",
    "constraint", "index", "statistics", "default", "column", "function", "table", "sequence",
)
_COMES_FIRST = (
    "default_privileges", "schema", "extension", "enum", "range", "composite", "domain", "sequence", "table", "column",
    "default", "function", "index", "constraint", "view", "matview", "trigger", "rule", "policy",
)

