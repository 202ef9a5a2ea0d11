"""Alert rules as tables: a quiet scene says nothing, and each change of it one thing."""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot import alerts
from bot.domain.noise import noise
from bot.domain.project import Environment
from bot.domain.reading import Job, Reading, Session, Statement
from bot.domain.scene import Account, Change, Recent, Scene, Silence, Standing
from bot.domain.sighting import Fault, Hits, Severity, Source
from bot.domain.signal import Level, Wakes

NOW = datetime(2026, 11, 23, 12, 30, 30, tzinfo=UTC)
MINUTE = NOW.replace(second=0)


def fault(**more: Any) -> Fault:
    return Fault(**{
        "project": "shop", "environment": Environment.PRODUCTION, "fingerprint": "ab", "source": Source.POSTGRES,
        "severity": Severity.ERROR, "sqlstate": "42703", "template": 'column "…" does not exist', "objects": (),
        "first_seen": NOW - timedelta(minutes=1), "last_seen": NOW, "total": 3, "place": 1, "fold": 1,
        "hits": Hits(roles=("authenticated",)), **more,
    })


def account(
    known: bool = False, count: int = 3, hours: dict[datetime, int] | None = None, since: timedelta | None = None,
    **more: Any,
) -> Account:
    return Account(
        fault=fault(**more), minutes={MINUTE: count}, known=known, hours=hours or {},
        since=NOW - since if since else None,
    )


def session(pid: int = 1, **more: Any) -> Session:
    return Session(**{
        "pid": pid, "user": "app", "application": "web", "state": "active", "seconds": 1.0, "transaction": 1.0,
        "query": "update books", **more,
    })


READING = Reading(
    at=NOW, head="1", rows=1, catalog="x", connections=10, allowed=100, sessions=(session(),),
    statements={"1": Statement(text="select $1", calls=10, total=1000)},
)
QUIET = Scene(
    project="shop", now=NOW, reading=READING, before={"1": Statement(text="", calls=9, total=900)},
    accounts=(account(known=True),),
    recent=(Recent(id="P-31", since=NOW - timedelta(minutes=10), until=NOW + timedelta(minutes=20),
                   touched=("public.user_profiles.legacy_code",)),),
)


def reading(**more: Any) -> Scene:
    return replace(QUIET, reading=replace(READING, **more))


def logs(*accounts: Account, recent: bool = False) -> Scene:
    return replace(QUIET, accounts=accounts, recent=QUIET.recent if recent else ())


WEEKS = {NOW.replace(minute=0, second=0) - timedelta(weeks=week): 20 for week in (1, 2, 3)}
CASES: list[tuple[str, Scene, str]] = [
    ("fatal", logs(account(known=True, severity=Severity.FATAL, sqlstate="53200")), "FATAL in production"),
    ("fatal", logs(account(severity=Severity.PANIC, sqlstate="58030")), "PANIC in production"),
    ("new_error", logs(account()), "New error in production"),
    ("new_error", logs(account(severity=Severity.HTTP_5XX, source=Source.EDGE)), "New failing requests in production"),
    ("since_promotion", logs(account(objects=("legacy_code",)), recent=True), "New error since P-31"),
    ("above_baseline", logs(account(known=True, count=90, hours=WEEKS, since=timedelta(weeks=4))),
     "Error far above its usual rate"),
    ("above_baseline", logs(account(known=True, count=90, hours={}, since=timedelta(days=2))),
     "Error far above its usual rate"),
    ("slow_query", logs(account(severity=Severity.SLOW, sqlstate="")), "New slow query in production"),
    ("slow_query", reading(statements={"1": Statement(text="select $1", calls=10, total=4900)}),
     "Slow query in production"),
    ("slow_query", reading(statements={"2": Statement(text="select $2", calls=1, total=1500)}),
     "Slow query in production"),
    ("blocked", reading(sessions=(session(), session(pid=2, seconds=40.0, blocked_by=(1,)))),
     "Sessions are blocked in production"),
    ("idle_in_transaction", reading(sessions=(session(state="idle in transaction", seconds=400.0),)),
     "A transaction is left open in production"),
    ("long_transaction", reading(sessions=(session(transaction=1000.0),)), "A transaction runs long in production"),
    ("connections", reading(connections=95), "Production is running out of connections"),
    ("cron_failed", reading(failed_jobs=(Job(job="nightly", at=NOW, said="it broke"),)),
     "A scheduled job fails in production"),
    ("changed_without_promotion", replace(QUIET, change=Change(
        at=NOW, since=NOW, head_before="1", head="2", added=("2",))), "Production changed without a promotion"),
    ("unreachable", replace(QUIET, silent=Silence(since=NOW - timedelta(minutes=3), why="no answer")),
     "Production's database does not answer"),
    ("needs_person", replace(QUIET, standing=(Standing(id="P-3", kind="promotion", said="1 of 2.", since=NOW),)),
     "A promotion stopped half-way in production"),
    ("needs_person", replace(QUIET, standing=(Standing(id="R-3", kind="rollback", said="waits.", since=NOW),)),
     "A rollback needs a person"),
]


