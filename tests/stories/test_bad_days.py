"""Bad days: Slack silent, slow, refusing or forgetful; hostile text; a long apply beside it; a stop in the middle."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable

import httpx
import psycopg
import pytest

from tests.stories.house import ANA, BO, CY, FEATURE, UNCHECKED, House

Opens = Callable[..., House]


def told_once(h: House, record: str = "P-1") -> None:
    """One card, no line twice, and the steps in their order."""
    thread = h.thread(record)
    doubled = [text for text, count in Counter(filter(str.strip, thread.splitlines())).items() if count > 1]
    assert not doubled, f"{doubled}\n{h.slack.transcript()}"
    steps = [thread.find(step) for step in ("Gates:", "waits for approval", "Approved by", "Verified", "is done")]
    assert steps == sorted(steps), thread
    assert -1 not in steps, thread


@pytest.mark.parametrize(("trouble", "seconds"), [
    pytest.param("silent", 30.0, marks=pytest.mark.slow), pytest.param("lost answers", 0, marks=pytest.mark.slow),
    pytest.param("429", 0, marks=pytest.mark.slow), pytest.param("500", 0, marks=pytest.mark.slow),
    pytest.param("slow", 0, marks=pytest.mark.slow),
])
def test_trouble_at_slack_loses_nothing_and_doubles_nothing(house: Opens, trouble: str, seconds: float) -> None:
    h = house()
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.thread_says(card, "Approved by @bo")
    troubles = h.slack.troubles
    match trouble:
        case "silent":
            troubles.silent(seconds)
        case "lost answers":
            troubles.lost_answer(times=4)
        case "429":
            troubles.too_many(times=4, retry_after=2)
        case "500":
            troubles.failing(times=4)
        case _:
            troubles.slow(2.0, times=6)
    h.until(lambda: h.history()[-1] == "20261101121500", "production", patience=60)
    h.until(lambda: "is done" in h.thread(card) or None, "the last word", patience=90)
    h.reads(card, "Done · in production")
    told_once(h)


def test_commands_are_acknowledged_while_slack_is_silent(house: Opens) -> None:
    h = house()
    h.slack.troubles.silent(5.0)
    delivered = h.says(ANA, "/migrate promote")
    assert delivered.ok
    assert delivered.seconds < 1.0
    h.reads("P-1", "/migrate stage")


def test_forged_stale_and_malformed_requests(shared_house: House) -> None:
    url = f"http://127.0.0.1:{shared_house.bot_port}/slack/events"
    now = str(int(time.time()))
    for headers, body in (
        ({}, b"command=/migrate&text=promote"),
        ({"x-slack-request-timestamp": now, "x-slack-signature": "v0=" + "0" * 64}, b"command=/migrate"),
        ({"x-slack-request-timestamp": "yesterday", "x-slack-signature": "v0=" + "0" * 64}, b"x"),
        ({"x-slack-request-timestamp": "1", "x-slack-signature": "v0=" + "0" * 64}, b"\xff\xfe"),
    ):
        assert httpx.post(url, headers=headers, content=body).status_code == 401


HOSTILE = "<!channel> <@U0ERIN001> `code` *bold* <https://evil.example|https://good.example> @here #general"


def test_hostile_text_stays_dead(house: Opens) -> None:
    h = house()
    h.only()
    filename = "20261101130000_<!channel>`x`*y* <@U0ERIN001>.sql"
    h.write(filename, f"-- Migration: {HOSTILE}\n/* {HOSTILE} */ select 1;\nselect '{HOSTILE}'::regclass;\n")
    h.says(ANA, "/migrate stage")
    text = h.reads("S-1", "Stopped: staging is unchanged")
    assert "<!channel>" in text
    h.says(ANA, "/migrate status")
    h.told(ANA, "Migrations")
    h.says(ANA, f"/migrate promote {HOSTILE}")
    h.told(ANA, "There is no migration")
    h.slack.press(ANA, h.card("S-1"), "View SQL")
    h.until(lambda: h.slack.modal(ANA), "the SQL")
    for message in [*h.slack.messages("#deploys", with_threads=True), *h.slack.ephemerals(ANA)]:
        assert not message.specials, h.slack.text_of(message)
        assert "U0ERIN001" not in message.live.users
        assert not [link for link in message.live.links if "evil" in link]
    assert not h.slack.notified("U0ERIN001")


def test_a_failing_statement_that_prints_a_password_shows_none(house: Opens) -> None:
    h = house()
    h.only()
    password = h.postgres.password
    h.write(
        "20261101130000_leak.sql",
        f"do $$ begin raise exception 'cannot log in with {password} at {h.production}'; end $$;\n",
    )
    h.says(ANA, "/migrate stage")
    h.reads("S-1", "Stopped: staging is unchanged")
    h.slack.press(ANA, h.card("S-1"), "View SQL")
    h.until(lambda: h.slack.modal(ANA), "the SQL")
    everything = h.slack.transcript() + json.dumps([call.args for call in h.slack.calls], default=str) + h.bot_log()
    assert password not in everything
    h.end_bot()
    assert password.encode() not in h.store.read_bytes().replace(_plan(h), b"")


def _plan(h: House) -> bytes:
    """The plan's bytes, which alone keep what the file says: they are what runs."""
    return next(h.migrations.glob("20261101130000_*")).read_bytes()


