"""Hosts that throw a container's disk away at every restart, and with it a journal or backups kept there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

NO_DISK: Final = {"DYNO": "Heroku", "K_SERVICE": "Cloud Run"}
"""Hosts without any disk that stays, by the variable that gives them away."""

ONLY_VOLUMES: Final = {"FLY_APP_NAME": "Fly", "RENDER": "Render", "RAILWAY_PROJECT_ID": "Railway"}
"""Hosts where only a mounted volume stays."""

IsMount = Callable[[Path], bool]


def discarding_host(environ: Mapping[str, str], path: Path, is_mount: IsMount = os.path.ismount) -> str | None:
    """The name of the host that would discard this path, or None."""
    for variable, host in NO_DISK.items():
        if environ.get(variable):
            return host
    for variable, host in ONLY_VOLUMES.items():
        if environ.get(variable) and not _on_volume(path, is_mount):
            return host
    return None


def _on_volume(path: Path, is_mount: IsMount) -> bool:
    resolved = path.resolve()
    return any(is_mount(folder) for folder in (resolved, *resolved.parents) if folder != Path(resolved.anchor))
