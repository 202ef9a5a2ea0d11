"""How long the report of a 10,000-message thread takes, and how much memory; aim: under 2 s, memory that stays flat.

    python bench/report.py [MESSAGES]
"""

from __future__ import annotations

import gc
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.entry import Fact, Opening
from bot.scrub import Scrubber
from handlers.incidents.reports import in_form

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clock:
    def now(self) -> datetime:
        return START


def filled(folder: Path, messages: int) -> SqliteJournal:
    """An incident whose thread has so many messages, a tenth of them edited."""
    journal = SqliteJournal(folder / "journal.db", Clock(), Scrubber(()))
    opening = Opening(kind="incident", project="shop", stage="told")
    facts = [Fact(about="INC-1", kind="incident.opened", actor="U0ERIN001", opens=opening, data={
        "title": "Everything is slow", "severity": "SEV1", "project": "shop", "broken": "checkout", "impact": "all",
        "people": 1000, "actions": "", "private": False, "alert": "", "promotion": "", "message": "",
    })]
    for number in range(messages):
        at = (START + timedelta(seconds=number)).isoformat()
        ref = f"C1:{number:06}"
        text = f"message {number} " * 8
        facts.append(Fact(about="INC-1", kind="incident.noted", actor="U0SAM0001", private=text, data={
            "message": ref, "version": f"{number}", "at": at, "source": "thread", "author": "U0SAM0001",
            "permalink": f"https://slack.example/{number}", "files": [],
        }))
        if number % 10 == 0:
            data = {"entry": ref, "version": f"{number}.1"}
            facts.append(Fact(about="INC-1", kind="incident.edited", actor="U0SAM0001", data=data, private="edited"))
    for first in range(0, len(facts), 1000):
        journal.append(facts[first:first + 1000])
    return journal


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        journal = filled(Path(folder), messages)
        for form in ("md", "html", "json", "md", "html", "json"):
            begun = time.perf_counter()
            text = in_form(journal, journal, "INC-1", form)
            took = time.perf_counter() - begun
            size = len(text)
            del text
            gc.collect()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{form:5} {messages} messages: {took:5.2f} s, {size / 1e6:4.1f} MB, peak memory {peak:.0f} MiB")
        journal.close()


if __name__ == "__main__":
    main()
