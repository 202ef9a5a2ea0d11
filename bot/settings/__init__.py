"""Everything that Stagedoor is told by variables and the policy file: read once, at the front door, and passed on."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from bot.errors import Unknown
from bot.policy import ConfigurationError, Policy, load_policy, project_names
from bot.settings.hosts import discarding_host
from bot.settings.projects import ProjectSettings, backups_in_repository, read_projects
from bot.settings.shapes import split_address
from bot.settings.sources import gather, missing, read
from bot.settings.variables import DoorVariables, StoreVariables, Variables

__all__ = ["ConfigurationError", "DoorVariables", "ProjectSettings", "Settings", "address_of", "door", "store_address"]


class Settings(Variables):
    """The variables, the policy, and every project with both; no secret shows in its repr."""

    policy: Policy
    projects: Mapping[str, ProjectSettings]
    named: Mapping[str, SecretStr]

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ, dotenv: Path | None = Path(".env")) -> Settings:
        """Read variables and policy file. Raises `ConfigurationError` that names everything wrong in both at once."""
        values, problems = gather(environ, dotenv)
        variables, wrong = read(Variables, values)
        policy, wrong_policy, names = _policy(values)
        projects, wrong_projects = read_projects(names, policy, values)
        named, wrong_named = _named(policy, values) if policy else ({}, [])
        problems += [*wrong, *wrong_projects, *wrong_named, *_lost(values, variables, projects), *wrong_policy]
        if problems or variables is None or policy is None:
            raise ConfigurationError(problems)
        given = {field: getattr(variables, field) for field in variables.model_fields_set}
        return cls.model_validate({**given, "policy": policy, "projects": projects, "named": named})

    @property
    def link_key(self) -> bytes:
        """What signs links to read-only pages."""
        if self.stagedoor_link_key:
            return self.stagedoor_link_key.get_secret_value().encode()
        secret = self.slack_signing_secret
        if self.slack_app_token and not secret.get_secret_value():   # an empty key would be no secret
            secret = self.slack_app_token
        return hmac.new(secret.get_secret_value().encode(), b"stagedoor: links to pages", hashlib.sha256).digest()

    @property
    def store_address(self) -> str:
        """Where the journal lives, for `bot.stores`; with its password, where it has one."""
        return self.stagedoor_store_url.get_secret_value()

    def project(self, name: str) -> ProjectSettings:
        """One project's settings. Raises `Unknown`, naming those there are."""
        if name not in self.projects:
            raise Unknown(f"There is no project `{name}`. There is: {', '.join(sorted(self.projects))}.")
        return self.projects[name]

    def secrets(self) -> tuple[str, ...]:
        """Every secret by value, the passwords inside addresses too: what the scrubber must never let out."""
        found = dict.fromkeys([*_secret_values(self), self.link_key.hex()])
        for project in self.projects.values():
            found |= dict.fromkeys(_secret_values(project))
        found |= dict.fromkeys(value.get_secret_value() for value in self.named.values())
        return tuple(value for value in found if value)


def store_address(environ: Mapping[str, str] = os.environ, dotenv: Path | None = Path(".env")) -> str:
    """Where the journal lives, for reading it where nothing else is configured. Raises `ConfigurationError`."""
    values, problems = gather(environ, dotenv)
    store, wrong = read(StoreVariables, values)
    if store is None:
        raise ConfigurationError([*problems, *wrong])
    return store.stagedoor_store_url.get_secret_value()


def address_of(
    given: str, environ: Mapping[str, str] = os.environ, dotenv: Path | None = Path(".env"),
) -> str:
    """A store's address as a command was given it, or the variable that holds it. Raises `ConfigurationError`."""
    values, _ = gather(environ, dotenv)
    store, wrong = read(StoreVariables, {"STAGEDOOR_STORE_URL": values.get(given, given)})
    if store is None:
        what = given if given in values else "The address"
        raise ConfigurationError(problem.replace("STAGEDOOR_STORE_URL", what) for problem in wrong)
    return store.stagedoor_store_url.get_secret_value()


def door(environ: Mapping[str, str] = os.environ, dotenv: Path | None = Path(".env")) -> DoorVariables:
    """How Slack reaches the bot, where nothing else is configured yet. Raises `ConfigurationError`."""
    values, problems = gather(environ, dotenv)
    found, wrong = read(DoorVariables, values)
    if found is None or problems:
        raise ConfigurationError([*problems, *wrong])
    return found


def _policy(values: Mapping[str, str]) -> tuple[Policy | None, tuple[str, ...], tuple[str, ...]]:
    path = Path(os.path.expanduser(values.get("STAGEDOOR_POLICY", "stagedoor.toml")))
    wrong = (f"STAGEDOOR_POLICY names {path}, which does not exist: mend the path, or leave it out for the defaults.",)
    if "STAGEDOOR_POLICY" in values and not path.exists():
        return None, wrong, ()
    try:
        policy = load_policy(path)
    except ConfigurationError as error:
        return None, error.problems, project_names(path)
    return policy, (), tuple(policy.projects)


def _named(policy: Policy, values: Mapping[str, str]) -> tuple[dict[str, SecretStr], list[str]]:
    """The addresses and tokens that the policy names by their variables."""
    addresses, tokens = policy.variables(), policy.tokens()
    for name in policy.projects:
        own = policy.for_project(name)
        addresses = {variable: f"projects.{name}.{key}" for variable, key in own.variables().items()} | addresses
        tokens = {variable: f"projects.{name}.{key}" for variable, key in own.tokens().items()} | tokens
    wanted = tokens | addresses
    problems = []
    for variable, key in wanted.items():
        if variable not in values:
            problems.append(missing(variable, values, f"the policy names it in {key}"))
            continue
        if variable not in addresses:
            continue
        try:
            split_address(values[variable], "https", "http")
        except ValueError as error:
            problems.append(f"{variable}, which the policy names in {key}, {error}.")
    return {variable: SecretStr(values[variable]) for variable in wanted if variable in values}, problems


def _lost(
    values: Mapping[str, str], variables: Variables | None, projects: Mapping[str, ProjectSettings],
) -> Iterator[str]:
    """What would be kept where it does not stay, or where it does not belong."""
    if variables is None:
        return
    store = variables.stagedoor_store_url.get_secret_value()
    kept: dict[str, tuple[Path, str]] = {}
    if store.startswith("sqlite:"):
        kept["STAGEDOOR_STORE_URL"] = (Path(store.removeprefix("sqlite:///")), "journal")
    if "BACKUP_DIR" in values or variables.backup_url is None:
        kept["BACKUP_DIR"] = (variables.backup_dir, "backups")
    for variable, (path, what) in kept.items():
        host = discarding_host(values, path)
        if host and not variables.stagedoor_ephemeral_ok:
            yield (
                f"{variable} lies on a disk that {host} discards at a restart, the {what} with it: "
                "run it where a disk stays, or set STAGEDOOR_EPHEMERAL_OK=1 to accept the loss."
            )
    checkout = backups_in_repository(variables.backup_dir, projects) if "BACKUP_DIR" in values else None
    if checkout:
        yield f"BACKUP_DIR lies in the repository {checkout}, where dumps could be published: choose another folder."


def _secret_values(model: Variables | ProjectSettings) -> Iterator[str]:
    for _, value in model:
        if isinstance(value, SecretStr) and not value.get_secret_value().startswith("sqlite:"):
            yield value.get_secret_value()
            yield from _passwords(value.get_secret_value())


def _passwords(text: str) -> Iterator[str]:
    password = urlsplit(text).password if "://" in text else None
    if password:
        yield password
        yield unquote(password)
