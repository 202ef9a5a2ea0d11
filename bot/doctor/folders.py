"""Are the migrations where they are looked for?"""

from __future__ import annotations

from collections.abc import Iterable

from bot.doctor.finding import Finding, Visit, ok, wrong
from bot.migrations.files import FolderMigrations


def look(visit: Visit) -> Iterable[Finding]:
    for project in visit.settings.projects.values():
        what = "migrations" if len(visit.settings.projects) == 1 else f"{project.name}, migrations"
        folder = project.migrations_dir
        if not folder.is_dir():
            variable = project.variable("MIGRATIONS_DIR")
            yield wrong(what, f"there is no folder {folder}.", f"Run Stagedoor in a checkout, or set {variable}.")
            continue
        found = len(FolderMigrations(folder).read().migrations)
        yield ok(what, f"{found} {'file' if found == 1 else 'files'} in {folder}.")
