"""Whether what a staging run saw of statements that nobody can read shows that they destroy and open nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.domain.catalog import Snapshot
from bot.domain.entry import Json
from bot.domain.risks import Ran, Unread
from bot.domain.values import maps, texts
from bot.migrations.catalog.access import access
from bot.migrations.catalog.diff import differences
from bot.migrations.catalog.losses import lost

UNSEEN = "was not looked at while it ran"
NOTHING = "changed nothing, which does not show what it may do elsewhere"
PERHAPS = "may change rows where it cannot be read"


def showing(
    unread: Sequence[Unread], seen: Mapping[str, Json], before: Snapshot | None, after: Snapshot | None,
) -> tuple[Ran, ...]:
    """What each place did, by what a witness has `seen` of the file and the catalogs around it.

    Only what was seen to do something, and nothing that cannot be undone, is harmless: a run that changed nothing says
    nothing of other data.
    """
    looks = maps(seen.get("unread"))
    closing = [harm for look in looks if not look["lines"] for harm in _harm(look, before, after)]
    return tuple(_ran(each, looks, closing, before, after) for each in unread)


def _ran(
    place: Unread, looks: Sequence[Mapping[str, Json]], closing: Sequence[str], before: Snapshot | None,
    after: Snapshot | None,
) -> Ran:
    own = [one for one in looks if isinstance(lines := one["lines"], list) and place.line in lines]
    if not own:
        return Ran(line=place.line, did=UNSEEN, harmless=False, stays=(PERHAPS,))
    harm = [each for one in own for each in _harm(one, before, after)]
    harm += [f"{each} at the end of the file" for each in closing]
    good = [list(_good(one)) for one in own]
    did = list(dict.fromkeys(harm or [each for one in good for each in one]))
    if not harm and not all(good):
        did.append(f"another statement of the line {NOTHING}" if did else NOTHING)
    rows = [row for one in (*own, *(look for look in looks if not look["lines"])) for row in _rows(one)]
    emptied = [_plain(table) for one in own for table in texts(one.get("emptied"))]
    lost = [f"all rows of {table}" for table in emptied]
    lost += [f"the rows that it deletes from {table}" for table, (_, _, deleted) in rows if deleted]
    stays = [f"overwrites rows of {table}" for table, (_, updated, _) in rows if updated]
    stays += [f"inserts into {table}" for table, (inserted, _, _) in rows if inserted]
    return Ran(
        line=place.line, did="; ".join(did), harmless=all(good) and not harm, lost=tuple(dict.fromkeys(lost)),
        stays=tuple(dict.fromkeys(stays if did != [NOTHING] else [PERHAPS])),
    )


def _harm(look: Mapping[str, Json], before: Snapshot | None, after: Snapshot | None) -> Iterator[str]:
    for table, counts in _rows(look):
        for did, count in zip(("updated", "deleted"), counts[1:], strict=True):
            if count:
                yield f"{did} {_many(count)} of {table}"
    yield from (f"emptied or rewrote {_plain(table)}" for table in texts(look.get("emptied")))
    yield from (f"dropped {_plain(table)}" for table in texts(look.get("gone")))
    yield from texts(look.get("beyond"))
    if not look.get("defines"):
        return
    if before is None or after is None:
        yield "changed definitions, which could not be compared"
        return
    yield from (f"changed definitions, in a file that loses {what}" for what in lost(before, after))
    if _rights(before, after):
        yield "changed definitions, in a file that changes who may do what"


def _rights(before: Snapshot, after: Snapshot) -> bool:
    """Whether the API's roles can do something otherwise, or anything that rights depend on is not what it was."""
    had = access(before)
    return any(had.get(what) != how for what, how in access(after).items()) or any(
        one.key[0] in _RIGHTS or any(part in _RIGHTS for part, _, _ in one.parts) for one in differences(before, after)
    )


_RIGHTS = frozenset({
    "policy", "default_privileges", "acl", "owner", "rls", "force_rls", "definer", "options",
})


def _good(look: Mapping[str, Json]) -> Iterator[str]:
    yield from (f"put {_many(counts[0])} into {table}" for table, counts in _rows(look))
    if look.get("fills"):
        yield "filled a table that the file makes"
    if look.get("defines"):
        yield "changed definitions, without losing data or opening access"


def _rows(look: Mapping[str, Json]) -> Iterator[tuple[str, list[int]]]:
    rows = look.get("rows")
    for table, counts in rows.items() if isinstance(rows, dict) else ():
        assert isinstance(counts, list)
        yield _plain(table), [int(str(count)) for count in counts]


def _many(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _plain(name: str) -> str:
    return name.removeprefix("public.")
