"""In which order the triggers of a table fire, as Postgres has it: by moment, and within one by name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from bot.domain.catalog import Snapshot
from bot.migrations.catalog.diff import Difference

_DEFINED = re.compile(r"(BEFORE|AFTER|INSTEAD OF) (.+?) ON .*?FOR EACH (ROW|STATEMENT)", re.DOTALL)
_EVENT = re.compile(r"INSERT|UPDATE|DELETE|TRUNCATE")
_MOMENTS = ("BEFORE STATEMENT", "BEFORE ROW", "INSTEAD OF ROW", "AFTER ROW", "AFTER STATEMENT")
_EVENTS = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")


def firing(before: Snapshot, after: Snapshot, found: Sequence[Difference]) -> list[str]:
    """A sentence for each table whose triggers changed: `books: BEFORE UPDATE ROW audit, touch; …`."""
    both = {**before.objects, **after.objects}
    tables = {str(both[one.key].get("_on") or _table(one.key[1])) for one in found if one.key[0] == "trigger"}
    return [told for table in sorted(tables) if (told := _told(table, after))]


def _told(table: str, after: Snapshot) -> str:
    moments: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    off = []
    for kind, name in after.of_kind("trigger"):
        if _table(name) != table:
            continue
        doc, own = after.objects[kind, name], name.removeprefix(f"{table}.")
        if doc.get("enabled") == "D":
            off.append(own)
        elif match := _DEFINED.search(str(doc["definition"])):
            moment = _MOMENTS.index(f"{match[1]} {match[3]}")
            for event in set(_EVENT.findall(re.sub(r"UPDATE OF .*?(?= OR |$)", "UPDATE", match[2]))):
                moments[_EVENTS.index(event), moment].append(own)
    said = []
    for (event, moment), names in sorted(moments.items()):
        when, _, each = _MOMENTS[moment].rpartition(" ")
        once = " (once a statement)" if each == "STATEMENT" else ""
        said.append(f"{when} {_EVENTS[event]}{once}: {', '.join(sorted(names, key=_plain))}")
    said += [f"switched off: {', '.join(sorted(off))}"] if off else []
    return f"{table.removeprefix('public.')} {'; '.join(said)}" if said else ""


def _table(trigger: str) -> str:
    """The table in a trigger's full name; a name in quotes may hold dots."""
    return re.sub(r'\.("(?:[^"]|"")*"|[^".]+)$', "", trigger)


def _plain(name: str) -> bytes:
    """Postgres sorts names by their bytes."""
    return name.strip('"').encode()
