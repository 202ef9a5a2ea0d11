"""What does polling many projects cost? A thousand of them against the stand-in of the Management API.

    python bench/polling.py [PROJECTS] [SECONDS]        (defaults 1000 and 10)

Every project is polled as during a watch, every 15 s, by one process over real sockets into one SQLite journal; the
stand-in runs in a process of its own, and a tenth of the projects logs an error a second. The lag is from an event's
time to its fold: 7.5 s of it would be the rhythm's own half.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx

from bot.adapters.loop import Loop
from bot.adapters.sqlite_journal import SqliteJournal
from bot.adapters.supabase import ManagementLogs
from bot.adapters.system_clock import SystemClock
from bot.domain.project import Environment
from bot.domain.sighting import Batch, Folded, Reach
from bot.scrub import Scrubber
from bot.sightings.funnel import Funnel
from bot.sightings.polling import Poller
from bot.sightings.recognising import Recogniser
from bot.sightings.rounds import Rounds

ROOT = Path(__file__).parent.parent
TOKEN = "sbp_bench"
EVERY = timedelta(seconds=15)


def ref(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in f"{number:020}")


def stand_in(projects: int) -> None:
    """Serve until the input ends."""
    from rehearsal.supabase import Supabase

    refs = [ref(number) for number in range(projects)]
    supabase = Supabase(*refs, token=TOKEN, limit=1000)
    supabase.start()
    print(supabase.api_url, flush=True)
    over = threading.Event()

    def log() -> None:
        while not over.wait(1.0):
            for each in refs[::10]:
                supabase.error("division by zero", ref=each, state="22012")

    threading.Thread(target=log, daemon=True).start()
    sys.stdin.read()
    over.set()
    supabase.stop()


def main(projects: int, seconds: float) -> None:
    clock, lags = SystemClock(), list[float]()
    process = subprocess.Popen(
        [sys.executable, __file__, "stand-in", str(projects)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()

    def on_folded(folded: Folded) -> None:
        now = datetime.now(UTC)
        lags.extend((now - fault.last_seen).total_seconds() for fault in folded.faults)

    with tempfile.TemporaryDirectory() as folder, httpx.Client() as client:
        journal = SqliteJournal(Path(folder) / "journal.db", clock, Scrubber())
        funnel, now = Funnel(journal, on_folded), clock.now()
        journal.fold([Batch(reached=[
            Reach(project=f"p{n}", environment=Environment.PRODUCTION, channel="poll", up_to=now, heard=now)
            for n in range(projects)
        ])])
        pollers = {
            (f"p{n}", Environment.PRODUCTION): Poller(
                source=ManagementLogs(client, url, TOKEN, ref(n), clock), funnel=funnel, tallies=journal, clock=clock,
                recogniser=Recogniser(project=f"p{n}", environment=Environment.PRODUCTION, slow_ms=1000, key=b"k"),
                every=EVERY, hurried=lambda: True,
            )
            for n in range(projects)
        }
        rounds = Rounds(pollers, clock)
        loop = Loop("polling", rounds.step, clock)
        used, begun = time.process_time(), time.perf_counter()
        loop.start()
        time.sleep(seconds)
        took, used = time.perf_counter() - begun, time.process_time() - used
        loop.stop(5)
        rounds.stop()
        time.sleep(1)
        asked = sum(poller.requests for poller in pollers.values())
        troubles = {poller.trouble for poller in pollers.values() if poller.trouble}
        journal.close()
    assert process.stdin is not None
    process.stdin.close()
    process.wait(15)
    print(f"{projects} projects, every {EVERY.seconds} s: {asked / took:,.0f} requests/s (needed: "
          f"{projects / EVERY.seconds:,.0f})")
    print(f"CPU {used / took:.2f} cores, {used / asked * 1000:.1f} ms a request")
    if lags:
        p95 = statistics.quantiles(lags, n=20)[-1]
        print(f"lag from event to fold: median {statistics.median(lags):.1f} s, p95 {p95:.1f} s")
    print("troubles:", *(troubles or ["none"]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["stand-in"]:
        stand_in(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 1000, float(sys.argv[2]) if sys.argv[2:] else 10.0)
