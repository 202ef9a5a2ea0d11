"""How many log events a second go through the drain on one core, and does Slack still get its answer meanwhile?

    python bench/drain.py [SECONDS]        (default 10; the figure of docs/logs.md is of 60)

The bot's HTTP shell with the drain's door, Slack's door, inbox and a SQLite journal (synced to disk) runs in a process
of its own that is tied to one core. Another process sends batches of 250 events as a drain does, gzipped, six at once.
One event in five counts (COUNTS_EVERY=1 in the environment makes it every one): errors of some ten faults and slow
statements. The others are what fills a log: checkpoints, connections, quick statements, answers of 200. Meanwhile
somebody types `/migrate help` five times a second.
Beside it, in the same run: orjson parsing the very same unpacked bytes and doing nothing else, which is the limit; and
drain3 mining the messages of the events that count, as the peer for what we do with each of them.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

SECRET, SENDERS, BATCH, DISTINCT = "a-made-up-drain-secret", 6, 250, 40
COUNTS_EVERY = int(os.environ.get("COUNTS_EVERY", "5"))


# ---- the server, in a process of its own

def serve(store: str) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from ack import SECRET as SIGNING
    from slack_sdk import WebClient

    from bot.adapters.sqlite_journal import SqliteJournal
    from bot.domain.project import Environment
    from bot.domain.sighting import Folded
    from bot.metrics import Metrics
    from bot.scrub import Scrubber
    from bot.sightings.draining import Drain
    from bot.sightings.funnel import Funnel
    from bot.sightings.recognising import Recogniser
    from handlers.conversation import Reply, Subject
    from handlers.desk.inbox import InboxPool
    from handlers.door.drain import DrainDoor, Mouth
    from handlers.door.http import SlackDoor, build
    from handlers.door.http import serve as serve_http
    from handlers.door.listeners import Identity, build_app

    class RealClock:
        def now(self) -> datetime:
            return datetime.now(UTC)

    class Nobody:
        def wake(self, record: str) -> None: ...

        def tell(self) -> None: ...

    told = threading.Event()

    def on_folded(folded: Folded) -> None:
        if not told.is_set():
            told.set()
            print(f"sighted {time.time()}", flush=True)

    clock, metrics = RealClock(), Metrics()
    journal = SqliteJournal(Path(store), clock, Scrubber())
    recogniser = Recogniser(project="shop", environment=Environment.PRODUCTION, slow_ms=1000, key=b"k")
    drain = Drain(recogniser=recogniser, funnel=Funnel(journal, on_folded), clock=clock)
    door = DrainDoor({("shop", Environment.PRODUCTION): Mouth(drain, SECRET.encode())}, "shop", metrics.registry)
    client = WebClient(token="xoxb-x", base_url="http://127.0.0.1:1/api/")
    subjects = [Subject(commands={"/migrate": lambda ask: Reply()})]
    pool = InboxPool(journal, journal, Nobody(), subjects, client, clock, metrics=metrics)
    identity = Identity(token="xoxb-x", bot_id="B1", bot_user_id="U0BOT", team_id="T1")
    app = build_app(identity, journal, subjects, clock, pool.nudge, client, metrics)
    web = build(
        slack=SlackDoor(app, SIGNING, clock, metrics), alive={}, ready={}, metrics=metrics, routes=door.routes(),
    )
    pool.start()
    serve_http(web, "127.0.0.1", 0, threading.Event(), lambda port: print(port, flush=True))


# ---- what is sent

def events(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Events without id and time, in about the mix of a busy project's logs."""
    faults = [
        ('relation "{w}" does not exist', "42P01", ["books", "orders", "carts"]),
        ('duplicate key value violates unique constraint "{w}"', "23505", ["users_email_key", "books_pkey"]),
        ('invalid input syntax for type integer: "{w}"', "22P02", [f"w{n}" for n in range(5000)]),
        ("canceling statement due to statement timeout", "57014", [""]),
        ("Order {w} of customer {w} was not found", "P0001", [str(n) for n in range(5000)]),
        ("duration: 1{w}.118 ms  statement: select * from books where id = {w}", "", [str(n) for n in range(100, 999)]),
    ]
    quiet = [
        "connection received: host=203.0.113.9 port=5{n}", "duration: 0.{n} ms  statement: select 1",
        "checkpoint complete: wrote {n} buffers", "GET | 200 | 203.0.113.9 | /rest/v1/books?id=eq.{n}",
        "connection authorized: user=authenticator database=postgres application_name=postgrest n={n}",
    ]
    made = []
    for number in range(count):
        parsed = {
            "error_severity": "LOG", "sql_state_code": "00000", "user_name": "authenticator", "process_id": 4242,
            "database_name": "postgres", "session_id": f"6a8681aa.{number % 40:x}", "backend_type": "client backend",
            "connection_from": f"203.0.113.{number % 30}:51234", "command_tag": "SELECT", "session_line_num": 7,
            "session_start_time": "2026-11-23 11:58:02 UTC", "virtual_transaction_id": "17/220", "transaction_id": 0,
        }
        if number % COUNTS_EVERY == 0:
            text, state, words = chance.choice(faults)
            text, severity = text.replace("{w}", chance.choice(words)), "ERROR" if state else "LOG"
            parsed |= {"error_severity": severity, "sql_state_code": state or "00000"}
        else:
            text = chance.choice(quiet).replace("{n}", str(chance.randrange(9000)))
        made.append({"event_message": text, "metadata": {"host": "db-abcdefghijklmnopqrst", "parsed": parsed}})
    return made


