"""Projects as the settings describe them, opened."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from bot.adapters.github import GitHub
from bot.adapters.levers import Api, PolicyLevers
from bot.adapters.supabase import ManagementBackups
from bot.domain.backup import plain
from bot.domain.project import Environment
from bot.migrations.backup.backups import PgBackups
from bot.migrations.backup.bucket import Bucket
from bot.migrations.database import PostgresDatabase
from bot.migrations.files import FolderMigrations
from bot.migrations.remote import RemoteMigrations
from bot.migrations.vitals import PostgresVitals
from bot.ports import Backups, Clock, CodeHost, Migrations, PlatformBackups
from bot.settings import ProjectSettings, Settings
from bot.world import Project

USUAL = "supabase/migrations"


def open_projects(settings: Settings, clock: Clock) -> dict[str, Project]:
    """Every project with its files, both databases, its policy and its code host; nothing is connected yet."""
    return {name: _opened(name, project, settings, clock) for name, project in settings.projects.items()}


def _opened(name: str, project: ProjectSettings, settings: Settings, clock: Clock) -> Project:
    host = code_host(project, settings.github_api_url, clock)
    directory = in_repository(project.migrations_dir)
    here: Migrations = FolderMigrations(project.migrations_dir)
    return Project(
        name=name,
        migrations=RemoteMigrations(host, directory) if host and not project.migrations_dir.is_dir() else here,
        databases={
            Environment.STAGING: PostgresDatabase(
                project.staging_database_url.get_secret_value(), name="staging", pg_dump=settings.pg_dump,
            ),
            Environment.PRODUCTION: PostgresDatabase(
                project.production_database_url.get_secret_value(), name="production",
            ),
        },
        policy=project.policy, host=host, directory=directory, backups=backups_of(name, project, settings),
        platform=platform_of(project, settings.supabase_api_url),
        reviewed=bool(host and project.github_token and project.github_token.get_secret_value()),
        levers=_levers(project, settings, clock),
        vitals=PostgresVitals(project.production_database_url.get_secret_value(), "production", clock),
    )


def backups_of(name: str, project: ProjectSettings, settings: Settings) -> Backups:
    """What takes the dumps of a project's production."""
    return PgBackups(
        url=project.production_database_url.get_secret_value(), directory=settings.backup_dir / plain(name),
        pg_dump=settings.pg_dump, encrypt_to=settings.backup_encrypt_to,
        bucket=Bucket(settings.backup_url.get_secret_value(), plain(name)) if settings.backup_url else None,
        local=settings.backup_url is None or "backup_dir" in settings.model_fields_set,
    )


def _levers(project: ProjectSettings, settings: Settings, clock: Clock) -> PolicyLevers:
    api = Api(
        vercel=settings.vercel_api_url, netlify=settings.netlify_api_url, github=settings.github_api_url,
        repository=project.github_repository, branch=project.github_branch,
        github_token=project.github_token.get_secret_value() if project.github_token else "",
    )
    named = {variable: secret.get_secret_value() for variable, secret in settings.named.items()}
    return PolicyLevers(project.policy, named, api, clock)


def platform_of(project: ProjectSettings, api_url: str) -> PlatformBackups | None:
    """Who knows what Supabase keeps of production; None where the Management API is not configured."""
    token, ref = project.supabase_access_token, project.production_project_ref
    return ManagementBackups(api_url, token.get_secret_value(), ref) if token and ref else None


def code_host(project: ProjectSettings, api_url: str, clock: Clock) -> CodeHost | None:
    """The repository that the settings name, or None."""
    if not project.github_repository:
        return None
    token = project.github_token.get_secret_value() if project.github_token else ""
    return GitHub(api_url, token, project.github_repository, clock, branch=project.github_branch)


def in_repository(path: Path) -> str:
    """Where a migrations folder lies in its repository, told from where it lies, or would lie, on this disk."""
    root = next((above for above in path.absolute().parents if (above / ".git").exists()), None)
    if root and path.is_dir():
        return path.absolute().relative_to(root).as_posix()
    if not path.is_absolute():
        return PurePosixPath(path.as_posix()).as_posix().removeprefix("./")
    parts = path.parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("supabase"):]) if "supabase" in parts else USUAL
