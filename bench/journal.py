"""How quick the journal is on SQLite and on Postgres: run `python -m bench.journal` from the repository."""

from __future__ import annotations

import itertools
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bot.adapters.links import Head, link
from bot.adapters.postgres_journal import PostgresJournal, linking
from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.entry import Fact, Json, Opening, audit
from bot.ports import Delivery
from bot.scrub import Scrubber
from bot.stores import Store
from rehearsal.postgres import Postgres

ENTRIES, RECORDS = 10_000, 100
SECRETS = [f"a secret of the settings, number {number}" for number in range(12)]


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def main() -> None:
    """Both stores on the disk of this folder, and both wait for it: an answer means that the disk has it."""
    columns: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        Path(folder).chmod(0o755)
        journal = SqliteJournal(Path(folder) / "stagedoor.db", Clock(), Scrubber(SECRETS))
        columns["SQLite"] = dict(figures(journal))
        with Postgres(Path(folder) / "server") as server:
            store = PostgresJournal(server.create("bench"), Clock(), Scrubber(SECRETS))
            columns["Postgres"] = dict(figures(store))
            costs = list(cost_of_the_chain(journal, store))
            store.close()
        journal.close()
    width = max(map(len, columns["Postgres"]))
    print(f"{'':<{width}}  {'SQLite':>34}  {'Postgres':>34}")
    for what in columns["Postgres"]:
        print(f"{what:<{width}}  {columns['SQLite'].get(what, ''):>34}  {columns['Postgres'][what]:>34}")
    for what, figure in scrubbing():
        print(f"{what:<{width}}  {figure:>34}")
    print(f"\n{'appends of one fact':<{width}}  {'SQLite':>22}{'Postgres':>22}{'without the chain':>22}")
    for what, *three in costs:
        print(f"{what:<{width}}  " + "".join(f"{figure:>22}" for figure in three))


def figures(journal: Store) -> Iterator[tuple[str, str]]:
    yield from writing(journal)
    yield from receiving(journal)
    yield from reading(journal)


def writing(journal: Store) -> Iterator[tuple[str, str]]:
    for number in range(RECORDS):
        opens = Opening(kind="promotion", project="shop", stage="gates")
        journal.append([replace(fact(number), opens=opens)])
    took = [timed(lambda number=number: journal.append([fact(number)])) for number in range(500)]
    yield "append, one fact", f"{spread(took)}, {1 / median(took):.0f}/s"
    with ThreadPoolExecutor(8) as pool:
        whole = timed(lambda: list(pool.map(lambda number: journal.append([fact(number)]), range(800))))
    yield "append, one fact, 8 threads", f"{800 / whole:.0f}/s"
    rest = ENTRIES - 1400
    whole = timed(lambda: journal.append([fact(number) for number in range(rest)]))
    yield f"append, {rest} facts at once", f"{whole * 1000:.0f} ms, {rest / whole:.0f}/s"
    yield "claim and project", spread([timed(lambda number=number: walk(journal, number)) for number in range(100)])


def cost_of_the_chain(sqlite: Store, postgres: PostgresJournal) -> Iterator[tuple[str, str, str, str]]:
    """Appends a second, in turns, so that whatever else the machine does meanwhile meets all three alike.

    Without the chain: the same rows by the same writers, each following nothing; what is missing is the head that
    they wait for.
    """
    numbers = itertools.count(1_000_000)
    unchained = linking._WRITE.partition(b"update")[0] + b"select %s::bigint, %s::timestamptz, %s::text"

    def insert(number: int) -> None:
        new = link(Head(seq=next(numbers), hash=secrets.token_hex(32)), fact(number), Clock().now())
        with postgres.writing() as db:
            db.execute("select seq, at, hash from stagedoor.head")
            linking.write(db, [new], statement=unchained)
            linking.touch_records(db, [new.entry], None)

    ways: list[Callable[[int], object]] = [
        lambda number: sqlite.append([fact(number)]), lambda number: postgres.append([fact(number)]), insert,
    ]
    for writers in (1, 2, 4, 8):
        with ThreadPoolExecutor(writers) as pool:
            rounds = [[timed(lambda way=way: list(pool.map(way, range(200)))) for way in ways] for _ in range(7)]
        one, two, three = (f"{200 / median(took):.0f}/s" for took in zip(*rounds, strict=True))
        yield f"{writers} writer{'s' if writers > 1 else ''}", one, two, three


