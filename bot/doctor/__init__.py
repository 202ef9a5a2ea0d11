"""`stagedoor doctor`, as far as it needs no Slack: one check a file, in the order in which people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.doctor import backups, databases, folders, github, hosts, pg_dump, store, watched
from bot.doctor.finding import Check, Visit, guarded
from bot.doctor.finding import Finding as Finding
from bot.settings import Settings

CHECKS: Mapping[str, Check] = {
    "store": store.look,
    "hosts": hosts.look,
    "folders": folders.look,
    "databases": databases.look,
    "pg_dump": pg_dump.look,
    "backups": backups.look,
    "github": github.look,
    "watched": watched.look,
}


def examine(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything but Slack."""
    visit = Visit(settings=settings, environ=environ)
    for name, look in CHECKS.items():
        yield from guarded(name, look(visit))