def test_long_sql_is_a_file_in_the_thread(house: Opens) -> None:
    h = house(policy=UNCHECKED)
    h.only()
    rows = ",\n".join(f"({n}, 'row number {n}')" for n in range(1500))
    h.write("20261101130000_long.sql", f"create table many (id int, what text);\ninsert into many values\n{rows};\n")
    h.staged()
    file = h.until(lambda: next(iter(h.slack.files()), None), "the file")
    assert "'row number 1499'" in file.text
    h.slack.press(ANA, h.card("S-1"), "View SQL")
    assert "a file in the thread" in h.until(
        lambda: h.slack.text_of(view) if (view := h.slack.modal(ANA)) else None, "the SQL",
    )


@pytest.mark.slow
def test_a_long_apply_holds_up_nobody_else_and_cancel_is_answered_truthfully(house: Opens) -> None:
    h = house(policy=UNCHECKED)
    h.only(FEATURE)
    h.write("20261101130000_wait.sql", "select 1 from gate_keeper();\nselect pg_sleep(0.1);\n")
    with psycopg.connect(h.staging, autocommit=True) as connection:
        connection.execute("create function gate_keeper() returns int language sql as 'select 1'")
    with psycopg.connect(h.production, autocommit=True) as connection:
        connection.execute(
            "create function gate_keeper() returns int language plpgsql as "
            "'begin perform pg_advisory_lock(4711); perform pg_advisory_unlock(4711); return 1; end'"
        )
        connection.execute("select pg_advisory_lock(4711)")
        (h.directory / "stagedoor.toml").write_text(
            (h.directory / "stagedoor.toml").read_text() + '[apply]\nlock_timeout = "60s"\n'
        )
        h.end_bot()
        h.start_bot()
        card = h.ready_to_approve()
        h.presses(BO, card, "Approve")
        h.reads(card, "Applying 2 of 2")
        # While the second file waits, its own project is held …
        h.presses(ANA, card, "View SQL")
        stale = h.card(card)
        assert "[Cancel]" not in h.slack.text_of(stale)
        late = next(v for v in h.slack.edits(stale) if "Cancel" in json.dumps(v.blocks))
        stale.blocks = late.blocks
        h.slack.press(ANA, stale, "Cancel", stale=True)
        h.told(ANA, "Too late: P-1 has begun to change production")
        # … a further promotion is asked for, approved and waits its turn …
        h.write("20261101140000_next.sql", "create table next_one (id int primary key);\n")
        h.says(ANA, "/migrate stage 20261101140000")
        h.reads("S-2", "Done · in staging")
        delivered = h.says(ANA, "/migrate status")
        assert delivered.seconds < 1.0
        connection.execute("select pg_advisory_unlock(4711)")
    h.reads(card, "Done · in production")
    h.says(ANA, "/migrate promote")
    h.reads("P-2", "Waiting for approval")
    h.confirmed("P-2")
    h.presses(CY, "P-2", "Approve")
    h.reads("P-2", "Done · in production")


@pytest.mark.slow
def test_a_lock_that_does_not_come_is_tried_again_and_the_blocker_named(house: Opens) -> None:
    h = house()
    h.only(FEATURE)
    (h.directory / "stagedoor.toml").write_text(
        (h.directory / "stagedoor.toml").read_text() + '[apply]\nlock_timeout = "500ms"\n'
    )
    h.end_bot()
    h.start_bot()
    card = h.ready_to_approve()
    with psycopg.connect(h.production, application_name="nightly-report") as blocker:
        blocker.execute("select * from my_table limit 1")
        h.presses(BO, card, "Approve")
        h.thread_says(card, "nightly-report")
        assert "Nothing of it is in" in h.reads(card, "again")
    h.reads(card, "Done · in production")


