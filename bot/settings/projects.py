"""Which projects there are, and under which names their variables stand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from bot.policy import DEFAULT_PROJECT, Policy
from bot.settings.sources import read
from bot.settings.variables import OWN, ProjectVariables

ADDRESSES = OWN[:2]


class ProjectSettings(ProjectVariables):
    """One project: its variables and its policy."""

    name: str
    policy: Policy
    prefix: str

    @property
    def staging_ref(self) -> str:
        return self.staging_project_ref

    @property
    def production_ref(self) -> str:
        return self.production_project_ref

    def variable(self, name: str) -> str:
        """How this project's own form of a variable is called, for messages: `SHOP_PRODUCTION_DATABASE_URL`."""
        return self.prefix + name


def prefix_of(name: str) -> str:
    """`my-shop` reads `MY_SHOP_…`; the default project's variables have nothing in front."""
    return "" if name == DEFAULT_PROJECT else re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_"


def prefixes(names: Sequence[str], values: Mapping[str, str]) -> dict[str, str]:
    """Each project's prefix.

    Without projects in the policy there is the default one. A single named project may use the
    variables without its name. Otherwise addresses without a name make one more project, the default one.
    """
    found = {name: prefix_of(name) for name in names} or {DEFAULT_PROJECT: ""}
    plain = any(name in values for name in ADDRESSES)
    if plain and len(found) == 1:
        [(name, prefix)] = found.items()
        if not any(prefix + address in values for address in ADDRESSES):
            return {name: ""}
    return {**found, DEFAULT_PROJECT: ""} if plain else found


def read_projects(
    names: Sequence[str], policy: Policy | None, values: Mapping[str, str],
) -> tuple[dict[str, ProjectSettings], list[str]]:
    """Every project with its variables, and all that is wrong with them; a broken policy hides no wrong variable."""
    projects, problems = {}, []
    found = prefixes(names, values)
    for name, prefix in found.items():
        twins = [other for other in found if other > name and prefix_of(other) == prefix_of(name)]
        if twins:
            problems.append(f"projects.{name} and projects.{twins[0]} would both read {prefix}…: rename one of them.")
        rules, where = _policy_of(name, prefix, policy, values)
        given = {"name": name, "policy": rules, "prefix": prefix}
        project, wrong = read(ProjectSettings, where, prefix=prefix, own=OWN, given=given)
        problems += [*wrong, *(_same_database(project) if project else ())]
        if project:
            projects[name] = project
    return projects, problems + _shared_production(projects)


def _policy_of(
    name: str, prefix: str, policy: Policy | None, values: Mapping[str, str],
) -> tuple[Policy, Mapping[str, str]]:
    """The project's rules, and the variables with its `migrations` where no variable of its own says otherwise."""
    if policy is None:
        return Policy(), values
    table = policy.projects.get(name)
    if table is None:
        return policy.for_project(DEFAULT_PROJECT), values
    if table.migrations:
        values = {prefix + "MIGRATIONS_DIR": table.migrations, **values}
    return table.policy, values


def _identity(address: SecretStr) -> tuple[str, str, str | None]:
    """Host, database and user: behind a pooler the user alone tells the project."""
    parts = urlsplit(address.get_secret_value())
    hosts = parts.netloc.rpartition("@")[2].removesuffix(":5432").lower()
    return hosts, unquote(parts.path) + parts.query, parts.username


def _same_database(project: ProjectSettings) -> list[str]:
    staging, production = (project.variable(name) for name in ADDRESSES)
    problems = []
    if _identity(project.staging_database_url) == _identity(project.production_database_url):
        problems.append(f"{staging} and {production} are the same database: staging needs one of its own.")
    if project.staging_ref and project.staging_ref == project.production_ref:
        names = (project.variable(name) for name in OWN[2:])
        problems.append(f"{' and '.join(names)} are the same project: staging needs one of its own.")
    return problems


def _shared_production(projects: Mapping[str, ProjectSettings]) -> list[str]:
    seen: dict[object, str] = {}
    problems = []
    for project in projects.values():
        variable = project.variable("PRODUCTION_DATABASE_URL")
        first = seen.setdefault(_identity(project.production_database_url), variable)
        if first != variable:
            problems.append(f"{first} and {variable} are the same database: each project needs its own.")
    return problems


def backups_in_repository(backups: Path, projects: Mapping[str, ProjectSettings]) -> Path | None:
    """The checkout that the backups folder lies in, if any: a dump there is one `git add` from being published."""
    folder = backups.resolve()
    roots = {Path.cwd(), *(project.migrations_dir.resolve().parent.parent for project in projects.values())}
    return next((root for root in sorted(roots) if (root / ".git").exists() and folder.is_relative_to(root)), None)
