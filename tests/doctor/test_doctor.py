"""`stagedoor doctor`: one line a thing, with the mend, and never a secret."""

from __future__ import annotations

import os
import pkgutil
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from bot import doctor
from bot.cli import app
from bot.doctor import databases, pg_dump
from bot.doctor.finding import Finding, Mark, Visit, guarded, unknown
from bot.migrations.backup import programs
from bot.settings import Settings
from handlers import doctor as at_slack
from handlers.manifest import scopes
from handlers.subjects import vocabulary
from rehearsal.slack import Slack
from tests.postgres import Fresh

HUSH = "hush-hush-hush"
POLICY = '[approvals]\napprovers = ["S0DBAPPR1", "U0ANA0001"]\n[gates]\nmanual = ["Looked at"]\n'


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack(bot_token=f"xoxb-{HUSH}", app_token=f"xapp-{HUSH}", scopes=scopes(vocabulary())) as slack:
        yield slack


@pytest.fixture
def environ(slack: Slack, database: Fresh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A world in which all is well; the staging database is the server's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "supabase" / "migrations").mkdir(parents=True)
    (tmp_path / "supabase" / "migrations" / "20260101000000_one.sql").write_text("select 1;\n")
    (tmp_path / "stagedoor.toml").write_text(POLICY)
    return {
        "SLACK_BOT_TOKEN": f"xoxb-{HUSH}", "SLACK_SIGNING_SECRET": f"signing-{HUSH}", "SLACK_API_URL": slack.api_url,
        "STAGING_DATABASE_URL": database.url + "?application_name=staging", "PRODUCTION_DATABASE_URL": database.url,
        "PATH": os.environ["PATH"], "PG_DUMP": str(database.server.bin / "pg_dump"),
    }


def examined(environ: dict[str, str]) -> dict[str, Finding]:
    settings = Settings.load(environ, None)
    found = [*at_slack.examine(settings), *doctor.examine(settings, environ)]
    assert HUSH not in " ".join(map(str, found))
    assert len({finding.what for finding in found}) == len(found)
    return {finding.what: finding for finding in found}


def run(environ: dict[str, str]) -> tuple[int, str]:
    cleared = {name: "" for name in os.environ if name.startswith(("SLACK_", "STAGEDOOR_", "STAGING_", "PRODUCTION_"))}
    result = CliRunner().invoke(app, ["doctor"], env={**cleared, **environ})
    assert HUSH not in result.output
    return result.exit_code, result.output


# The whole


def test_every_check_is_on_the_list() -> None:
    assert {module.name for module in pkgutil.iter_modules(doctor.__path__)} - {"finding"} == set(doctor.CHECKS)


def test_all_is_well(environ: dict[str, str]) -> None:
    status, said = run(environ)
    lines = said.splitlines()
    assert [line for line in lines if not line.startswith(("✓ ok  ", "◻ note  "))] == []
    assert status == 0
    for start in ("✓ ok  configuration:", "✓ ok  Slack token:", "✓ ok  Slack scopes:", "✓ ok  clock:", "✓ ok  people:",
                  "✓ ok  channel #deploys:", "✓ ok  approvers:", "✓ ok  production: PostgreSQL 17",
                  "✓ ok  production, rights:", "✓ ok  migrations: 1 file"):
        assert any(line.startswith(start) for line in lines), said


def test_a_broken_configuration_is_told_whole(environ: dict[str, str]) -> None:
    status, said = run({**environ, "SLACK_BOT_TOKEN": "", "PORT": "x", "PRODUCTION_DATABASE_URL": f"mysql://{HUSH}@h/d"})
    assert status == 1
    assert said.count("✗ wrong  configuration: ") == 3
    assert "? could not check  Slack and databases: " in said


def test_one_wrong_thing_is_exit_status_one_and_the_rest_is_still_looked_at(environ: dict[str, str]) -> None:
    status, said = run({**environ, "SLACK_BOT_TOKEN": "xoxb-other"})
    assert status == 1
    assert "✗ wrong  Slack token: Slack says invalid_auth. Install the app again" in said
    assert "? could not check  Slack's channels and people" in said
    assert "✓ ok  production, rights:" in said


def test_a_check_that_fails_is_no_end_of_the_visit() -> None:
    def broken() -> Iterator[Finding]:
        yield unknown("one", "x.")
        raise KeyError(HUSH)

    assert [str(finding) for finding in guarded("two", broken())] == [
        "? could not check  one: x.", "? could not check  two: the check met a fault of its own (KeyError).",
    ]


# Slack


def test_an_absent_slack_could_not_be_checked(environ: dict[str, str]) -> None:
    found = examined({**environ, "SLACK_API_URL": "http://127.0.0.1:9/api/"})
    assert found["Slack token"].mark is Mark.UNKNOWN


@pytest.mark.parametrize(("changed", "mark", "told"), [
    ({"users:read", "files:write"}, Mark.WRONG, "missing files:write, users:read."),
    ({"im:history"}, Mark.NOTE, "nothing here needs im:history."),
])
def test_scopes(environ: dict[str, str], changed: set[str], mark: Mark, told: str) -> None:
    with Slack(bot_token=f"xoxb-{HUSH}", scopes=set(scopes(vocabulary())) ^ changed) as other:
        found = examined({**environ, "SLACK_API_URL": other.api_url})
    assert found["Slack scopes"].mark is mark
    assert told in str(found["Slack scopes"])


def test_socket_mode(environ: dict[str, str]) -> None:
    assert examined(environ)["Slack's way in"].mark is Mark.NOTE
    assert examined({**environ, "SLACK_APP_TOKEN": f"xapp-{HUSH}"})["Slack's way in"].mark is Mark.OK
    wrong = examined({**environ, "SLACK_APP_TOKEN": "xapp-other"})["Slack's way in"]
    assert (wrong.mark, "Slack says invalid_auth" in wrong.said) == (Mark.WRONG, True)


@pytest.mark.parametrize(("seconds", "mark", "told"), [
    (0, Mark.OK, "agrees"), (60, Mark.WRONG, "60 s ahead of Slack's; from 300 s on nothing works"),
    (-400, Mark.WRONG, "behind Slack's: everything that Slack signs counts as too old"),
])
def test_the_clock(seconds: int, mark: Mark, told: str, environ: dict[str, str]) -> None:
    room = at_slack.Room(settings=Settings.load(environ, None), client=cast(Any, None))
    room.asked_at = room.asked_at.replace(microsecond=0)
    room.headers = {"date": room.asked_at.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    room.asked_at += timedelta(seconds=seconds)
    [finding] = at_slack.clock(room)
    assert finding.mark is mark
    assert told in finding.said


def test_channels(environ: dict[str, str], slack: Slack) -> None:
    slack.remove_bot_from("#deploys")
    slack.archive("#incidents")
    found = examined(environ)
    assert found["channel #deploys"].said == "it is public; the bot joins with its first message."
    assert found["channel #incidents"].mark is Mark.WRONG
    Path("stagedoor.toml").write_text(POLICY + '[channels]\ndeploys = "#nowhere"\nincidents = "C0GENERAL"\n')
    found = examined(environ)
    assert found["channel #nowhere"].mark is Mark.WRONG
    assert "change channels.deploys" in found["channel #nowhere"].mend
    assert found["channel C0GENERAL"].mark is Mark.OK


def test_a_channel_on_the_second_page_is_found(environ: dict[str, str], slack: Slack) -> None:
    for number in range(1100):
        slack.add_channel(f"room-{number}")
    slack.add_channel("last")
    Path("stagedoor.toml").write_text(POLICY + '[channels]\ndeploys = "#last"\n')
    assert examined(environ)["channel #last"].mark is Mark.OK


def test_people_who_are_not_there(environ: dict[str, str]) -> None:
    roles = '[roles]\noperators = ["U0NOBODY1", "U0GIL0001"]\n[people]\nx = "U0DEE0001"\n'
    Path("stagedoor.toml").write_text(POLICY + roles + '[incidents]\non_call = ["S0NOGROUP"]\n')
    found = examined(environ)["people"]
    assert found.mark is Mark.WRONG
    for each in ("U0NOBODY1 (roles.operators)", "U0GIL0001 (", "U0DEE0001 (people)", "S0NOGROUP (incidents.on_call)"):
        assert each in found.said


@pytest.mark.parametrize(("policy", "mark", "told"), [
    ("", Mark.WRONG, "nobody can approve"),
    ('approvers = ["U0GIL0001", "U0DEE0001"]', Mark.WRONG, "nobody can approve"),
    ('approvers = ["U0BO00001"]', Mark.WRONG, "1 person may approve, and what destroys data needs 2"),
    ('approvers = ["U0BO00001"]\nrequired_destructive = 1', Mark.WRONG, "when one of them asks, too few are left"),
    ('approvers = ["U0BO00001"]\nrequired_destructive = 1\nrequester_may_approve = true', Mark.OK, "1 person"),
    ('approvers = ["S0DBAPPR1", "U0BO00001"]', Mark.NOTE, "2 people may approve; when one of them asks for"),
    ('approvers = ["S0DBAPPR1"]\nrequired = 3', Mark.WRONG, "2 people may approve, and a promotion needs 3"),
    ('approvers = ["S0DBAPPR1", "U0ANA0001"]', Mark.OK, "3 people may approve, also when one of them asks"),
])
def test_approvers(environ: dict[str, str], policy: str, mark: Mark, told: str) -> None:
    Path("stagedoor.toml").write_text(f"[approvals]\n{policy}\n")
    found = examined(environ)["approvers"]
    assert (found.mark, told in found.said) == (mark, True), str(found)


# Databases


def test_a_database_that_does_not_answer(environ: dict[str, str]) -> None:
    found = examined({**environ, "PRODUCTION_DATABASE_URL": f"postgresql://u:{HUSH}@127.0.0.1:9/db"})
    assert found["production"].mark is Mark.WRONG
    assert found["production"].said.startswith("production does not answer: ")
    assert "production, rights" not in found


def test_a_wrong_password_is_not_repeated(environ: dict[str, str], database: Fresh) -> None:
    url = re.sub(r"//postgres:[^@]+@", f"//postgres:{HUSH}@", database.url)
    assert "password authentication failed" in examined({**environ, "PRODUCTION_DATABASE_URL": url})["production"].said


def test_supabases_direct_host_gets_the_poolers_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_ipv4(*_: Any) -> list[Any]:
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", no_ipv4)
    way = databases._way(f"postgresql://postgres:{HUSH}@db.abcdefghijklmnopqrst.supabase.co:5432/postgres")
    assert way.startswith("This host answers on IPv6 alone: use the session pooler's address, ")
    assert "postgresql://postgres.abcdefghijklmnopqrst:PASSWORD@aws-N-REGION.pooler.supabase.com:5432/postgres" in way
    assert HUSH not in way
    assert databases._way("postgresql://u@db.example/postgres") == ""


def test_a_user_who_may_too_little(environ: dict[str, str], database: Fresh) -> None:
    database.run("create table public.kept (id int)")
    password = database.server.password
    database.run(
        f"do $$ begin create role weak login password '{password}'; exception when duplicate_object then null; end $$",
        user="supabase_admin",
    )
    found = examined({**environ, "PRODUCTION_DATABASE_URL": database.server.url(database.name, "weak")})
    rights = found["production, rights"]
    assert rights.mark is Mark.WRONG
    assert "weak may not create schemas; nor create in the schema public" in rights.said
    assert "nor change 1 of the tables in public (public.kept)" in rights.said


def test_a_superuser_is_more_than_it_takes_and_the_platforms_own_becomes_postgres(
    environ: dict[str, str], database: Fresh,
) -> None:
    url = database.server.url(database.name, "supabase_admin")
    assert "postgres may do all" in examined({**environ, "PRODUCTION_DATABASE_URL": url})["production, rights"].said
    rights = databases.Rights(170011, "boss", True, True, True, True, True, True, True, 0, [])
    [finding] = databases._rights("production, rights", rights)
    assert (finding.mark, "it is a superuser" in finding.said) == (Mark.NOTE, True)
    [finding] = databases._rights("production, rights", rights._replace(superuser=False, stats=False))
    assert "not the blocker's statement" in finding.said


def test_looking_changes_nothing(environ: dict[str, str], database: Fresh) -> None:
    before = database.rows("select oid::text, relname from pg_class order by 1")
    examined(environ)
    assert database.rows("select oid::text, relname from pg_class order by 1") == before


# The rest


def program(folder: Path, version: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "pg_dump").write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")
    (folder / "pg_dump").chmod(0o755)


def test_the_newest_pg_dump_counts(environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PLACES", ())
    environ |= {"PATH": f"{tmp_path}/a:{tmp_path}/b:{os.environ['PATH']}", "PG_DUMP": ""}
    program(tmp_path / "a", "15.4 (Debian 15.4-1)")
    program(tmp_path / "b", "99.1")
    assert "There is no pg_restore beside" in examined(environ)["pg_dump"].said
    (tmp_path / "b" / "pg_restore").symlink_to("/bin/true")
    fits = examined(environ)["pg_dump"]
    assert (fits.mark, f"{tmp_path}/b/pg_dump is version 99.1. It fits." in fits.said) == (Mark.OK, True)
    found = examined({**environ, "PG_DUMP": f"{tmp_path}/a/pg_dump"})["pg_dump"]
    assert "is version 15.4, and the server needs pg_dump 17 or newer." in found.said
    assert "postgresql-client-17" in found.mend
    assert found.mark is Mark.WRONG
    visit = Visit(settings=Settings.load(environ, None), environ={"PATH": str(tmp_path)})
    [none] = pg_dump.look(visit)
    assert "There is no pg_dump here" in none.said


def test_without_backups_no_pg_dump_is_needed(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('[backups]\nwhen = "never"\n')
    visit = Visit(settings=Settings.load({**environ, "STAGEDOOR_POLICY": f"{tmp_path}/policy.toml"}, None), environ={})
    [unneeded] = pg_dump.look(visit)
    assert unneeded.mark is Mark.NOTE


def test_where_backups_go_is_looked_at(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = examined({
        **environ, "BACKUP_DIR": f"{tmp_path}/file", "BACKUP_ENCRYPT_TO": "age1nonsense",
        "BACKUP_URL": f"http://key:{HUSH}@127.0.0.1:9/dumps?region=us-east-1",
    })
    assert "cannot be written" in found["backups"].said
    assert "BACKUP_ENCRYPT_TO is no age recipient" in found["backups, encryption"].said
    assert "cannot be used" in found["backups, bucket"].said
    assert "GB are free" in examined({**environ, "BACKUP_DIR": f"{tmp_path}/new/one"})["backups"].said
    assert not (tmp_path / "new").exists()


def test_hosts_that_sleep_and_forget(environ: dict[str, str]) -> None:
    found = list(doctor.examine(
        Settings.load({**environ, "DYNO": "web.1", "STAGEDOOR_EPHEMERAL_OK": "1"}, None), {"DYNO": "web.1"},
    ))
    told = [finding.said for finding in found if finding.what == "host"]
    assert told[0].startswith("Heroku can put processes to sleep. A bot asleep misses Slack's three seconds")
    assert told[1].startswith("Heroku discards the journal")


def test_a_store_that_cannot_be_written(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = examined({**environ, "STAGEDOOR_STORE_URL": f"sqlite:///{tmp_path}/file/stagedoor.db"})["journal"]
    assert (found.mark, found.said) == (Mark.WRONG, f"{tmp_path}/file is no folder.")


def test_a_missing_folder_of_migrations(environ: dict[str, str]) -> None:
    found = examined({**environ, "MIGRATIONS_DIR": "elsewhere"})["migrations"]
    assert found.mark is Mark.WRONG
    assert "MIGRATIONS_DIR" in found.mend


def test_what_is_configured_too_early_is_said(environ: dict[str, str]) -> None:
    found = examined({**environ, "SUPABASE_ACCESS_TOKEN": f"sbp_{HUSH}", "PAGER_URL": f"https://pager.example/{HUSH}"})
    assert "not configured (STAGING_PROJECT_REF, PRODUCTION_PROJECT_REF)" in found["Management API"].said
    assert found["paging"].mark is Mark.NOTE
    assert "not configured (SUPABASE_ACCESS_TOKEN" in examined(environ)["Management API"].said
    assert "manual tick" in examined(environ)["GitHub"].said
