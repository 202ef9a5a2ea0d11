"""What the tests of the outward side share: a clock moved by hand, a journal, the stand-in for Slack, drawings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from slack_sdk import WebClient

from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.entry import Entry, Fact, Opening
from bot.domain.record import Record, Status
from bot.scrub import Scrubber
from handlers.announcing.announcer import COUNTERS_EVERY, Announcer, Line, Upload
from handlers.slack.slack_out import SlackOut
from rehearsal.slack import Message as Seen
from rehearsal.slack import Slack
from templates.blocks import Message, header, line, notice, section

TOKEN = "xoxb-rehearsal"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def seconds(self) -> float:
        return self.moment.timestamp()

    def forward(self, **span: float) -> None:
        self.moment += timedelta(**span)

    def until(self, moment: datetime) -> None:
        self.moment = max(self.moment, moment)


def client(api_url: str, token: str = TOKEN) -> WebClient:
    return WebClient(token=token, base_url=api_url)


@dataclass
class Drawing:
    """How the tests show a record: its stage and a counter as the card, the kind of an entry as its line."""

    where: str = "#deploys"
    count: int = 0
    broken_card: bool = False
    broken_line: bool = False
    words: Callable[[str], str] = str
    files: dict[str, str] = field(default_factory=dict)
    alone: frozenset[str] = frozenset()
    every: timedelta = COUNTERS_EVERY

    def channel(self, record: Record) -> str:
        return self.where

    def card(self, record: Record) -> Message:
        if self.broken_card:
            raise RuntimeError("a card that cannot be drawn")
        words = f"{record.id} {record.stage} {self.count}"
        return Message(words, (header(words), section(line(record.waits_for or "nothing to wait for"))))

    def line(self, record: Record, entry: Entry) -> Line | None:
        if self.broken_line:
            raise RuntimeError("a line that cannot be drawn")
        if entry.kind.startswith("quiet"):
            return None
        file = self.files.get(entry.kind)
        return Line(
            message=notice(self.words(entry.kind)), alone=entry.kind in self.alone,
            file=Upload(filename=f"{entry.kind}.sql", title=entry.kind, content=file) if file is not None else None,
        )


class Stage:
    """A journal, a Slack and an announcer between them; the announcer can be killed and begun again."""

    def __init__(self, folder: Path, slack: Slack, clock: Clock) -> None:
        self.clock = clock
        self.slack = slack
        self.journal = SqliteJournal(folder / "stage.db", clock, Scrubber())
        self.drawing = Drawing()
        self.renderings: dict[str, Drawing] = {"promotion": self.drawing}
        self.restart()

    def restart(self) -> None:
        """A new process on the same store: everything that was only remembered is forgotten."""
        self.out = SlackOut(client(self.slack.api_url), self.clock, Scrubber(), timeout=1)
        self.announcer = Announcer(self.journal, self.journal, self.out, self.clock, self.renderings)

    def open(self, record: str, kind: str = "promotion") -> None:
        self.journal.append([Fact(
            about=record, kind="requested", actor="U0ANA0001", opens=Opening(kind=kind, project="shop", stage="gates"),
        )])

    def tell(self, record: str, *kinds: str) -> None:
        self.journal.append([Fact(about=record, kind=kind, actor="U0ANA0001") for kind in kinds])

    def move(self, record: str, stage: str, status: Status = Status.LIVE) -> None:
        """Bring a record to another stage, as the walker does."""
        found = self.journal.load(record)
        assert found is not None
        moved = Record(
            id=record, kind=found.kind, project="shop", stage=stage, status=status, folded=found.touched,
        )
        fact = Fact(about=record, kind=f"at {stage}", actor="stagedoor")
        self.journal.project(moved, self.journal.claim(record), [fact])

    def show(self, rounds: int = 500) -> None:
        """Call the announcer as often as it asks for, moving the clock on to when it wants to be called."""
        for _ in range(rounds):
            if (again := self.announcer.announce()) is None:
                return
            self.clock.until(again)
        raise AssertionError("the announcer never had enough")

    def cards(self, channel: str = "#deploys") -> list[Seen]:
        return self.slack.messages(channel)

    def card(self, record: str = "P-1") -> Seen:
        found = [message for message in self.cards() if message.text.startswith(record + " ")]
        assert len(found) == 1, [message.text for message in self.cards()]
        return found[0]

    def thread(self, record: str = "P-1") -> list[str]:
        """What the thread says, one by one, files as their names."""
        return [word for message in self.slack.thread(self.card(record)) for word in said(self.slack, message)]

    def settled(self, record: str = "P-1") -> bool:
        found = self.journal.load(record)
        return found is not None and found.announced == found.touched and self.announcer.announce() is None


def said(slack: Slack, message: Seen) -> Iterator[str]:
    for part in message.text.split("\n"):
        if part:
            yield part
    for file in message.files:
        yield slack.workspace.files[file].name