class Batches:
    """Batches that differ in every id and time, made from a few bodies by replacing bytes: the sender is no limit."""

    def __init__(self) -> None:
        chance = random.Random(3)
        self._bodies = []
        for _ in range(DISTINCT):
            batch = [
                {"id": f"IDIDIDID-0000-4000-8000-{n:012}", "timestamp": 7777777777777777, **each}
                for n, each in enumerate(events(chance, BATCH))
            ]
            self._bodies.append(json.dumps(batch, separators=(",", ":")).encode())
        self._number = 0

    def plain(self) -> bytes:
        self._number += 1
        body = self._bodies[self._number % DISTINCT]
        now = str(int(time.time() * 1e6)).encode()
        return body.replace(b"IDIDIDID", b"%08x" % self._number).replace(b"7777777777777777", now)


def send(port: int, seconds: float) -> None:
    """The sender, in a process of its own: prints events, counted ones, retries, and bytes."""
    asyncio.run(_send(port, seconds))


async def _send(port: int, seconds: float) -> None:
    batches, until = Batches(), time.perf_counter() + seconds
    tally = {"events": 0, "refused": 0, "bytes": 0}

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            plain = batches.plain()
            body = gzip.compress(plain, 1)
            writer.write(
                b"POST /hooks/supabase/logs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + SECRET.encode()
                + b"\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: "
                + b"%d\r\n\r\n" % len(body)
                + body)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            taken = head.startswith(b"HTTP/1.1 202")
            tally["events" if taken else "refused"] += BATCH
            tally["bytes"] += len(plain)
        writer.close()

    await asyncio.gather(*(one() for _ in range(SENDERS)))
    print(json.dumps(tally), flush=True)


# ---- what is measured

def memory(pid: int) -> float:
    """Megabytes that the process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def cpu(pid: int) -> float:
    """Seconds of a core that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def help_meanwhile(port: int, seconds: float) -> list[float]:
    from ack import Connection, requests

    times, until, one = [], time.perf_counter() + seconds, await Connection.open(port)
    while time.perf_counter() < until:
        times.append(await one.ask(requests(1)[0]))
        await asyncio.sleep(0.2)
    return times