def receiving(journal: Store) -> Iterator[tuple[str, str]]:
    yield "receive, alone", spread([timed(lambda n=n: journal.receive(delivery(f"alone {n}"))) for n in range(200)])
    yield "receive, 50 at once", at_once(journal, "together")
    with busy(lambda: journal.append([fact(1)])):
        yield "receive, 50 at once, 3 busy walkers", at_once(journal, "walkers")
    with busy(lambda: journal.append([fact(1)] * 1000)):
        yield "receive, 50 at once, 3 x 1,000 facts", at_once(journal, "large")


def reading(journal: Store) -> Iterator[tuple[str, str]]:
    now = Clock().now()
    yield "find, all due", several(lambda: journal.find(due_by=now))
    yield "find, unannounced", several(lambda: journal.find(unannounced=True))
    yield "load", several(lambda: journal.load("P-7"))
    yield "entries about one record", several(lambda: list(journal.entries("P-7")))
    yield "entries, all", several(lambda: list(journal.entries()))
    yield "audit of the chain", several(lambda: audit(journal.entries()))
    yield "search, two words", several(lambda: journal.search("region 7777"))
    yield "search, a word in every entry", several(lambda: journal.search("region"))
    count = sum(1 for _ in journal.entries())
    yield "(on so many entries)", f"{count:,}"


def scrubbing() -> Iterator[tuple[str, str]]:
    scrub = Scrubber(SECRETS)
    sql = "insert into orders (region, note) values ('eu', 'x') on conflict (id) do nothing;\n" * 12_000
    yield "scrub, 1 MB of SQL", several(lambda: scrub(sql))
    yield "scrub, one delivery", several(lambda: scrub.json(delivery("k").payload))


def at_once(journal: Store, name: str, turns: int = 10, many: int = 50) -> str:
    def receive(key: str, start: threading.Barrier) -> float:
        start.wait()
        return timed(lambda: journal.receive(delivery(key)))

    took: list[float] = []
    with ThreadPoolExecutor(many) as pool:
        for turn in range(turns):
            start = threading.Barrier(many)
            took += pool.map(lambda n, turn=turn, start=start: receive(f"{name} {turn} {n}", start), range(many))
    return f"{spread(took)}, max {max(took) * 1000:.1f}"


@contextmanager
def busy(work: Callable[[], object], walkers: int = 3) -> Iterator[None]:
    stop = threading.Event()

    def walk() -> None:
        while not stop.is_set():
            work()

    threads = [threading.Thread(target=walk) for _ in range(walkers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def walk(journal: Store, number: int) -> None:
    claim, record = journal.claim(f"P-{number}"), journal.load(f"P-{number}")
    assert record is not None
    journal.project(replace(record, folded=record.touched, stage="window"), claim, [fact(number)])


def fact(number: int) -> Fact:
    data: dict[str, Json] = {"number": number, "say": "adds the column region to orders", "sha256": f"{number:064x}"}
    return Fact(about=f"P-{number % RECORDS}", kind="walk.noted", actor="U0123456789", data=data)


def delivery(key: str) -> Delivery:
    values = {f"field {n}": {"type": "plain_text_input", "value": "some words of a person"} for n in range(40)}
    payload = {"type": "view_submission", "response_url": "https://hooks.slack.com/actions/T1/2/x", "view": values}
    return Delivery(key=key, kind="view", payload=payload, received=Clock().now())  # type: ignore[arg-type]


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def several(work: Callable[[], object]) -> str:
    return spread([timed(work) for _ in range(20)])


def spread(took: list[float]) -> str:
    ordered = sorted(took)
    return f"p50 {median(ordered) * 1000:.2f} ms, p95 {ordered[int(len(ordered) * 0.95)] * 1000:.2f}"


if __name__ == "__main__":
    main()
