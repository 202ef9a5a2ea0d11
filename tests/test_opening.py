"""Where migrations are read from: a checkout, or the repository that the settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.adapters.github import GitHub
from bot.migrations.files import FolderMigrations
from bot.migrations.remote import RemoteMigrations
from bot.opening import in_repository, open_projects
from bot.settings import Settings
from tests.clocks import SetClock

ENVIRONMENT = {
    "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s" * 32, "STAGEDOOR_EPHEMERAL_OK": "1",
    "STAGING_DATABASE_URL": "postgresql://a:b@localhost/staging",
    "PRODUCTION_DATABASE_URL": "postgresql://a:b@localhost/production",
}


@pytest.mark.parametrize(("path", "there"), [
    ("supabase/migrations", "supabase/migrations"), ("./db/migrations", "db/migrations"),
    ("/srv/shop/supabase/migrations", "supabase/migrations"), ("/srv/elsewhere", "supabase/migrations"),
])
def test_a_folder_that_is_not_here_is_looked_for_in_the_repository(path: str, there: str) -> None:
    assert in_repository(Path(path)) == there


def test_a_folder_of_a_checkout_lies_where_it_lies_there(tmp_path: Path) -> None:
    folder = tmp_path / "backend" / "migrations"
    folder.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    assert in_repository(folder) == "backend/migrations"


@pytest.mark.parametrize(("given", "here", "kind", "reviewed"), [
    ({}, False, FolderMigrations, False),
    ({"GITHUB_REPOSITORY": "acme/shop", "GITHUB_TOKEN": "t"}, False, RemoteMigrations, True),
    ({"GITHUB_REPOSITORY": "acme/shop", "GITHUB_TOKEN": "t"}, True, FolderMigrations, True),
    ({"GITHUB_REPOSITORY": "acme/shop"}, False, RemoteMigrations, False),
    ({"GITHUB_TOKEN": "t"}, False, FolderMigrations, False),
])
def test_a_checkout_comes_first(
    tmp_path: Path, given: dict[str, str], here: bool, kind: type[object], reviewed: bool,
) -> None:
    folder = tmp_path / "supabase" / "migrations"
    if here:
        folder.mkdir(parents=True)
    settings = Settings.load({**ENVIRONMENT, "MIGRATIONS_DIR": str(folder), **given}, None)
    project = open_projects(settings, SetClock())["default"]
    assert type(project.migrations) is kind
    assert project.reviewed is reviewed
    assert (project.host is not None) is ("GITHUB_REPOSITORY" in given)
    if project.host is not None:
        assert isinstance(project.host, GitHub)
        project.host.close()