def beside(seconds: float) -> None:
    """orjson over the same bytes, and drain3 over the same messages."""
    import orjson

    batches, bodies = Batches(), []
    bodies = [batches.plain() for _ in range(DISTINCT)]
    rounds, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < min(seconds, 5):
        for body in bodies:
            orjson.loads(body)
        rounds += 1
    rate = rounds * DISTINCT * BATCH / (time.perf_counter() - begun)
    print(f"orjson alone, the same bytes          {rate:>12,.0f} events/s")
    packed = [gzip.compress(body, 1) for body in bodies]
    begun = time.perf_counter()
    for body in packed:
        orjson.loads(gzip.decompress(body))
    print(f"gzip and orjson alone                 {DISTINCT * BATCH / (time.perf_counter() - begun):>12,.0f} events/s")
    from bot.sightings.messages import template

    messages = [
        (each["metadata"]["parsed"]["sql_state_code"], each["event_message"])
        for body in bodies for each in orjson.loads(body)[::COUNTS_EVERY]
    ]
    begun = time.perf_counter()
    for state, message in messages:
        template(state, message)
    print(f"our templates, events that count      {len(messages) / (time.perf_counter() - begun):>12,.0f} messages/s")
    try:
        import logging

        from drain3 import TemplateMiner
    except ImportError:
        print("drain3 is not installed")
        return
    logging.disable()
    miner = TemplateMiner()
    begun = time.perf_counter()
    for _, message in messages:
        miner.add_log_message(message)
    print(f"drain3, the same messages             {len(messages) / (time.perf_counter() - begun):>12,.0f} messages/s")


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = f"{folder}/journal.db"
        server = started("serve", store)
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline())
            started("send", str(port), "1.5").wait()    # warmed up: libraries loaded, caches filled
            heard = server.stdout.readline()
            assert heard.startswith("sighted")
            before, used, begun = memory(server.pid), cpu(server.pid), time.perf_counter()
            sender = started("send", str(port), str(seconds))
            acks = asyncio.run(help_meanwhile(port, seconds))
            tally = json.loads(sender.communicate()[0])
            took, after = time.perf_counter() - begun, memory(server.pid)
            used = cpu(server.pid) - used
        finally:
            server.terminate()
            server.wait(15)
        first = first_sighting(folder)
        size = Path(store).stat().st_size / (1 << 20)
        counted = total(store)
    rate, each = tally["events"] / seconds, used / tally["events"] * 1e6
    print(f"events taken                          {rate:>12,.0f} events/s  ({tally['refused']:,} refused)")
    print(f"CPU of the server                     {used / took:>12.2f} cores, {each:.1f} us an event")
    print(f"cost of a million events              {each:>12.1f} CPU seconds")
    grown = f"{after:.1f} MB after, {after / before - 1:+.1%}"
    print(f"memory                                {before:>12.1f} MB before, {grown}")
    print(f"first sighting after the first event  {first * 1000:>12.0f} ms")
    print(f"/migrate help meanwhile               {statistics.quantiles(acks, n=20)[-1]:>12.1f} ms p95, "
          f"{statistics.median(acks):.1f} ms median")
    print(f"store                                 {size:>12.1f} MB for {counted:,} counted events")
    beside(seconds)


def first_sighting(folder: str) -> float:
    """Seconds from the moment a first batch is sent into a fresh process to its fold."""
    server = started("serve", f"{folder}/other.db")
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        begun = time.time()
        sender = started("send", str(port), "0.2")
        heard = float(server.stdout.readline().split()[1])
        sender.wait()
        return max(heard - begun, 0.0)
    finally:
        server.terminate()
        server.wait(15)


def total(store: str) -> int:
    import sqlite3

    with closing(sqlite3.connect(store)) as db:
        return int(db.execute("SELECT sum(total) FROM faults").fetchone()[0])


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", store]:
            serve(store)
        case ["send", port, seconds]:
            send(int(port), float(seconds))
        case [seconds]:
            main(float(seconds))
        case _:
            main(10.0)
