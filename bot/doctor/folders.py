"""Are the migrations where they are looked for?"""

from __future__ import annotations

from collections.abc import Iterable

from bot.adapters.system_clock import SystemClock
from bot.doctor.finding import Finding, Visit, ok, wrong
from bot.errors import StagedoorError
from bot.opening import open_projects


def look(visit: Visit) -> Iterable[Finding]:
    opened = open_projects(visit.settings, SystemClock())
    for name, project in opened.items():
        what = "migrations" if len(opened) == 1 else f"{name}, migrations"
        try:
            folder = project.migrations.read()
        except StagedoorError as trouble:
            variable = visit.settings.project(name).variable("MIGRATIONS_DIR")
            yield wrong(what, str(trouble), f"Run Stagedoor in a checkout, set {variable}, or set GITHUB_REPOSITORY.")
            continue
        found = len(folder.migrations)
        where = "on GitHub" if folder.source else f"in {visit.settings.project(name).migrations_dir}"
        yield ok(what, f"{found} {'file' if found == 1 else 'files'} {where}.")
