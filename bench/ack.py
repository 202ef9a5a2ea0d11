"""How fast is a slash command acknowledged, beside a bare Bolt app on the same server?

    python bench/ack.py

Ours is the whole way in: signature, inbox on SQLite (synced to disk), acknowledgement, and behind it the pool, whose
handler asks a Slack that takes 5 s to answer. The peer is Bolt's hello world, which keeps nothing and asks nobody:
behind its own Starlette adapter as it comes ("peer"), the same with `process_before_response=True` ("at best", all on
the event loop, where a listener that waits for anything stops the server), and that in threads as ours ("threads").
Servers and the load run in processes of their own; rounds alternate, since the machine may be shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from urllib.parse import urlencode

SECRET = "a-made-up-signing-secret"
CONNECTIONS = 50
ALONE, AT_ONCE_ROUNDS, THROUGHPUT_ROUNDS, THROUGHPUT_REQUESTS = 200, 10, 5, 2000
PEERS = ("peer", "threads", "at-best")


# ---- the servers, each in a process of its own

def serve_ours(store: str, slack_url: str) -> None:
    from slack_sdk import WebClient

    from bot.adapters.sqlite_journal import SqliteJournal
    from bot.metrics import Metrics
    from bot.scrub import Scrubber
    from handlers.conversation import Ask, Reply, Subject
    from handlers.desk.inbox import InboxPool
    from handlers.door.http import SlackDoor, build, serve
    from handlers.door.listeners import Identity, build_app

    class RealClock:
        def now(self) -> datetime:
            return datetime.now(UTC)

    class Nobody:
        def wake(self, record: str) -> None: ...

        def tell(self) -> None: ...

    clock, metrics = RealClock(), Metrics()
    client = WebClient(token="xoxb-x", base_url=slack_url, timeout=30)
    journal = SqliteJournal(Path(store), clock, Scrubber())

    def handle(ask: Ask) -> Reply:
        client.users_info(user=ask.user)
        return Reply()

    subjects = [Subject(commands={"/migrate": handle})]
    pool = InboxPool(journal, journal, Nobody(), subjects, client, clock, metrics=metrics)
    identity = Identity(token="xoxb-x", bot_id="B1", bot_user_id="U0BOT", team_id="T1")
    app = build_app(identity, journal, subjects, clock, pool.nudge, client, metrics)
    web = build(slack=SlackDoor(app, SECRET, clock, metrics), alive={}, ready={}, metrics=metrics)
    pool.start()
    serve(web, "127.0.0.1", 0, threading.Event(), lambda port: print(port, flush=True))


def serve_peer(how: str) -> None:
    from slack_bolt import App
    from slack_bolt.adapter.starlette.handler import SlackRequestHandler, to_bolt_request, to_starlette_response
    from slack_bolt.authorization import AuthorizeResult
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from handlers.door.http import serve

    known = AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-x", bot_id="B1", bot_user_id="U0BOT")
    app = App(
        signing_secret=SECRET, authorize=lambda: known, token_verification_enabled=False,
        process_before_response=how != "peer",
    )

    @app.command("/migrate")
    def hello(ack) -> None:
        ack()

    threads = ThreadPoolExecutor(64)

    async def in_threads(request: Request) -> Response:
        asked = to_bolt_request(request, await request.body())
        return to_starlette_response(await asyncio.get_running_loop().run_in_executor(threads, app.dispatch, asked))

    handle = in_threads if how == "threads" else SlackRequestHandler(app).handle
    web = Starlette(routes=[Route("/slack/events", handle, methods=["POST"])])
    serve(web, "127.0.0.1", 0, threading.Event(), lambda port: print(port, flush=True))


def serve_slow_slack() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(length_of(head))
            await asyncio.sleep(5)
            body = b'{"ok":true,"user":{"id":"U1"}}'
            head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
            writer.write(head + body)
            await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(run())


@contextlib.contextmanager
def server(*arguments: str) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parent.parent, env={"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(15)


# ---- the load

def requests(count: int) -> list[bytes]:
    """Signed commands as Slack sends them, each with a trigger of its own."""
    made, timestamp = [], str(int(time.time())).encode()
    for _ in range(count):
        body = urlencode({
            "token": "x", "team_id": "T1", "team_domain": "acme", "channel_id": "C1", "channel_name": "deploys",
            "user_id": "U1", "user_name": "ana", "command": "/migrate", "text": "promote 20261101120000",
            "api_app_id": "A1", "is_enterprise_install": "false", "trigger_id": f"{time.time_ns()}.{len(made)}",
            "response_url": "https://hooks.slack.invalid/commands/T1/1/abc",
        }).encode()
        mac = hmac.new(SECRET.encode(), b"v0:" + timestamp + b":" + body, hashlib.sha256).hexdigest().encode()
        made.append(
            b"POST /slack/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n"
            b"x-slack-request-timestamp: " + timestamp + b"\r\nx-slack-signature: v0=" + mac
            + b"\r\ncontent-length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
    return made


def length_of(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)


class Connection:
    @classmethod
    async def open(cls, port: int) -> Connection:
        self = cls()
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        return self

    async def ask(self, request: bytes) -> float:
        """Milliseconds until the whole answer was there."""
        begun = time.perf_counter()
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"not acknowledged: {head!r}")
        await self.reader.readexactly(length_of(head))
        return (time.perf_counter() - begun) * 1000


async def alone(port: int) -> list[float]:
    one = await Connection.open(port)
    for request in requests(20):
        await one.ask(request)
    return [await one.ask(request) for request in requests(ALONE)]


async def at_once(port: int) -> list[float]:
    many = [await Connection.open(port) for _ in range(CONNECTIONS)]
    return list(await asyncio.gather(*(c.ask(r) for c, r in zip(many, requests(CONNECTIONS), strict=True))))


async def throughput(port: int, count: int) -> float:
    many = [await Connection.open(port) for _ in range(CONNECTIONS)]
    waiting = iter(requests(count))

    async def keep_asking(connection: Connection) -> None:
        for request in waiting:
            await connection.ask(request)

    begun = time.perf_counter()
    await asyncio.gather(*(keep_asking(c) for c in many))
    return count / (time.perf_counter() - begun)


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def sync_times() -> list[float]:
    """What the disk alone takes for what a commit waits for; on a shared machine it explains most outliers."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            begun = time.perf_counter()
            os.write(file.fileno(), b"x" * 8192)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begun) * 1000)
    return times


