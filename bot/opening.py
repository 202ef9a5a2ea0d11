"""Projects as the settings describe them, opened."""

from __future__ import annotations

from bot.domain.project import Environment
from bot.migrations.database import PostgresDatabase
from bot.migrations.files import FolderMigrations
from bot.settings import Settings
from bot.world import Project


def open_projects(settings: Settings) -> dict[str, Project]:
    """Every project with its files, both databases and its policy; nothing is connected yet."""
    return {
        name: Project(
            name=name,
            migrations=FolderMigrations(project.migrations_dir),
            databases={
                Environment.STAGING: PostgresDatabase(project.staging_database_url.get_secret_value(), name="staging"),
                Environment.PRODUCTION: PostgresDatabase(
                    project.production_database_url.get_secret_value(), name="production",
                ),
            },
            policy=project.policy,
        )
        for name, project in settings.projects.items()
    }
