"""What a staging run made of the catalog, kept small: only the objects that it touched, as they were and became.

Whoever asks what many files change would otherwise read two whole catalogs for each of them.
"""

from __future__ import annotations

import json
from functools import lru_cache

from bot.domain.catalog import Snapshot
from bot.domain.evidence import Staged
from bot.migrations.catalog.diff import differences
from bot.ports import Shelves

Both = tuple[Snapshot, Snapshot]


def kept(before: str, after: str, shelves: Shelves) -> str:
    """Keep what differs between two catalogs, given by their SHA-256; nothing where one of them was not seen."""
    if not (before and after):
        return ""
    first, last = (_decoded(shelves.fetch(sha256)) for sha256 in (before, after))
    touched = [one.key for one in differences(first, last)]
    return shelves.keep(b"[%b,%b]" % (first.only(touched).encoded(), last.only(touched).encoded()))


def seen(run: Staged, shelves: Shelves) -> Both | None:
    """What a run touched, as it was and as it became; of a run from before these were kept, both catalogs whole.

    None where nobody saw the catalogs. Raises `Unknown` where what was kept is gone.
    """
    if run.changes:
        was, became = json.loads(shelves.fetch(run.changes))
        return Snapshot.of_json(was), Snapshot.of_json(became)
    if not (run.before and run.after):
        return None
    return _decoded(shelves.fetch(run.before)), _decoded(shelves.fetch(run.after))


@lru_cache(maxsize=2)
def _decoded(content: bytes) -> Snapshot:
    """What one file leaves is what the next one finds."""
    return Snapshot.decoded(content)
