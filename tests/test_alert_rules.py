"""Alert rules as tables: a quiet scene says nothing, and each change of it one thing."""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot import alerts
from bot.domain.answers import Answers, Service
from bot.domain.noise import noise
from bot.domain.project import Environment
from bot.domain.reading import Job, Reading, Session, Statement
from bot.domain.scene import Account, Blind, Change, Limits, Recent, Scene, Silence, Standing
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


FAILING = fault(
    severity=Severity.HTTP_5XX, source=Source.EDGE, sqlstate="", template="GET /rest/v1/books answered 503",
    hits=Hits(),
)


def answers(failed: int, asked: int, hours: dict[datetime, tuple[int, int]] | None = None, **more: Any) -> Answers:
    """So many failing requests of so many, within the last minute; `hours` are what was before."""
    return Answers(**{
        "service": Service.POSTGREST, "source": Source.EDGE, "minutes": {MINUTE: (asked, failed)},
        "hours": hours or {}, "faults": ((FAILING, {MINUTE: failed}),), "since": NOW - timedelta(weeks=4), **more,
    })


def services(*found: Answers) -> Scene:
    return replace(QUIET, answers=found, recent=())


THIS_HOUR = NOW.replace(minute=0, second=0)
OF_WEEK = {THIS_HOUR - timedelta(weeks=week): (1000, 4) for week in (1, 2, 3)}
OF_DAY = {THIS_HOUR - timedelta(hours=hour): (1000, 20) for hour in range(1, 30)}
WEEKS = {NOW.replace(minute=0, second=0) - timedelta(weeks=week): 20 for week in (1, 2, 3)}
CASES: list[tuple[str, Scene, str]] = [
    ("fatal", logs(account(known=True, severity=Severity.FATAL, sqlstate="53200")), "FATAL in production"),
    ("fatal", logs(account(severity=Severity.PANIC, sqlstate="58030")), "PANIC in production"),
    ("new_error", logs(account()), "New error in production"),
    ("failing_service", services(answers(30, 100)), "Requests to PostgREST fail in production"),
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
    ("blind", replace(QUIET, blind=(
        Blind(what="the logs", why="It answered 402.", since=NOW - timedelta(minutes=6), lost=True),
        Blind(what="slow queries", why="no extension", since=NOW - timedelta(days=1)),
    )),
     "Part of production is not watched"),
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
    reading(statements={"2": Statement(text="copy public.books(id) to stdout", calls=1, total=9000)}),      # a dump
    replace(reading(statements={"2": Statement(text="update books", calls=1, total=9000)}),
            counted={"2": Statement(text="", calls=1, total=9000)}),                     # a migration ran it
    reading(sessions=(session(), session(pid=2, seconds=5.0, blocked_by=(1,)))),
    reading(sessions=(session(transaction=9000.0, application="pg_dump"),)),
    replace(QUIET, blind=(Blind(what="the logs", why="429", since=NOW - timedelta(minutes=4), lost=True),)),
])
def test_what_is_no_trouble_says_nothing(quiet: Scene) -> None:
    assert alerts.judge(quiet) == ()


@pytest.mark.parametrize(("found", "said"), [
    (answers(30, 100), "30 of 100 requests within 5 min were answered 5xx (30 %); too few requests"),
    (answers(30, 100, since=NOW - timedelta(hours=2)), "(30 %); less than a day of history tells what is usual."),
    (answers(30, 100, OF_WEEK), "(30 %); usual at this hour of the week: at most 0.4 %."),
    (answers(30, 100, OF_DAY, since=NOW - timedelta(days=2)),
     "(30 %); usual: 2 %, of all hours, since 2 days are too little for this hour's own."),
    (answers(12, 0), "12 requests within 5 min were answered 5xx; no log tells how many there were in all."),
    (answers(60, 1000, minutes={MINUTE - timedelta(minutes=m): (100, 6) for m in range(60)}),
     "360 of 6,000 requests within an hour were answered 5xx (6 %)"),
])
def test_a_service_that_fails_is_told_with_its_share_and_what_is_usual(found: Answers, said: str) -> None:
    [signal] = alerts.judge(services(found))
    assert said in signal.said
    assert signal.key == "rate:PostgREST"


@pytest.mark.parametrize("quiet", [
    answers(1, 1), answers(4, 4),                                         # too few to be an outage
    answers(5, 60),                                                       # 5 of 60 may be 3 of 100
    answers(5, 100, OF_WEEK, minutes={MINUTE: (1000, 5)}),                # half a percent, usually 0.4
    answers(50, 1000, OF_DAY, since=NOW - timedelta(days=2)),             # 5 %, usually 2: less than three times
    answers(9, 0),                                                        # nobody knows of how many
    answers(40, 100, minutes={MINUTE - timedelta(minutes=90): (100, 40)}),
])
def test_few_requests_are_not_exaggerated(quiet: Answers) -> None:
    assert alerts.judge(services(quiet)) == ()


def test_the_policy_says_how_many_and_which_share_are_too_many() -> None:
    strict = Limits(failing_requests=1, failing_percent=1)
    assert alerts.judge(replace(services(answers(2, 20)), limits=strict))
    lax = Limits(failing_requests=40, failing_percent=50)
    assert alerts.judge(replace(services(answers(30, 100)), limits=lax)) == ()


def test_one_service_is_one_signal_by_the_log_that_saw_most_and_names_what_failed() -> None:
    own = answers(30, 0, source=Source.POSTGREST)
    many = tuple((fault(template=f"GET /rest/v1/t{n} answered 50{n % 4}"), {MINUTE: n + 1}) for n in range(8))
    [signal] = alerts.judge(services(own, answers(36, 100, faults=many)))
    assert "36 of 100" in signal.said
    assert signal.top[0] == "8 times: GET /rest/v1/t7 answered 503"
    assert signal.top[-1] == "and 3 more kinds"


