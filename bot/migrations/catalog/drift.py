"""Compares staging's catalog with production's, and takes out what pending migrations and the platform explain.

What is held is what makes a test on staging say little about production. What differs for good reason in most
projects is noted: a gate that cries wolf would be waived unread.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from bot.domain.catalog import Doc, Key, Snapshot
from bot.domain.drift import Drift, Stray
from bot.domain.entry import Json, canonical
from bot.migrations.catalog.diff import Difference, differences, reordered, value
from bot.migrations.catalog.scope import PLATFORM

_WORD = re.compile(r"[\w$]+")
_RUNS = re.compile(r"EXECUTE (?:FUNCTION|PROCEDURE) ([\w$]+)\.")
_OURS = "stagedoor"

# Kinds that the platform, the dashboard or the place itself decides on.
_PLACE = {
    "extension", "publication", "published", "published_schema", "event_trigger", "default_privileges", "other",
    "statistics",
}
# Properties that change no answer to any query: who owns it, what is written beside it, how it lies on disk.
_TUNED = {
    "owner", "comment", "storage", "compression", "statistics", "clustered", "method", "persistence", "unpopulated",
}
_WHOLE = {"table", "view", "matview", "function", "schema", "enum", "domain", "composite", "range", "sequence"}


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A migration that staging has and production has not: its catalogs where Stagedoor ran it, else its SQL."""

    label: str
    before: Snapshot | None = None
    after: Snapshot | None = None
    sql: str = ""


def drift(
    production: Snapshot, staging: Snapshot, pending: Sequence[Pending] = (), elsewhere: Sequence[Pending] = (),
    planned: str = "",
) -> Drift:
    """What differs for no known reason.

    `elsewhere` are migrations that production has and staging has not. What only staging has is held only where
    the `planned` SQL names it: it was tested on something that production lacks.
    """
    ran = [one for one in pending if one.before and one.after]
    expected, odd, early = _expected(production, ran)
    told = [one for one in (*pending, *elsewhere) if one not in ran]
    words = {one.label: _words(one.sql) for one in told}
    gone_along = {**staging.parents, **production.parents}
    found = differences(expected, staging)
    whole = {one.key for one in found if not one.parts} | {
        key for key in (*production.objects, *staging.objects) if _aside(key, production, staging)
    }
    held = list(odd)
    noted = [f"{_name(key)} is in production already, and {label} makes it" for key, label in early]
    named: dict[str, list[str]] = {}
    tested = _words(planned)
    rights = any(one.key[0] == "default_privileges" for one in found)
    for one in found:
        if any(parent in whole for parent in gone_along.get(one.key, ())) or _ours(one.key):
            continue
        one, light = _weighed(one, rights)
        label = next((label for label, spoken in words.items() if _names(spoken, one, gone_along)), "")
        if label:
            named.setdefault(label, []).append(one.name)
        elif light or _is_note(one, expected, staging, tested):
            noted.append(_short(one))
        else:
            held.append(_stray(one, expected, staging))
    noted += [f"{len(names)} on what {label} names: {_few(names)}" for label, names in named.items()]
    noted += [f"the columns of {table} stand in another order" for table in reordered(production, staging)]
    unsure = _unsure(production, staging, told) if held else ""
    return Drift(held=tuple(held), noted=tuple(noted), unsure=unsure, text=_text(held, noted))


def _expected(
    production: Snapshot, ran: Sequence[Pending],
) -> tuple[Snapshot, list[Stray], list[tuple[Key, str]]]:
    """Production as it would be with what staging's own runs did; what of that cannot be; what it has already."""
    objects: dict[Key, Doc] = dict(production.objects)
    odd, early = list[Stray](), list[tuple[Key, str]]()
    for one in ran:
        assert one.before
        assert one.after
        for change in differences(one.before, one.after):
            key, there = change.key, objects.get(change.key)
            if change.sign == "+":
                after = one.after.objects[key]
                if there is not None and there != after and _weighty(there, after):
                    odd.append(Stray(sign="=", key=key, digest=_digest(there, after), detail=f"pending: {one.label}"))
                elif there is not None and key[0] in _WHOLE | {"column", "index", "policy", "trigger"}:
                    early.append((key, one.label))
                objects[key] = after
            elif change.sign == "-":
                objects.pop(key, None)
            elif there is not None:
                odd += _other_start(change, there, one.label)
                new = {part: now for part, _, now in change.parts}
                doc = {**there, **new}
                objects[key] = {part: each for part, each in doc.items() if each is not None}
    parents = {**production.parents, **{key: up for one in ran if one.after for key, up in one.after.parents.items()}}
    return replace(production, objects=objects, parents=parents), odd, early


def _other_start(change: Difference, there: Doc, label: str) -> list[Stray]:
    """Where a pending migration changes a property that production has otherwise than staging had it."""
    other = [
        (part, there.get(part), old) for part, old, new in change.parts
        if there.get(part) not in (old, new) and part not in _TUNED and part != "acl"
    ]
    if not other:
        return []
    said = "; ".join(f"{part.replace('_', ' ')} {value(here)}, on staging {value(old)} before {label}"
                     for part, here, old in other)
    return [Stray(sign="~", key=change.key, digest=_digest(other), detail=said)]


