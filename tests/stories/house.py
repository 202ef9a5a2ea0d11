"""The whole world in the words of the stories: who says what, what the card says, what the database holds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Self, TypedDict, TypeVar

import httpx
import psycopg

from rehearsal import shop
from rehearsal.slack import Delivered, Message
from rehearsal.world import World

ANA, BO, CY, ERIN = "U0ANA0001", "U0BO00001", "U0CY00001", "U0ERIN001"
GIL, SAM = "U0GIL0001", "U0SAM0001"
FEATURE, SUBTITLE, REGION = "20261101120000", "20261101121500", "20261101123000"
TICKS = ("Pull request approved", "Frontend tested with staging")
PATIENCE = 40.0

Found = TypeVar("Found")


POLICY = """
[roles]
operators = ["U0ANA0001", "U0BO00001", "U0CY00001"]
[approvals]
approvers = ["S0DBAPPR1"]
[gates]
manual = ["Frontend tested with staging"]
[watch]
poll = "1s"
duration = "1s"
"""

UNCHECKED = POLICY.replace("[gates]\n", '[gates]\nskip = ["sql_check", "drift"]\n').replace(
    "[approvals]\n", "[approvals]\nrequired_destructive = 1\n"
)
"""For stories about other things, whose SQL no check would let pass."""


class Options(TypedDict, total=False):
    """What a story may give its world beside the policy; `World` says what each means."""

    environment: dict[str, str]
    github: bool
    supabase: bool
    socket_mode: bool
    slack: Mapping[str, Any]
    log: Path


class House(World):
    """A `World` that speaks the language of promotions. Its watch lasts a second, so that a story sees its end."""

    def __enter__(self) -> Self:
        super().__enter__()
        self.write_policy(POLICY)
        return self

    def write_policy(self, text: str) -> None:
        (self.directory / "stagedoor.toml").write_text(text)

    def write(self, filename: str, sql: str) -> str:
        """Put a migration into the folder; returns its version."""
        (self.migrations / filename).write_text(sql)
        return filename.partition("_")[0]

    def only(self, *filenames: str) -> None:
        """Leave the base and these files in the folder."""
        for path in self.migrations.glob("*.sql"):
            if not path.name.startswith((shop.BASE, *filenames)):
                path.unlink()

    def restart(self) -> None:
        """Begin a new process on the same store."""
        self.start_bot()

    def environ(self, **variables: str) -> None:
        """Give the bot's next start these variables."""
        self._given = {**self._given, **variables}

    # What people do

    def says(self, user: str, command: str, copies: int = 1) -> Delivered:
        return self.slack.command(user, command, "#deploys", copies=copies)

    def presses(self, user: str, card: str, words: str, **more: Any) -> Delivered:
        return self.slack.press(user, self.card(card), words, **more)

    def staged(self, number: int = 1) -> None:
        """Ana stages everything that is pending."""
        self.says(ANA, "/migrate stage")
        self.reads(f"S-{number}", "Done · in staging")

    def asked(self, number: int = 1) -> str:
        """Ana asks for production, and the gates pass."""
        self.says(ANA, "/migrate promote")
        self.reads(f"P-{number}", "Waiting for approval")
        return f"P-{number}"

    def waives(self, user: str, card: str, reason: str) -> None:
        """An approver takes on what a gate holds up."""
        self.presses(user, card, "Waive")
        self.until(lambda: self.slack.modal(user), "the modal")
        self.slack.submit(user, values={"reason": reason})
        self.reads(card, f"waived: {reason}")

    def confirmed(self, card: str) -> None:
        """Every manual line is ticked."""
        for label in TICKS:
            self.presses(ANA, card, "Confirm", near=label)
            self.reads(card, f"✓ {label}")

    def ready_to_approve(self, number: int = 1) -> str:
        """Staged, asked for and confirmed: all that is missing is the approval."""
        self.staged(number)
        card = self.asked(number)
        self.confirmed(card)
        return card

    def ready_to_approve_as(self, run: str, card: str) -> str:
        """The same where others were asked for before."""
        self.says(ANA, "/migrate stage")
        self.reads(run, "Done · in staging")
        self.says(ANA, "/migrate promote")
        self.reads(card, "Waiting for approval")
        self.confirmed(card)
        return card

    # What is seen

    def card(self, record: str) -> Message:
        """The one card of a record; a second one would be a fault."""
        cards = [
            message for message in self.slack.messages("#deploys")
            if any(text.startswith(f"{record} ·") for text in self.slack.text_of(message).splitlines())
        ]
        assert len(cards) <= 1, f"{len(cards)} cards for {record}"
        if not cards:
            raise LookupError(f"no card for {record} yet")
        return cards[0]

    def reads(self, record: str, words: str, patience: float = PATIENCE) -> str:
        """Wait until the card says so."""
        return self.until(lambda: self._text(record, words), f"{record}'s card to say “{words}”", patience)

    def thread(self, record: str) -> str:
        return "\n".join(self.slack.text_of(message) for message in self.slack.thread(self.card(record)))

    def thread_says(self, record: str, words: str, patience: float = PATIENCE) -> str:
        return self.until(
            lambda: text if words in (text := self.thread(record)) else None,
            f"{record}'s thread to say “{words}”", patience,
        )

    def told(self, user: str, words: str, patience: float = PATIENCE) -> str:
        """Wait until this person alone was told so."""
        def seen() -> str | None:
            texts = [self.slack.text_of(message) for message in self.slack.ephemerals(user)]
            return next((text for text in texts if words in text), None)

        return self.until(seen, f"{user} to be told “{words}”", patience)

    def until(self, met: Callable[[], Found | None], what: str, patience: float = PATIENCE) -> Found:
        deadline = time.monotonic() + patience
        while True:
            try:
                if found := met():
                    return found
            except LookupError:
                pass
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"waited {patience:g} s for {what}\n{self.slack.transcript()}\n{self.bot_log()[-3000:]}"
                )
            time.sleep(0.05)

    def _text(self, record: str, words: str) -> str | None:
        text = self.slack.text_of(self.card(record))
        return text if words in text else None

    # What the databases hold

    def production_rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return _rows(self.production, query, values)

    def production_run(self, *statements: str) -> None:
        """What somebody does past Stagedoor."""
        with psycopg.connect(self.production, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def ready(self) -> str:
        """What `/readyz` says."""
        return httpx.get(f"http://127.0.0.1:{self.bot_port}/readyz", timeout=10).text

    def shelf(self, name: str) -> list[str]:
        """The keys of a shelf of the bot's store."""
        with closing(sqlite3.connect(self.store, timeout=10)) as store:
            return [row[0] for row in store.execute("select key from documents where shelf = ?", (name,))]

    def history(self, address: str = "") -> list[str]:
        query = "select version from supabase_migrations.schema_migrations order by 1"
        return [row[0] for row in _rows(address or self.production, query, ())]

    @property
    def store(self) -> Path:
        return self.directory / "stagedoor.db"


def _rows(address: str, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(query, values or None).fetchall()
