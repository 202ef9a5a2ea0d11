"""Can the repository be read?"""

from __future__ import annotations

from collections.abc import Iterable

from bot.adapters.system_clock import SystemClock
from bot.doctor.finding import Finding, Visit, note, ok, unknown, wrong
from bot.errors import StagedoorError, Unreachable
from bot.opening import code_host


def look(visit: Visit) -> Iterable[Finding]:
    settings = visit.settings
    for project in settings.projects.values():
        what = "GitHub" if len(settings.projects) == 1 else f"{project.name}, GitHub"
        host = code_host(project, settings.github_api_url, SystemClock())
        if host is None:
            yield note(what, "not configured; the pull request is a manual tick.")
            continue
        try:
            said = f"{host.repository}, branch {host.branch()} at {host.head()[:7]}"
        except Unreachable as trouble:
            yield unknown(what, str(trouble))
        except StagedoorError as trouble:
            names = f"{project.variable('GITHUB_REPOSITORY')}, GITHUB_BRANCH and what GITHUB_TOKEN may read"
            yield wrong(what, str(trouble), f"Check {names}.")
        else:
            token = project.github_token and project.github_token.get_secret_value()
            slow = f"{said}, read without GITHUB_TOKEN: 60 questions an hour."
            yield ok(what, f"{said}.") if token else note(what, slow)