def test_what_is_read_late_is_told_if_it_began_after_the_logs_were_first_judged() -> None:
    early = NOW - timedelta(hours=5)
    gap = replace(account(since=timedelta(hours=6), first_seen=early, last_seen=early), minutes={})
    assert [signal.rule for signal in alerts.judge(logs(gap))] == ["new_error"]
    half_an_hour = replace(gap, minutes={NOW - timedelta(minutes=30): 1})
    assert [signal.rule for signal in alerts.judge(logs(half_an_hour))] == ["new_error"]
    old = replace(gap, since=NOW - timedelta(hours=1))
    assert not alerts.judge(logs(old)), "it was there before anybody watched"


def test_every_rule_module_is_on_the_list() -> None:
    assert {module.name for module in pkgutil.iter_modules(alerts.__path__)} == {
        rule.__name__.rpartition(".")[2] for rule in alerts.RULES
    }


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, _, _ in CASES} == {rule.RULE for rule in alerts.RULES}


def test_a_quiet_scene_says_nothing() -> None:
    assert alerts.judge(QUIET) == ()


@pytest.mark.parametrize(("rule", "scene", "title"), CASES)
def test_each_change_says_one_thing(rule: str, scene: Scene, title: str) -> None:
    [signal] = alerts.judge(scene)
    assert (signal.rule, signal.title) == (rule, title)


def test_what_pages_is_marked() -> None:
    wakes = {rule: alerts.judge(scene)[0].wakes for rule, scene, _ in CASES}
    assert wakes["fatal"] is Wakes.FATAL
    assert wakes["since_promotion"] is Wakes.ALARM
    assert wakes["new_error"] is None


@pytest.mark.parametrize("quiet", [
    logs(account(known=True, count=55, hours=WEEKS, since=timedelta(weeks=4))),       # not three times its busiest hour
    logs(account(known=True, count=9, hours={}, since=timedelta(days=2))),            # a handful more
    logs(account(known=True, count=90, hours={}, since=timedelta(hours=5))),          # not a day of history
    logs(account(severity=Severity.FATAL, sqlstate="28P01", known=True)),             # somebody's wrong password
    logs(account(sqlstate="57014", hits=Hits(roles=("supabase_admin",)))),
    reading(statements={"1": Statement(text="select $1", calls=10, total=1100)}),     # 200 ms
    reading(statements={"1": Statement(text="select $1", calls=1, total=5)}),         # the counters were reset
    reading(sessions=(session(), session(pid=2, seconds=5.0, blocked_by=(1,)))),
    reading(sessions=(session(transaction=9000.0, application="pg_dump"),)),
])
def test_what_is_no_trouble_says_nothing(quiet: Scene) -> None:
    assert alerts.judge(quiet) == ()


def test_a_password_that_was_wrong_is_told_as_an_error_and_wakes_nobody() -> None:
    [signal] = alerts.judge(logs(account(severity=Severity.FATAL, sqlstate="28P01")))
    assert (signal.rule, signal.level, signal.wakes) == ("new_error", Level.ERROR, None)


@pytest.mark.parametrize(("template", "more", "why"), [
    ("GET /auth/v1/health 503", {"source": Source.AUTH, "severity": Severity.HTTP_5XX}, "a health check"),
    ("cron job 3 starting: select 1", {"hits": Hits(applications=("pg_cron scheduler",))}, "the heartbeat of pg_cron"),
    ("canceling statement", {"sqlstate": "57014", "hits": Hits(roles=("supabase_admin",))},
     "a cancelled statement of the platform's own"),
    ("canceling statement", {"sqlstate": "57014", "hits": Hits(roles=("authenticated",))}, ""),
    ("column ? contains null values", {"hits": Hits(applications=("stagedoor:P-2.1.1",))},
     "what Stagedoor itself ran: the card of that says it"),
    ("column ? contains null values", {"hits": Hits(applications=("stagedoor:P-2.1.1", "PostgREST"))}, ""),
    ("GET /rest/v1/books 503", {"source": Source.EDGE, "severity": Severity.HTTP_5XX}, ""),
])
def test_noise_of_the_platform_is_recognised(template: str, more: dict[str, Any], why: str) -> None:
    assert noise(fault(template=template, **more)) == why
