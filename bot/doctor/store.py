"""Can the journal be kept where it is to be kept?"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from bot.doctor.finding import Finding, Visit, note, ok, wrong
from bot.stores import store_at


def look(visit: Visit) -> Iterable[Finding]:
    address = visit.settings.store_address
    place = store_at(address)
    if address.startswith("sqlite:///"):
        path = Path(address.removeprefix("sqlite:///")).absolute()
        if trouble := _unwritable(path):
            yield wrong("journal", trouble, "Give it to the user that runs Stagedoor, or set STAGEDOOR_STORE_URL.")
            return
    if place.exists():
        yield ok("journal", f"{place.name} is there and can be written.")
    else:
        yield note("journal", f"{place.name} does not exist yet; the first `stagedoor serve` begins it.")


def _unwritable(path: Path) -> str:
    """What keeps this user from writing there; nothing when it can."""
    if path.exists():
        return "" if os.access(path, os.R_OK | os.W_OK) else f"{path} cannot be written by this user."
    nearest = next(folder for folder in path.parents if folder.exists())
    if not nearest.is_dir():
        return f"{nearest} is no folder."
    return "" if os.access(nearest, os.W_OK | os.X_OK) else f"{nearest} cannot be written by this user."
