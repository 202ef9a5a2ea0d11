"""Is production seen: its database's own counters, its logs by the Management API or a drain, and who is paged?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import httpx

from bot.adapters.supabase import ManagementLogs
from bot.adapters.system_clock import SystemClock
from bot.doctor.finding import Finding, Visit, note, ok, unknown, wrong
from bot.errors import StagedoorError
from bot.migrations.vitals import PostgresVitals
from bot.ports import Cursor, PollTrouble
from bot.settings import ProjectSettings, Settings
from bot.watch.sight import MISSING, WORDS

SLOW_MS = 1000


def look(visit: Visit) -> Iterable[Finding]:
    settings = visit.settings
    for project in settings.projects.values():
        before = "" if len(settings.projects) == 1 else f"{project.name}, "
        yield _counters(f"{before}watching production", project)
        yield from _logs(before, project, settings)
    if settings.pager_url is not None:
        said = "configured; what [watch] page names wakes somebody. Nothing was sent to try it."
        yield note("paging", said)


def _counters(what: str, project: ProjectSettings) -> Finding:
    """What the watch would not see of the database."""
    vitals = PostgresVitals(project.production_database_url.get_secret_value(), "production", SystemClock())
    try:
        unread = vitals.read(SLOW_MS).unread
    except StagedoorError as trouble:
        return unknown(what, str(trouble))
    parts = {WORDS.get(part, (part, "")): why for part, why in unread.items()}
    if not parts:
        return ok(what, "sessions, statements, locks, connections and jobs can be read.")
    said = "not seen: " + "; ".join(f"{name} ({why})" for (name, _), why in parts.items()) + "."
    mend = " ".join(dict.fromkeys(mend for _, mend in parts if mend))
    return note(what, f"{said} {mend}".strip()) if mend or set(parts.values()) <= {MISSING} else unknown(what, said)


def _logs(before: str, project: ProjectSettings, settings: Settings) -> Iterator[Finding]:
    """A question to each project's log endpoint, as the polling asks it."""
    if project.supabase_drain_secret is not None:
        yield note(f"{before}log drain", "a secret is set; /migrate status says when nothing is delivered.")
    token, refs = project.supabase_access_token, {"staging": project.staging_ref, "production": project.production_ref}
    if token is None or not all(refs.values()):
        yield note(f"{before}Management API", _off(project))
    for environment, ref in refs.items():
        if token is None or not ref:
            continue
        what, clock = f"{before}logs of {environment}", SystemClock()
        with httpx.Client() as client:
            source = ManagementLogs(client, settings.supabase_api_url, token.get_secret_value(), ref, clock)
            now = clock.now()
            try:
                source.page(Cursor(int((now - timedelta(minutes=1)).timestamp() * 1000)), now)
            except PollTrouble as trouble:
                passing = trouble.again or trouble.until is None
                yield unknown(what, str(trouble)) if passing else wrong(what, str(trouble), "docs/logs.md has more.")
                continue
        yield ok(what, "the Management API answers; it is asked for what goes wrong.")


def _off(project: ProjectSettings) -> str:
    missing = [name for name in ("STAGING_PROJECT_REF", "PRODUCTION_PROJECT_REF") if not getattr(project, name.lower())]
    needed = [*([] if project.supabase_access_token else ["SUPABASE_ACCESS_TOKEN"]), *missing]
    return f"not configured ({', '.join(needed)}); logs and backups of the platform are not read."
