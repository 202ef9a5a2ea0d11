"""Which checker it is: what another one said of a file is stale."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files as inside


@cache
def checker_version() -> str:
    """Changes with every check, and with the programs that they lean on."""
    digest = hashlib.sha256()
    for package in ("bot.migrations.lint", "bot.migrations.sql"):
        for path in sorted(inside(package).iterdir(), key=lambda path: path.name):
            if path.name.endswith(".py"):
                digest.update(path.read_bytes())
    for library in ("postgast", "squawk-cli"):
        try:
            digest.update(version(library).encode())
        except PackageNotFoundError:
            continue
    return digest.hexdigest()[:16]
