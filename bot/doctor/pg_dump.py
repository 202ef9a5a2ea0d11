"""The pg_dump that backups are taken with: it has to be of the newest server's major version, or newer."""

from __future__ import annotations

from collections.abc import Iterable

from bot.doctor.finding import Finding, Visit, note, ok, wrong
from bot.migrations.backup.programs import newest, unfit

UNNEEDED = "The policy takes no backups; what fits into no transaction is proven with one where there is one."


def look(visit: Visit) -> Iterable[Finding]:
    program = newest(visit.settings.pg_dump, visit.environ)
    wanted = max(visit.majors.values(), default=0)
    trouble = unfit(program, wanted or 1)
    if not any(_takes_backups(visit)):
        yield note("pg_dump", UNNEEDED)
    elif trouble:
        said, _, mend = trouble.partition(". ")
        yield wrong("pg_dump", f"{said}.", f"{mend} Until then a promotion that destroys data waits at its gates.")
    elif not wanted:
        yield note("pg_dump", f"{program}. No server said which version it takes.")
    else:
        yield ok("pg_dump", f"{program}. It fits.")


def _takes_backups(visit: Visit) -> Iterable[bool]:
    for project in visit.settings.projects.values():
        backups = project.policy.backups
        yield backups.when != "never" or backups.schedule is not None
