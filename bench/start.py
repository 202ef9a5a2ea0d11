"""How long does a cold `stagedoor serve` take until it answers, and how much memory does it hold?

    python bench/start.py [ROUNDS]

Slack's stand-in and Postgres run before. Ready is the first 200 of /healthz, then of /readyz, counted from the start of
the process, whose modules were compiled before, as an installed program's are. Memory is what the process has resident
(RSS): when ready, and after one promotion went all the way. The peer is a bare Starlette on uvicorn with slack_bolt
imported, which is what any Slack bot of this kind begins with.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent.parent))

from rehearsal.loopback import Held
from rehearsal.postgres import Postgres
from tests.stories.house import BO, House

ROOT = Path(__file__).parent.parent
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
AIM_SECONDS, AIM_MIB = 1.5, 100.0

PEER = """
import sys
import slack_bolt
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
web = Starlette(routes=[Route("/healthz", lambda request: PlainTextResponse("ok"))])
uvicorn.run(web, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


def answers(url: str, begun: float, process: subprocess.Popen[bytes]) -> float:
    """Seconds since `begun` until the address answers 200."""
    with httpx.Client(timeout=2) as client:
        while True:
            try:
                if client.get(url).status_code == 200:
                    return time.perf_counter() - begun
            except httpx.HTTPError:
                pass
            if process.poll() is not None or time.perf_counter() - begun > 30:
                raise SystemExit(f"{url} did not answer")
            time.sleep(0.005)


def resident(pid: int) -> float:
    """MiB that the process has resident."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def peer() -> Iterator[tuple[subprocess.Popen[bytes], str, float]]:
    with Held() as held:
        begun = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", PEER, str(held.port)], cwd=ROOT)
        try:
            yield process, f"http://127.0.0.1:{held.port}", begun
        finally:
            process.terminate()
            process.wait(15)


def peer_once() -> tuple[float, float]:
    with peer() as (process, address, begun):
        return answers(f"{address}/healthz", begun, process), resident(process.pid)


def ours_once(house: House) -> tuple[float, float, float]:
    begun = time.perf_counter()
    house.start_bot(wait=False)
    assert house.bot is not None
    address = f"http://127.0.0.1:{house.bot_port}"
    alive = answers(f"{address}/healthz", begun, house.bot)
    ready = answers(f"{address}/readyz", begun, house.bot)
    return alive, ready, resident(house.bot.pid)


def promoted(house: House) -> float:
    """MiB after everything was staged and promoted by the bot that runs."""
    assert house.bot is not None
    card = house.ready_to_approve()
    house.presses(BO, card, "Approve")
    house.reads(card, "Done · in production")
    return resident(house.bot.pid)


def main(rounds: int = 5) -> None:
    ours: list[tuple[float, float, float]] = []
    peers: list[tuple[float, float]] = []
    with Postgres(fast=True) as postgres, House(postgres=postgres, limits="off") as house:
        for number in range(rounds + 1):
            measured = ours_once(house), peer_once()
            if number:  # the first round warms the disk's cache up
                ours.append(measured[0])
                peers.append(measured[1])
            if number < rounds:
                house.end_bot()
        after = promoted(house)
    tell(ours, peers, after)


def tell(ours: list[tuple[float, float, float]], peers: list[tuple[float, float]], after: float) -> None:
    alive, ready, memory = (statistics.median(column) for column in zip(*ours, strict=True))
    peer_alive, peer_memory = (statistics.median(column) for column in zip(*peers, strict=True))
    print(f"{'':<34}{'ours':>10}{'peer':>10}{'':>4}ours / peer")
    rows = (
        ("/healthz answers, s", alive, peer_alive, "{:.2f}"), ("/readyz answers, s", ready, None, "{:.2f}"),
        ("resident when ready, MiB", memory, peer_memory, "{:.0f}"),
        ("resident after one promotion, MiB", after, None, "{:.0f}"),
    )
    for name, own, other, form in rows:
        beside = f"{form.format(other):>10}{'':>4}{own / other:.2f}" if other else ""
        print(f"{name:<34}{form.format(own):>10}{beside}")
    slowest = max(ready for _, ready, _ in ours)
    print(f"({len(ours)} starts; the slowest was ready after {slowest:.2f} s)")
    aims = {
        f"ready within {AIM_SECONDS} s: {ready:.2f}": ready < AIM_SECONDS,
        f"under {AIM_MIB:.0f} MiB when ready: {memory:.0f}": memory < AIM_MIB,
        f"under {AIM_MIB:.0f} MiB after one promotion: {after:.0f}": after < AIM_MIB,
    }
    for aim, held in aims.items():
        print(f"{'held  ' if held else 'MISSED'}  {aim}")
    raise SystemExit(0 if all(aims.values()) else 1)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
