"""How long does one judgement of a promotion's gates take, when the databases are as far away as hosted ones are?

    python bench/judging.py [FILES] [MILLISECONDS] [ROUNDS]

Both databases stand behind a wire that holds every byte back by half of the round trip. Counted are the connections and
the time from the beginning of the evidence to its end, once with the wire as fast as the machine is and once slow.
"""

from __future__ import annotations

import queue
import socket
import statistics
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.apply import write_files
from bot.evidence import gather
from rehearsal.postgres import Postgres
from tests.migrations.walking import Walk, approved
from tests.wire import Wire

AIM = 8
"""Round trips that a judgement may take: to connect, prove who one is, ask twice, and some to spare."""


class Far(Wire):
    """A wire on which everything takes `delay` seconds in each direction, however much of it there is."""

    delay = 0.0
    connections = 0

    def _carry(self, one: socket.socket, other: socket.socket, inwards: bool) -> None:
        self.connections += inwards
        on_its_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._deliver, args=(on_its_way, other), daemon=True).start()
        with suppress(OSError):
            while words := one.recv(65536):
                on_its_way.put((time.monotonic() + self.delay, words))
        on_its_way.put((time.monotonic() + self.delay, b""))

    def _deliver(self, on_its_way: queue.SimpleQueue[tuple[float, bytes]], other: socket.socket) -> None:
        with suppress(OSError):
            while True:
                due, words = on_its_way.get()
                time.sleep(max(0.0, due - time.monotonic()))
                if not words:
                    other.shutdown(socket.SHUT_WR)
                    return
                other.sendall(words)


def judged(walk: Walk) -> float:
    begun = time.perf_counter()
    evidence = gather(
        walk.promotion.plan, walk.project, walk.ports.shelves, walk.clock.now(), ticks={}, applied=(),
    )
    took = time.perf_counter() - begun
    assert evidence.drift is not None, evidence.unread
    assert not evidence.drift.held, evidence.drift.text
    return took


def main(files: int = 10, milliseconds: int = 50, rounds: int = 5) -> int:
    with tempfile.TemporaryDirectory(prefix="stagedoor-bench-") as scratch, Postgres() as server, \
            Far(server.port) as staging, Far(server.port) as production:
        migrations = Path(scratch) / "supabase" / "migrations"
        migrations.mkdir(parents=True)
        write_files(migrations, files)
        wires = (staging, production)
        urls = [wire.url(server.project(name)) for wire, name in zip(wires, ("here", "there"), strict=True)]
        with approved(Path(scratch), migrations, *urls) as walk:
            judged(walk)
            before = sum(wire.connections for wire in wires)
            near = statistics.median(judged(walk) for _ in range(rounds))
            made = (sum(wire.connections for wire in wires) - before) / rounds
            for wire in wires:
                wire.delay = milliseconds / 2000
            far = statistics.median(judged(walk) for _ in range(rounds))
    trips = (far - near) / (milliseconds / 1000)
    print(f"one judgement of {files} files, median of {rounds}: {made:g} connections to two databases")
    print(f"  at hand            {near * 1000:7.0f} ms")
    print(f"  {milliseconds} ms away        {far * 1000:7.0f} ms: {trips:.1f} round trips one after the other")
    print(f"{'held  ' if trips <= AIM else 'MISSED'}  at most {AIM} round trips")
    return 0 if trips <= AIM else 1


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:4])))
