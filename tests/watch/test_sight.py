"""What of production nobody sees: jobs of pg_cron that are refused, extensions that went, logs that fell silent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.domain.entry import Json
from bot.domain.project import Environment
from bot.domain.record import Status
from bot.domain.sighting import Reach
from bot.ports import Put
from bot.sightings.hearing import Ears
from bot.watch.sight import HEARD, sentences, unseen
from bot.watch.watcher import Watcher
from tests import cron
from tests.postgres import Fresh
from tests.sightings.events import NOON
from tests.watching import Post, post

BLIND = "Part of production is not watched"


@pytest.fixture
def p(tmp_path: Path, database: Fresh) -> Iterator[Post]:
    with post(tmp_path, database.url) as made:
        yield made


def admin(database: Fresh, *statements: str) -> None:
    for statement in statements:
        database.run(statement, user="supabase_admin")


def told(p: Post) -> list[str]:
    return sentences(unseen(p.journal, "shop"))


def test_failed_jobs_of_pg_cron_are_told_by_job_with_their_last_message(p: Post, database: Fresh) -> None:
    p.look()
    assert told(p) == [], "without pg_cron there is nothing to see"
    admin(database, *cron.TABLES, cron.OPEN, cron.JOB, cron.run("succeeded", "1 row"))
    p.look()
    assert p.alerts == []
    secret = "ERROR:  could not pay for Jane Doe \"jane@example.com\" 4711"
    admin(database, cron.run("failed", secret, "5 minutes", job=8))
    admin(database, cron.run("failed", "ERROR:  relation \"gone\" does not exist", "9 minutes"),
          cron.run("failed", "server restarted", ended=False), cron.run("failed", "x", "3 hours"),
          cron.run("failed", "connection failed", job=7))
    p.look()
    alerts = {alert.key: alert for alert in p.alerts}
    assert set(alerts) == {"cron:tidy", "cron:job 7", "cron:job 8"}
    assert alerts["cron:job 8"].said == "job 8: could not … for …"
    assert alerts["cron:tidy"].said == "tidy: server restarted"
    assert alerts["cron:tidy"].raised.count == 2
    p.look()
    assert len(p.alerts) == 3


def test_jobs_that_the_server_hides_are_not_taken_for_none(tmp_path: Path, database: Fresh) -> None:
    password = urlsplit(database.url).password
    admin(database, *cron.TABLES, cron.JOB, cron.run("failed", "it broke"),
          f"create role watcher login password '{password}'", "grant pg_read_all_stats to watcher",
          "grant usage on schema extensions to watcher")
    with post(tmp_path, database.server.url(database.name, "watcher")) as p:
        for _ in range(2):
            p.look()
            assert p.alerts == []
            assert "failed jobs of pg_cron: permission denied for schema cron." in told(p)
            p.clock.forward(minutes=3)
        for _ in range(2):
            p.look()
        [alert] = p.alerts
        assert (alert.title, alert.level) == (BLIND, "notice")
        assert "failed jobs of pg_cron: permission denied for schema cron" in p.card(alert.id)
        admin(database, "grant usage on schema cron to watcher")
        p.look()
        p.look()
        assert "row level security shows the database's user its own jobs alone" in p.card(alert.id)
        assert len(p.alerts) == 1, "said once"
        p.clock.forward(seconds=30)
        admin(database, "alter role watcher bypassrls")
        p.look()
        p.look()
        assert [each.key for each in p.alerts] == ["blind", "cron:tidy"]
        p.clock.forward(seconds=30)
        p.look()
        p.walk()
        assert p.records[0].status is Status.ENDED
        assert p.lines(alert.id)[-1] == f"{alert.id} is over: all of it is watched again."
    admin(database, "drop owned by watcher", "drop role watcher")


def test_a_part_that_never_was_set_up_is_told_to_those_who_ask_and_one_that_went_to_all(
    p: Post, database: Fresh,
) -> None:
    p.look()
    admin(database, "drop extension pg_stat_statements")
    p.look()
    assert told(p) == ["slow queries: the extension pg_stat_statements is not there."]
    p.clock.forward(minutes=6)
    p.look()
    assert [alert.title for alert in p.alerts] == [BLIND], "it was seen before"


def test_what_never_was_there_is_no_notice(tmp_path: Path, database: Fresh) -> None:
    admin(database, "drop extension pg_stat_statements")
    with post(tmp_path, database.url) as p:
        for _ in range(3):
            p.look()
            p.clock.forward(minutes=6)
        assert p.alerts == []
        assert told(p) == ["slow queries: the extension pg_stat_statements is not there."]


def test_logs_that_fell_silent_are_one_notice_that_ends_when_they_are_heard(p: Post) -> None:
    since = p.clock.now() - timedelta(minutes=10)
    why = "The project's allowance for log queries is used up: set up a log drain, or raise it."
    heard: dict[str, Json] = {"what": "the logs", "why": why, "lost": True, "since": since.isoformat()}
    p.journal.put([Put(shelf=HEARD, key="shop", doc=heard)])
    p.look()
    p.look()
    [alert] = p.alerts
    assert alert.said == f"the logs: {why} Trouble there raises no alert until it is seen again."
    Watcher(p.ports).logs()
    p.walk()
    assert p.entries(alert.id, "alert.called") == []
    p.journal.put([Put(shelf=HEARD, key="shop", doc={**heard, "why": ""})])
    p.clock.forward(seconds=30)
    p.look()
    p.walk()
    assert p.records[0].status is Status.ENDED


def reach(channel: str, ago: float) -> Reach:
    at = NOON - timedelta(minutes=ago)
    return Reach(project="shop", environment=Environment.PRODUCTION, channel=channel, up_to=at, heard=at)


AN_HOUR_AGO = (NOON - timedelta(hours=1)).isoformat()
LOST: dict[str, Json] = {"what": "the logs", "why": "x.", "lost": True, "since": AN_HOUR_AGO}


@pytest.mark.parametrize(("drained", "polled", "drain", "poll", "before", "said"), [
    (False, None, None, None, {}, ("the logs", "neither a log drain nor the Management API brings them", False)),
    (True, None, None, None, {}, ("the logs", "the log drain has not delivered anything yet", False)),
    (True, None, 59, None, {}, ("", "", False)),
    (True, None, 61, None, {}, (
        "the logs", "the log drain has delivered nothing since 23 Nov 10:59 UTC: it is off, or nothing was logged",
        True,
    )),
    (True, None, 80, None, {"silence": 3600.0}, ("", "", False)),
    (True, None, 721, None, {"silence": 90000.0}, (
        "the logs", "the log drain has delivered nothing since 22 Nov 23:59 UTC: it is off, or nothing was logged",
        True,
    )),
    (False, "", None, 1, {}, ("", "", False)),
    (False, "It answered 402.", None, 90, {}, ("the logs", "It answered 402.", True)),
    (True, "It answered 402.", 1, 90, {}, ("the log drain's losses", "It answered 402.", False)),
    (True, "It answered 402.", 90, 90, {}, ("the logs", "It answered 402.", True)),
    (True, "", 90, 1, {}, (
        "the log drain",
        "the log drain has delivered nothing since 23 Nov 10:30 UTC; until it does, the logs are asked for", False,
    )),
    (False, "", None, 90, LOST, ("the logs", "x.", True)),
    (False, "", None, 1, LOST, ("", "", False)),
])
def test_whether_the_logs_are_heard(
    drained: bool, polled: str | None, drain: float | None, poll: float | None, before: dict[str, Json], said: Any,
) -> None:
    reached = {name: reach(name, ago) for name, ago in (("drain", drain), ("poll", poll)) if ago is not None}
    found = Ears(drained=drained, polled=polled, reached=reached).said(before, NOON)
    assert (found["what"], found["why"], found["lost"]) == said
    if before.get("since") and said[1]:
        assert found["since"] == before["since"]
    elif drained and polled is None and said[2] and drain:
        assert datetime.fromisoformat(str(found["since"])) == NOON - timedelta(minutes=drain)


def test_a_project_that_is_silent_every_night_is_told_of_the_first_one_alone() -> None:
    def heard(before: dict[str, Json], ago: float) -> dict[str, Json]:
        return Ears(drained=True, polled=None, reached={"drain": reach("drain", ago)}).said(before, NOON)

    night = heard({}, 300)
    assert night["lost"] is True
    morning = heard(night, 1)
    assert (morning["why"], morning["silence"]) == ("", 299 * 60.0)
    assert heard(morning, 300)["why"] == "", "as long as the night before"
    assert heard(morning, 600)["why"]