def _weighty(one: Doc, other: Doc) -> bool:
    return any(one.get(part) != other.get(part) for part in {*one, *other} - _TUNED - {"acl"})


def _weighed(one: Difference, rights: bool) -> tuple[Difference, bool]:
    """A difference by what of it counts, where something does; and whether nothing does."""
    light = [
        part for part in one.parts
        if part[0] in _TUNED or _only_owner(part, one, rights)
        or (part[0] == "options" and one.key[0] in ("table", "column", "matview"))
    ]
    if len(light) == len(one.parts):
        return one, bool(one.parts)
    return replace(one, parts=tuple(part for part in one.parts if part not in light)), False


def _only_owner(part: tuple[str, object, object], one: Difference, rights: bool) -> bool:
    """Whether rights differ for the owners alone; where default rights differ, theirs explain those of objects."""
    name, old, new = part
    if name != "acl":
        return False
    owners = {str(each) for what, *both in one.parts if what == "owner" for each in both}
    was, now = ({role: letters for role, letters in acl.items() if role not in owners} if isinstance(acl, dict) else {}
                for acl in (old, new))
    return rights or was == now


def _is_note(one: Difference, expected: Snapshot, staging: Snapshot, tested: frozenset[str]) -> bool:
    kind = one.key[0]
    if kind in _PLACE:
        return True
    docs = [catalog.objects[one.key] for catalog in (expected, staging) if one.key in catalog.objects]
    if kind == "table" and any("bound" in doc for doc in docs):
        return not one.parts  # a partition is made by time, not by migrations
    if kind == "index" and not one.parts and not any(" UNIQUE " in str(doc.get("definition")) for doc in docs):
        return True
    if kind == "trigger" and _platforms(docs):
        return True
    if one.parts:
        return False
    return one.sign == "+" and kind in _WHOLE and _bare(one.key) not in tested


def _platforms(docs: Sequence[Doc]) -> bool:
    """Whether a trigger runs a function of the platform: its own, or a webhook whose address is of the place."""
    ran = [_RUNS.search(str(doc.get("definition", ""))) for doc in docs]
    return bool(ran) and all(found is not None and found[1] in PLATFORM for found in ran)


def _aside(key: Key, production: Snapshot, staging: Snapshot) -> bool:
    """A partition: what it has comes and goes with it, and it is made by time and not by migrations."""
    return key[0] == "table" and any("bound" in c.objects[key] for c in (production, staging) if key in c.objects)


def _ours(key: Key) -> bool:
    """What Stagedoor itself keeps in a database: its journal, rows that it kept."""
    return key[1].split(".")[0].strip('"').startswith(_OURS)


def _names(words: frozenset[str], one: Difference, parents: Mapping[Key, tuple[Key, ...]]) -> bool:
    """Whether a migration that nobody watched speaks of an object, so that it may be its doing."""
    if not words:
        return False
    if one.parts and all(part == "acl" for part, _, _ in one.parts) and words & {"grant", "revoke"}:
        return True
    bare, above = _bare(one.key), {_bare(key) for key in parents.get(one.key, ())}
    if one.key[0] in ("column", "default"):
        return bare in words
    return bare in words or (one.key[0] not in _WHOLE and bool(above & words))


def _bare(key: Key) -> str:
    """The last word of an object's name, in small letters."""
    found = _WORD.findall(key[1].partition("(")[0])
    return found[-1].lower() if found else ""


def _words(sql: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(sql))


def _stray(one: Difference, expected: Snapshot, staging: Snapshot) -> Stray:
    detail = "; ".join(
        f"{part.replace('_', ' ')}: production {value(old)}, staging {value(new)}" for part, old, new in one.parts
    )
    held = [part for part, _, _ in one.parts]
    sides = [
        {part: doc.get(part) for part in held} if held else dict(doc)
        for doc in (expected.objects.get(one.key, {}), staging.objects.get(one.key, {}))
    ]
    return Stray(sign=one.sign, key=one.key, digest=_digest(sides), detail=detail)


def _digest(*held: object) -> str:
    return hashlib.sha256(canonical(cast(Json, held)).encode()).hexdigest()


def _unsure(production: Snapshot, staging: Snapshot, told: Sequence[Pending]) -> str:
    if production.major != staging.major:
        majors = f"production runs PostgreSQL {production.major}, staging {staging.major}"
        return f"{majors}, and they spell definitions otherwise"
    if told:
        return f"Stagedoor did not see {_few([one.label for one in told])} run"
    return ""


def _text(held: Sequence[Stray], noted: Sequence[str]) -> str:
    lines = [f"{stray.sign} {stray}" for stray in held]
    if noted:
        lines += ["", "Not held against a promotion:", *(f"· {text}" for text in noted)]
    return "\n".join(lines).strip()


def _short(one: Difference) -> str:
    where = {"-": "is only in production", "+": "is only on staging"}.get(one.sign)
    return f"{one.name} {where or 'differs in ' + ', '.join(part.replace('_', ' ') for part, _, _ in one.parts)}"


def _name(key: Key) -> str:
    return f"{key[0].replace('_', ' ')} {key[1]}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
