"""Where backups go: is there a folder to write to, a bucket that answers, a recipient that can be read?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bot.doctor.finding import Finding, Visit, note, ok, wrong
from bot.errors import Refused
from bot.migrations.backup import scratch
from bot.migrations.backup.bucket import Bucket
from bot.migrations.backup.programs import newest
from bot.migrations.backup.sealing import recipient
from bot.settings import Settings


def look(visit: Visit) -> Iterable[Finding]:
    settings = visit.settings
    policies = [project.policy.backups for project in settings.projects.values()]
    if all(policy.when == "never" and policy.schedule is None for policy in policies):
        yield note("backups", "The policy takes none.")
        return
    yield from _folder(settings)
    if settings.backup_url:
        bucket = Bucket(settings.backup_url.get_secret_value(), "")
        yield _tried("backups, bucket", bucket.ready, "the bucket of BACKUP_URL answers and lets us in.")
    if settings.backup_encrypt_to:
        key = settings.backup_encrypt_to
        said = "dumps are encrypted to BACKUP_ENCRYPT_TO; only its identity, which is not here, opens them."
        yield _tried("backups, encryption", lambda: recipient(key), said)
    program = newest(settings.pg_dump, visit.environ)
    if program and any(policy.proof == "restore" for policy in policies):
        yield _tried("backups, proof", lambda: scratch.require(program), "a server to restore into is beside pg_dump.")


def _folder(settings: Settings) -> Iterator[Finding]:
    """Nothing is made here: looking changes nothing."""
    path: Path = settings.backup_dir
    there = next((each for each in (path, *path.parents) if each.exists()), Path("/"))
    if os.access(there, os.W_OK | os.X_OK) and there.is_dir():
        free = os.statvfs(there)
        size = free.f_bavail * free.f_frsize / 1e9
        yield ok("backups", f"{path} can be written, {size:.1f} GB are free.")
    else:
        yield wrong("backups", f"{there} cannot be written.", "Give Stagedoor's user a folder, or set BACKUP_DIR.")


def _tried(what: str, look: Callable[[], object], said: str) -> Finding:
    try:
        look()
    except Refused as refused:
        return wrong(what, str(refused), "Until then what destroys data waits at its gates.")
    return ok(what, said)
