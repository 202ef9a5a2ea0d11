"""The verification checklist of a staging run: one line for each thing that the written runbook asks to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.domain.catalog import Key, Snapshot
from bot.domain.entry import Json
from bot.domain.values import texts
from bot.migrations.catalog.access import access_diff
from bot.migrations.catalog.diff import Difference, differences, value
from bot.migrations.catalog.firing import firing
from bot.migrations.catalog.renames import renamed
from bot.migrations.catalog.witness import BLOCKS_READING, BLOCKS_WRITING, MODES

_SHOWN = 6
_BRIEF = 40
_LINES = (
    ("Tables", ("table", "view", "matview", "schema")),
    ("Columns and types", ("column", "default", "enum", "domain", "composite", "range", "sequence")),
    ("Constraints", ("constraint",)), ("Indexes", ("index", "statistics")), ("Policies", ("policy",)),
    ("Triggers and rules", ("trigger", "rule", "event_trigger")), ("Functions", ("function",)),
    ("Publications, extensions, default rights", (
        "publication", "published", "published_schema", "extension", "default_privileges", "other",
    )),
)


def checklist(
    before: Snapshot, after: Snapshot, seen: Mapping[str, Json], uncompiled: Mapping[str, str] | None = None,
    counts: Mapping[str, int] | None = None,
) -> list[str]:
    """What is there now that was not, or no longer, or otherwise; then who may do what, and the rows.

    `uncompiled` are functions that do not compile, `counts` the rows of the touched tables, both as they are now; None
    where nobody could ask.
    """
    found = differences(before, after)
    moved = renamed(before, after)
    apart = [one for one in found if one.parts or not {one.key} & {*moved, *moved.values()}]
    lines = []
    for title, kinds in _LINES:
        own = [one for one in apart if one.key[0] in kinds and not _with_its_table(one, apart, after, before)]
        if told := [*_renames(kinds, moved, before, after), *map(_short, own)]:
            more = _compile(own, after, uncompiled) if kinds[0] == "function" else _and_more(kinds[0], own, after)
            lines.append(f"{title}: {_few(told)}{more}")
    if others := sorted({*(uncompiled or {})} - {one.key[1] for one in found}):
        told = [f"{_plain(name)}, {(uncompiled or {})[name]}" for name in others]
        lines.append(f"Functions that the files do not touch and that do not compile now: {_few(told, '; ')}")
    lines += [f"Firing order: {told}" for told in firing(before, after, found)]
    if not found:
        lines.append("Catalog: as it was before")
    access = access_diff(before, after)
    lines += [f"Access: {sentence}" for sentence in access[:_SHOWN]]
    if len(access) > _SHOWN:
        lines.append(f"Access: … and {len(access) - _SHOWN} more in the file")
    if not access:
        lines.append("Access: anon, authenticated and service_role can do what they could do before")
    return [*lines, _rows(seen), *_counted(counts), _foreign_keys(after, found)]


def _renames(kinds: Sequence[str], moved: Mapping[Key, Key], before: Snapshot, after: Snapshot) -> Iterator[str]:
    """`~ books.sold is now books.price`; not of what only follows the table that it is on."""
    for old, new in sorted(moved.items()):
        follows = any(
            moved.get(above) in after.parents.get(new, ()) and _own(old, above) == _own(new, moved[above])
            for above in before.parents.get(old, ()) if above in moved
        )
        if old[0] in kinds and old[0] not in ("default", "published") and not follows:
            yield f"~ {_plain(old[1])} is now {_plain(new[1])}"


def _own(key: Key, above: Key) -> str:
    return key[1].removeprefix(f"{above[1]}.")


def touched(before: Snapshot, after: Snapshot, seen: Mapping[str, Json]) -> list[str]:
    """The tables that a run changed, in their definition or their rows, and that are still there."""
    names = {key[1] for one in differences(before, after) for key in (one.key, *after.parents.get(one.key, ()))
             if key[0] == "table"}
    rows = seen.get("rows")
    return sorted(name for name in {*names, *(rows if isinstance(rows, dict) else ())}
                  if ("table", name) in after.objects)


def locks(
    before: Snapshot, seen: Mapping[str, Json], staging: Mapping[str, int], production: Mapping[str, int],
) -> list[str]:
    """What others had to wait for, longest first: `books for about 41 ms (reads and writes wait; …)`."""
    said = []
    for lock in held(before, seen):
        waits = "reads and writes wait" if MODES.index(lock["mode"]) >= BLOCKS_READING else "writes wait"
        size = _size(lock["table"], staging, production)
        said.append(f"{_plain(lock['table'])} for about {_span(lock['seconds'])} ({waits}; {size})")
    return said


def held(before: Snapshot, seen: Mapping[str, Json]) -> list[dict[str, Any]]:
    """The locks on tables that were there before, for which writers or readers waited; longest first."""
    known = [lock for lock in _list(seen.get("locks")) if ("table", lock["table"]) in before.objects]
    heavy = [lock for lock in known if MODES.index(lock["mode"]) >= BLOCKS_WRITING]
    return sorted(heavy, key=lambda lock: -lock["seconds"])


def _size(table: str, staging: Mapping[str, int], production: Mapping[str, int]) -> str:
    here, there = staging.get(table), production.get(table)
    if there is None:
        return "how many rows production has is not known"
    if not here or there < here * 2:
        return f"production has about {_count(there)} rows"
    return f"production has {there / here:.0f} × the rows, about {_count(there)}"  # noqa: RUF001


def _count(rows: int) -> str:
    return f"{rows / 1e6:.1f} M" if rows >= 1_000_000 else f"{rows // 1000} k" if rows >= 10_000 else str(rows)


def _span(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))} ms" if seconds < 1 else f"{seconds:.1f} s"


def _rows(seen: Mapping[str, Json]) -> str:
    rows = seen.get("rows")
    if not isinstance(rows, dict):
        return "Rows: not counted; the file was in before Stagedoor could look"
    said = [f"{_plain(table)} emptied" for table in texts(seen.get("emptied"))]
    said += [
        f"{_plain(table)} {', '.join(f'{count} {what}' for count, what in zip(counts, _DID, strict=True) if count)}"
        for table, counts in rows.items() if isinstance(counts, list)
    ]
    return f"Rows, as the transaction counted them: {_few(said)}" if said else "Rows: none inserted, updated or deleted"


_DID = ("inserted", "updated", "deleted")


def _foreign_keys(after: Snapshot, found: Sequence[Difference]) -> str:
    there = [one.key for one in found if one.key in after.objects]
    touched = {after.parents[key][0] if key[0] == "column" else key for key in there}
    keys = [
        key for key in after.of_kind("constraint")
        if after.objects[key].get("type") == "f" and {after.parents[key][0], key} & touched
    ]
    open_ = [key[1] for key in keys if "NOT VALID" in str(after.objects[key]["definition"])]
    if open_:
        return f"Foreign keys: not checked for older rows: {_few(open_)}"
    return f"Foreign keys: {len(keys)} of the touched tables, all valid" if keys else "Foreign keys: none touched"


def _and_more(kind: str, own: list[Difference], after: Snapshot) -> str:
    there = [one.key for one in own if one.key in after.objects]
    match kind:
        case "index" if there:
            invalid = [key[1] for key in there if after.objects[key].get("invalid")]
            return f"; INVALID: {_few(invalid)}" if invalid else "; valid"
        case "constraint" if there:
            open_ = [key[1] for key in there if "NOT VALID" in str(after.objects[key]["definition"])]
            return f"; NOT VALID: {_few(open_)}" if open_ else "; valid"
        case _:
            return ""


def _compile(own: Sequence[Difference], after: Snapshot, uncompiled: Mapping[str, str] | None) -> str:
    there = [one.key[1] for one in own if one.key in after.objects]
    if not there:
        return ""
    if uncompiled is None:
        return "; could not check whether they compile"
    broken = [f"{_plain(name)}, {uncompiled[name]}" for name in there if name in uncompiled]
    return f"; does not compile: {_few(broken, '; ')}" if broken else "; compiled"


def _counted(counts: Mapping[str, int] | None) -> list[str]:
    if counts is None:
        return ["Rows there now: could not count them"]
    told = [f"{_plain(name)} {count:,}" for name, count in counts.items()]
    return [f"Rows there now: {_few(told)}"] if told else []


def _with_its_table(one: Difference, found: Sequence[Difference], after: Snapshot, before: Snapshot) -> bool:
    """Columns of a table that is new or gone are told with it, and a default with its column."""
    whole = {other.key for other in found if not other.parts and other.key[0] in ("table", "column")} - {one.key}
    above = (after.parents | before.parents).get(one.key, ())
    return one.key[0] in ("column", "default") and not one.parts and (
        bool(whole & set(above)) or any(whole & set((after.parents | before.parents).get(key, ())) for key in above)
    )


def _short(one: Difference) -> str:
    name = f"{'default of ' if one.key[0] == 'default' else ''}{_plain(one.key[1])}"
    if not one.parts:
        return f"{one.sign} {name}"
    return f"{one.sign} {name} ({', '.join(_change(*part) for part in one.parts)})"


def _change(part: str, old: Json, new: Json) -> str:
    """What changed of an object; with both values where they are short."""
    word, values = part.replace("_", " "), (value(old), value(new))
    return f"{word}: {values[0]} → {values[1]}" if max(map(len, values)) <= _BRIEF else word


def _few(texts: Sequence[str], between: str = ", ") -> str:
    return between.join(texts[:_SHOWN]) + (f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")


def _plain(name: str) -> str:
    return name.removeprefix("public.")


def _list(value: Json) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
