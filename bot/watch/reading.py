"""Readings as people may see them: statements and messages without the values that customers wrote."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.domain.reading import Reading
from bot.ports import Vitals
from bot.sightings.messages import template
from bot.sightings.statements import shown

_LEVEL = re.compile(r"\A(?:ERROR|FATAL|PANIC):\s+")


def read(vitals: Vitals, slow_ms: int) -> Reading:
    """One look, every literal taken out of it before anything is made of it. Raises `Unreachable`."""
    found = vitals.read(slow_ms)
    return replace(
        found,
        sessions=tuple(replace(each, query=shown(each.query)) for each in found.sessions),
        statements={id: replace(each, text=shown(each.text)) for id, each in found.statements.items()},
        failed_jobs=tuple(replace(each, said=_failure(each.said)) for each in found.failed_jobs),
    )


def _failure(said: str) -> str:
    """A job's message, whose state pg_cron does not keep: names stay as in the server's own, usual words too."""
    return template("XX000", _LEVEL.sub("", said))