def test_an_outage_of_everything_counts_though_nothing_went_well_of_late() -> None:
    before = {MINUTE - timedelta(minutes=m): (50, 0) for m in range(10, 20)}
    [signal] = alerts.judge(services(answers(0, 0, minutes={**before, MINUTE: (40, 40)})))
    assert "40 of 40" in signal.said


def test_a_failing_service_may_be_linked_to_the_promotion_that_is_watched() -> None:
    [signal] = alerts.judge(replace(services(answers(30, 100)), recent=QUIET.recent))
    assert signal.cause
    assert (signal.cause.promotion, signal.cause.sure) == ("P-31", False)


def test_a_path_that_fails_again_and_again_is_told_once_where_its_service_is_well_otherwise() -> None:
    path: dict[str, Any] = {"severity": Severity.HTTP_5XX, "source": Source.EDGE, "sqlstate": "", "hits": Hits(),
            "template": "POST /functions/v1/charge answered 500"}
    assert alerts.judge(logs(account(count=4, **path))) == ()
    spread = {MINUTE - timedelta(minutes=10 * n): 1 for n in range(5)}
    [signal] = alerts.judge(logs(replace(account(**path), minutes=spread)))
    assert (signal.title, signal.level) == ("New failing requests in production", Level.NOTICE)
    failing = answers(30, 100, service=Service.FUNCTIONS)
    [signal] = alerts.judge(replace(services(failing), accounts=(account(count=30, **path),)))
    assert signal.rule == "failing_service", "the service's own alert names the path"
    words: dict[str, Any] = {
        "severity": Severity.HTTP_5XX, "source": Source.AUTH, "template": "/signup: Database error (answered 500)",
    }
    [signal] = alerts.judge(logs(account(count=1, **words)))
    assert signal.level is Level.ERROR, "it says what is wrong"


@pytest.mark.parametrize("state", ["28P01", "28000", "08006", "3D000", "25P03", "57P05", "57014"])
@pytest.mark.parametrize(("count", "level"), [(1, Level.NOTICE), (12, Level.ERROR)])
def test_refused_and_ended_sessions_are_told_at_once_and_wake_nobody(state: str, count: int, level: Level) -> None:
    [signal] = alerts.judge(logs(account(count=count, severity=Severity.FATAL, sqlstate=state)))
    assert (signal.rule, signal.level, signal.wakes) == ("new_error", level, None)
    assert signal.title == "New refused or ended session (FATAL) in production"


@pytest.mark.parametrize(("state", "role", "level"), [
    ("23505", "authenticated", Level.NOTICE), ("22P02", "anon", Level.NOTICE), ("42501", "anon", Level.NOTICE),
    ("P0001", "authenticated", Level.NOTICE), ("42703", "postgres", Level.NOTICE), ("23505", "worker", Level.ERROR),
    ("42703", "authenticated", Level.ERROR), ("57014", "anon", Level.ERROR), ("40P01", "authenticated", Level.ERROR),
])
def test_what_one_request_or_somebodys_own_sql_brought_about_calls_nobody(state: str, role: str, level: Level) -> None:
    one = account(sqlstate=state, hits=Hits(roles=(role,)))
    [signal] = alerts.judge(logs(one))
    assert (signal.rule, signal.level) == ("new_error", level)
    [signal] = alerts.judge(logs(replace(one, minutes={MINUTE: 40})))
    assert signal.level is Level.ERROR, "a flood"


@pytest.mark.parametrize(("template", "more", "why"), [
    ("GET /auth/v1/health 503", {"source": Source.AUTH, "severity": Severity.HTTP_5XX}, "a health check"),
    ("cron job 3 starting: select 1", {"hits": Hits(applications=("pg_cron scheduler",))}, "the heartbeat of pg_cron"),
    ("canceling statement", {"sqlstate": "57014", "hits": Hits(roles=("supabase_admin",))},
     "a cancelled statement of the platform's own"),
    ("canceling statement", {"sqlstate": "57014", "hits": Hits(roles=("authenticated",))}, ""),
    ("canceling statement due to user request", {"sqlstate": "57014", "hits": Hits(roles=("app",))},
     "a statement that somebody cancelled"),
    ("terminating connection", {"sqlstate": "57P01", "hits": Hits(roles=("authenticator",))},
     "a session that the platform ended"),
    ("terminating connection", {"sqlstate": "57P01", "hits": Hits(roles=("worker",))}, ""),
    ("unsupported frontend protocol", {"sqlstate": "0A000", "severity": Severity.FATAL}, "somebody who tries the port"),
    ("unsupported feature", {"sqlstate": "0A000"}, ""),
    ("replication slot", {"sqlstate": "55006", "hits": Hits(roles=("supabase_admin",))},
     "a replication slot that its last reader still holds"),
    ('column "…"', {"hits": Hits(roles=("postgres",), applications=("supabase/dashboard-query-editor",))},
     "a statement that somebody typed in the dashboard"),
    ("Failed listening for … notifications", {"source": Source.POSTGREST}, "PostgREST that connects anew"),
    ("column ? contains null values", {"hits": Hits(applications=("stagedoor:P-2.1.1",))},
     "what Stagedoor itself ran: the card of that says it"),
    ("column ? contains null values", {"hits": Hits(applications=("stagedoor:P-2.1.1", "PostgREST"))}, ""),
    ("GET /rest/v1/books 503", {"source": Source.EDGE, "severity": Severity.HTTP_5XX}, ""),
])
def test_noise_of_the_platform_is_recognised(template: str, more: dict[str, Any], why: str) -> None:
    assert noise(fault(template=template, **more)) == why
