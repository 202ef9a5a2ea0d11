"""What is configured for later releases: said, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterable

from bot.doctor.finding import Finding, Visit, note
from bot.settings import ProjectSettings, Settings

UNUSED = "it is configured, but this release does not use it yet."

READ = "configured; /migrate backup shows what Supabase itself keeps of production."


def look(visit: Visit) -> Iterable[Finding]:
    settings = visit.settings
    for project in settings.projects.values():
        what = "Management API" if len(settings.projects) == 1 else f"{project.name}, Management API"
        reads = project.supabase_access_token and project.production_project_ref
        yield note(what, READ if reads else _off(project))
    for what, given in _others(settings):
        if given:
            yield note(what, UNUSED)


def _off(project: ProjectSettings) -> str:
    missing = [name for name in ("STAGING_PROJECT_REF", "PRODUCTION_PROJECT_REF") if not getattr(project, name.lower())]
    needed = [*([] if project.supabase_access_token else ["SUPABASE_ACCESS_TOKEN"]), *missing]
    return f"not configured ({', '.join(needed)}); logs and backups of the platform are not read."


def _others(settings: Settings) -> Iterable[tuple[str, object]]:
    yield "paging", settings.pager_url