@pytest.mark.slow
def test_a_graceful_stop_in_the_middle_goes_on_afterwards(house: Opens) -> None:
    h = house(policy=UNCHECKED)
    h.only(FEATURE)
    h.write("20261101130000_slow.sql", "create table slow_one (id int);\nselect slow();\n")
    for address, seconds in ((h.staging, 0), (h.production, 25)):
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"create function slow() returns void language sql as 'select pg_sleep({seconds})'")
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "statement 2 of 2")
    began = time.monotonic()
    assert h.end_bot() == 0
    assert time.monotonic() - began < 15
    assert h.history()[-1] == FEATURE
    with psycopg.connect(h.production, autocommit=True) as connection:  # once interrupted is enough to wait for
        connection.execute("create or replace function slow() returns void language sql as 'select pg_sleep(0)'")
    h.start_bot()
    h.reads(card, "Done · in production", patience=90)
    assert h.thread_says(card, "is done").count("20261101130000 slow is in production") == 1


def test_a_second_process_stands_by_and_takes_over(house: Opens) -> None:
    h = house()
    card = h.ready_to_approve()
    first = h.bot
    assert first is not None
    h.start_bot(wait=False)
    second = h.bot
    h.until(lambda: "standing by" in h.bot_log() or None, "the second to say so")
    first.kill()
    first.wait()
    h.presses(BO, card, "Approve") if _up(h) else None
    h.reads(card, "Done · in production")
    assert second is h.bot


@pytest.mark.slow
def test_who_stands_by_is_alive_and_not_ready(house: Opens) -> None:
    h = house()
    first = h.bot
    assert first is not None
    port = h.a_port()
    h.environ(PORT=str(port))
    h.start_bot(wait=False)
    address = f"http://127.0.0.1:{port}"
    h.until(lambda: "standing by on" in h.bot_log() or None, "the second to answer")
    assert httpx.get(f"{address}/healthz").status_code == 200
    waiting = httpx.get(f"{address}/readyz")
    assert waiting.status_code == 503
    assert "stands by" in waiting.json()["parts"]["store"]
    first.kill()
    first.wait()
    h.until(lambda: _ready(f"{address}/readyz"), "the second to serve")


def _ready(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.HTTPError:
        return False


def _up(h: House) -> bool:
    h.wait_ready()
    return True


def test_health_metrics_and_logs(shared_house: House) -> None:
    base = f"http://127.0.0.1:{shared_house.bot_port}"
    assert httpx.get(f"{base}/healthz").json()["status"] == "ok"
    parts = httpx.get(f"{base}/readyz").json()["parts"]
    assert set(parts) >= {"store", "scheduler", "slack"}
    assert "stagedoor_ack_seconds" in httpx.get(f"{base}/metrics").text
    shared_house.says(ANA, "/migrate stage")
    shared_house.reads("S-1", "Done")
    lines = [json.loads(line) for line in shared_house.bot_log().splitlines() if line.startswith("{")]
    assert [line for line in lines if line.get("record") == "S-1"], "no log line names the record"


def test_two_threads_of_people_at_once(house: Opens) -> None:
    h = house()
    h.staged()
    threads = [threading.Thread(target=h.says, args=(user, "/migrate promote")) for user in (ANA, BO, CY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    h.reads("P-1", "Waiting for approval")
    time.sleep(1)
    cards = [m for m in h.slack.messages("#deploys") if re.search(r"P-\d+ ·", h.slack.text_of(m))]
    assert len(cards) == 1


@pytest.mark.slow
def test_a_channel_that_is_archived_in_the_middle_is_said_elsewhere_and_caught_up_with(house: Opens) -> None:
    """Nobody sees #deploys any more; what was approved goes in all the same, and the story is whole in the end."""
    h = house()
    h.only(FEATURE)
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve", copies=2)
    h.slack.archive("#deploys")
    told = h.until(lambda: next((text for m in h.slack.messages("#incidents")
                                 if "Nothing can be shown in #deploys" in (text := h.slack.text_of(m))), None),
                   "another channel to be told")
    assert "Slack answered is_archived" in told
    h.until(lambda: h.history()[-1] == FEATURE or None, "production to have it")
    assert len(h.slack.messages("#incidents")) == 1
    assert "#deploys: Slack answered is_archived" in h.ready()
    h.slack.archive("#deploys", archived=False)
    h.end_bot()
    h.start_bot()       # which tries at once what it would try again within ten minutes
    h.reads(card, "Done · in production")
    h.until(lambda: "is done" in h.thread(card) or None, "the last word")
    told_once(h)