def line(name: str, *columns: object) -> None:
    print(f"{name:<44}" + "".join(f"{column:>12}" for column in columns))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        store = f"{folder}/journal.db"
        slack = stack.enter_context(server("slow-slack"))
        ports = {"ours": stack.enter_context(server("ours", store, f"http://127.0.0.1:{slack}/api/"))}
        ports |= {peer: stack.enter_context(server(peer)) for peer in PEERS}
        single = {name: asyncio.run(alone(port)) for name, port in ports.items()}
        bursts: dict[str, list[list[float]]] = {name: [] for name in ports}
        for _ in range(AT_ONCE_ROUNDS):
            for name, port in ports.items():
                bursts[name].append(asyncio.run(at_once(port)))
        rates: dict[str, list[float]] = {name: [] for name in ports}
        for _ in range(THROUGHPUT_ROUNDS):
            for name, port in ports.items():
                # As it comes Bolt sleeps 10 ms on the event loop for each acknowledgement: a tenth will do.
                count = THROUGHPUT_REQUESTS // 10 if name == "peer" else THROUGHPUT_REQUESTS
                rates[name].append(asyncio.run(throughput(port, count)))
        with contextlib.closing(sqlite3.connect(store)) as db:
            kept = db.execute("SELECT count(*) FROM deliveries").fetchone()[0]

    sent = 20 + ALONE + AT_ONCE_ROUNDS * CONNECTIONS + THROUGHPUT_ROUNDS * THROUGHPUT_REQUESTS
    rate = {name: statistics.median(values) for name, values in rates.items()}
    disk = sync_times()
    line("", *ports)
    line("alone, ms: median", *(f"{statistics.median(single[n]):.2f}" for n in ports))
    line("alone, ms: p95", *(f"{p95(single[n]):.2f}" for n in ports))
    flat = {name: list(chain.from_iterable(rounds)) for name, rounds in bursts.items()}
    line(f"{CONNECTIONS} at once, ms: median", *(f"{statistics.median(flat[n]):.1f}" for n in ports))
    line(f"{CONNECTIONS} at once, ms: slowest of all", *(f"{max(flat[n]):.1f}" for n in ports))
    line(f"requests/s at {CONNECTIONS} connections, median", *(f"{rate[n]:.0f}" for n in ports))
    line("  rounds, lowest and highest", *(f"{min(rates[n]):.0f}-{max(rates[n]):.0f}" for n in ports))
    line("  ours is so many times that", "", *(f"{rate['ours'] / rate[peer]:.2f}" for peer in PEERS))
    ratio, slowest = rate["ours"] / rate["peer"], max(flat["ours"])
    print(f"\nthe disk alone, 8 KiB and fdatasync: median {statistics.median(disk):.2f} ms, p95 {p95(disk):.2f} ms")
    print(f"acknowledged {sent}, stored {kept}: {'none lost' if kept == sent else 'LOST'}")
    aims = {
        f"p95 alone {p95(single['ours']):.2f} ms < 5 ms": p95(single["ours"]) < 5,
        f"{CONNECTIONS} at once within 250 ms: slowest {slowest:.0f} ms": slowest < 250,
        f"throughput {ratio:.2f} x the bare peer, aim 0.70": ratio >= 0.7,
        "none lost": kept == sent,
    }
    for aim, held in aims.items():
        print(f"{'held  ' if held else 'MISSED'}  {aim}")
    raise SystemExit(0 if all(aims.values()) else 1)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main()
        case ["ours", store, slack_url]:
            serve_ours(store, slack_url)
        case ["peer" | "threads" | "at-best" as how]:
            serve_peer(how)
        case ["slow-slack"]:
            serve_slow_slack()
        case _:
            raise SystemExit(__doc__)
