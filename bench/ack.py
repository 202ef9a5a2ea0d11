"""How fast is a slash command acknowledged, beside a bare Bolt app on the same server?

    python bench/ack.py

Ours is the whole way in: signature, inbox on SQLite (synced to disk), acknowledgement, and behind it the pool, whose
handler asks a Slack that takes 5 s to answer. The peer is Bolt's hello world behind its own Starlette adapter, which
keeps nothing and asks nobody: once as it comes, once with `process_before_response=True`, which is its fastest.
Servers and the load run in processes of their own; rounds alternate, since the machine may be shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

SECRET = "a-made-up-signing-secret"
CONNECTIONS = 50
ALONE, AT_ONCE_ROUNDS, THROUGHPUT_ROUNDS, THROUGHPUT_REQUESTS = 200, 10, 5, 2000
PEERS = ("peer", "peer-fast")


# ---- the servers, each in a process of its own

def serve_ours(store: str, slack_url: str) -> None:
    from slack_sdk import WebClient

    from bot.adapters.sqlite_journal import SqliteJournal
    from bot.metrics import Metrics
    from bot.scrub import Scrubber
    from handlers.conversation import Ask, Reply, Subject
    from handlers.http import SlackDoor, build, serve
    from handlers.inbox import InboxPool
    from handlers.listeners import Identity, build_app

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
    import os; sys.setswitchinterval(float(os.environ.get("SWI","0.005")))
    pool.start()
    serve(web, "127.0.0.1", 0, threading.Event(), lambda port: print(port, flush=True))


def serve_peer(fast: bool) -> None:
    from slack_bolt import App
    from slack_bolt.adapter.starlette import SlackRequestHandler
    from slack_bolt.authorization import AuthorizeResult
    from starlette.applications import Starlette
    from starlette.routing import Route

    from handlers.http import serve

    known = AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-x", bot_id="B1", bot_user_id="U0BOT")
    app = App(
        signing_secret=SECRET, authorize=lambda: known, token_verification_enabled=False, process_before_response=fast,
    )

    @app.command("/migrate")
    def hello(ack) -> None:
        ack()

    web = Starlette(routes=[Route("/slack/events", SlackRequestHandler(app).handle, methods=["POST"])])
    serve(web, "127.0.0.1", 0, threading.Event(), lambda port: print(port, flush=True))


def serve_slow_slack() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length")), 0)
            await reader.readexactly(length)
            await asyncio.sleep(5)
            body = b'{"ok":true,"user":{"id":"U1"}}'
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                         % len(body) + body)
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
        cwd=Path(__file__).parent.parent, env={**__import__("os").environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
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
        length = next(int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length"))
        await self.reader.readexactly(length)
        return (time.perf_counter() - begun) * 1000


async def alone(port: int) -> list[float]:
    one = await Connection.open(port)
    for request in requests(20):
        await one.ask(request)
    return [await one.ask(request) for request in requests(ALONE)]


async def at_once(port: int) -> list[float]:
    many = [await Connection.open(port) for _ in range(CONNECTIONS)]
    return list(await asyncio.gather(*(c.ask(r) for c, r in zip(many, requests(CONNECTIONS), strict=True))))


async def throughput(port: int) -> float:
    many = [await Connection.open(port) for _ in range(CONNECTIONS)]
    waiting = iter(requests(THROUGHPUT_REQUESTS))

    async def keep_asking(connection: Connection) -> None:
        for request in waiting:
            await connection.ask(request)

    begun = time.perf_counter()
    await asyncio.gather(*(keep_asking(c) for c in many))
    return THROUGHPUT_REQUESTS / (time.perf_counter() - begun)


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


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
                rates[name].append(asyncio.run(throughput(port)) if name != "peer" else 0.0)
        rates["peer"] = [asyncio.run(throughput_of_the_slow(ports["peer"]))]
        with contextlib.closing(sqlite3.connect(store)) as db:
            kept = db.execute("SELECT count(*) FROM deliveries").fetchone()[0]

    sent = 20 + ALONE + AT_ONCE_ROUNDS * CONNECTIONS + THROUGHPUT_ROUNDS * THROUGHPUT_REQUESTS
    rate = {name: statistics.median(values) for name, values in rates.items()}
    line("", *ports)
    line("alone, ms: median", *(f"{statistics.median(single[n]):.2f}" for n in ports))
    line("alone, ms: p95", *(f"{p95(single[n]):.2f}" for n in ports))
    line(f"{CONNECTIONS} at once, ms: median", *(f"{statistics.median(sum(bursts[n], [])):.1f}" for n in ports))
    line(f"{CONNECTIONS} at once, ms: slowest of all", *(f"{max(map(max, bursts[n])):.1f}" for n in ports))
    line(f"requests/s at {CONNECTIONS} connections, median", *(f"{rate[n]:.0f}" for n in ports))
    line("  rounds, lowest and highest", *(f"{min(rates[n]):.0f}-{max(rates[n]):.0f}" for n in ports))
    ratio, slowest = rate["ours"] / max(rate[p] for p in PEERS), max(map(max, bursts["ours"]))
    print()
    print(f"acknowledged {sent}, stored {kept}: {'none lost' if kept == sent else 'LOST'}")
    aims = {
        f"p95 alone {p95(single['ours']):.2f} ms < 5 ms": p95(single["ours"]) < 5,
        f"{CONNECTIONS} at once within 250 ms: slowest {slowest:.0f} ms": slowest < 250,
        f"throughput {ratio:.2f} x the faster peer, aim 0.70": ratio >= 0.7,
        "none lost": kept == sent,
    }
    for aim, held in aims.items():
        print(f"{'held  ' if held else 'MISSED'}  {aim}")
    raise SystemExit(0 if all(aims.values()) else 1)


async def throughput_of_the_slow(port: int) -> float:
    """Bolt as it comes sleeps 10 ms on the event loop for each acknowledgement: a tenth of the requests will do."""
    many = [await Connection.open(port) for _ in range(CONNECTIONS)]
    waiting, begun = iter(requests(THROUGHPUT_REQUESTS // 10)), time.perf_counter()

    async def keep_asking(connection: Connection) -> None:
        for request in waiting:
            await connection.ask(request)

    await asyncio.gather(*(keep_asking(c) for c in many))
    return THROUGHPUT_REQUESTS // 10 / (time.perf_counter() - begun)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main()
        case ["ours", store, slack_url]:
            serve_ours(store, slack_url)
        case ["peer"]:
            serve_peer(fast=False)
        case ["peer-fast"]:
            serve_peer(fast=True)
        case ["slow-slack"]:
            serve_slow_slack()
        case _:
            raise SystemExit(__doc__)
