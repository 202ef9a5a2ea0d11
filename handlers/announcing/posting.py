"""Posting once: what goes out is written down first, and after any doubt it is looked for before it is said again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.domain.entry import SYSTEM, Fact, Json
from bot.domain.record import Record
from bot.ports import Clock, Journal, Shelves
from bot.telling.notices import tell_closed_channel
from handlers.announcing import showing
from handlers.announcing.showing import Sending, Shown
from handlers.slack.outcomes import Absent, Doubt, Gone, Later, Outcome, Sent
from handlers.slack.slack_out import UNSURE_FOR, SlackOut
from templates.blocks import Mark, notice, section

UNABLE = "announcer.unable"
"""The fact that a record could not be shown; it is not itself told."""

CARD_LOST = frozenset({
    "message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found", "cannot_reply_to_message",
})
BADLY_SAID = frozenset({
    "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text", "invalid_arguments",
    "too_many_attachments",
})
CLOSED = frozenset({"is_archived", "channel_not_found", "not_in_channel", "restricted_action", "no_permission"})
"""What is true of the channel, and not only of a message: people elsewhere are told."""
RETRY_UNABLE = timedelta(minutes=10)
SHOWS_UP = timedelta(minutes=2)     # "no such upload": completed and not yet to be seen, or forgotten by Slack
SETTLES = timedelta(seconds=2)      # a request whose answer was lost may still be on its way into Slack

log = structlog.get_logger(__name__)


class NotNow(Exception):
    """Slack has to be asked again later."""

    def __init__(self, until: datetime) -> None:
        self.until = until


class Halt(NotNow):
    """The record is to be looked at afresh, not before then: what is known of it has changed."""


class Posting:
    """Brings what is being sent to its end, and knows what to do about every outcome."""

    def __init__(self, journal: Journal, shelves: Shelves, slack: SlackOut, clock: Clock) -> None:
        self._journal = journal
        self._shelves = shelves
        self._slack = slack
        self._clock = clock
        self._unsent: set[str] = set()      # records whose `sending` surely does not stand in Slack
        self._rests: dict[str, datetime] = {}
        self._tries: dict[str, int] = {}

    def begin(self, record: Record, shown: Shown, sending: Sending) -> bool:
        """Write down what is going out, then send it. True: it stands in Slack, there may be more to do."""
        shown = replace(shown, sending=sending)
        self.save(record, shown)
        self._unsent.add(record.id)
        return self.go_on(record, shown, sending)

    def go_on(self, record: Record, shown: Shown, sending: Sending) -> bool:
        """Post what is being sent, unless it stands there already: after a lost answer or a restart nobody knows."""
        if sending.what == "file":
            return self._share(record, shown, sending)
        thread = shown.ts if sending.what == "lines" else ""
        outcome: Outcome | Absent = Absent()
        if record.id not in self._unsent:
            outcome = self._slack.find(shown.channel, sending.key, since=sending.since, thread=thread)
        if isinstance(outcome, Absent):
            self._unsent.discard(record.id)
            outcome = self._slack.post(shown.channel, sending.body, key=sending.key, thread=thread)
            self._remember(record, outcome)
        if isinstance(outcome, Gone) and outcome.error in BADLY_SAID and not sending.plain:
            log.error("Slack does not take a message", record=record.id, key=sending.key, error=outcome.error)
            return self.begin(record, shown, replace(sending, body=simplest(sending.body), plain=True))
        sent = self.check(record, shown, outcome)
        if sending.what == "card":
            self.save(record, shown.well(ts=sent.ts, digest=sending.digest, state=sending.state, sending=None))
            return True
        told = shown.well(told=max(shown.told, sending.through), sending=None)
        if sending.file is None:
            self.save(record, told)
            return True
        return self.begin(record, told, Sending(
            what="file", key=f"{sending.key}:file", since=self._clock.now(), body={}, file=sending.file,
        ))

    def _share(self, record: Record, shown: Shown, sending: Sending) -> bool:
        """Show a file in the thread. Its upload's id is kept first, so that the file can be found there."""
        file = sending.file or {}
        if not sending.upload:
            content = self._shelves.fetch(file["sha256"])
            upload = self._slack.upload(file["filename"], content, alt=file.get("alt", ""))
            if isinstance(upload, Gone):
                return self._without_file(record, shown, sending, upload.error)
            if not isinstance(upload, str):
                raise NotNow(upload.until)
            return self.begin(record, shown, replace(sending, upload=upload, since=self._clock.now()))
        outcome: Outcome | Absent = Absent()
        if record.id not in self._unsent:
            outcome = self._slack.find_file(sending.upload, shown.channel, shown.ts, since=sending.since)
        if isinstance(outcome, Absent):
            self._unsent.discard(record.id)
            outcome = self._slack.share(sending.upload, file["title"], shown.channel, shown.ts)
            self._remember(record, outcome)
        if isinstance(outcome, Gone) and outcome.error == "file_not_found" and sending.tries == 0:
            self._unsent.discard(record.id)
            if self._clock.now() - sending.since < SHOWS_UP:
                raise Halt(self.rest(record, timedelta(seconds=10)))
            return self.begin(record, shown, replace(sending, upload="", tries=1))
        if isinstance(outcome, Gone) and outcome.error.startswith(("file", "invalid_arg")):
            return self._without_file(record, shown, sending, outcome.error)
        self.check(record, shown, outcome)
        self.save(record, shown.well(sending=None))
        return True

    def _without_file(self, record: Record, shown: Shown, sending: Sending, error: str) -> bool:
        log.error("a file could not be uploaded", record=record.id, error=error)
        name = (sending.file or {}).get("filename", "")
        words = notice(f"The file {name} could not be uploaded to Slack ({error}).").to_json()
        return self.begin(record, shown, Sending(
            what="lines", key=f"{sending.key}:failed", since=self._clock.now(), body=words, through=shown.told,
        ))

    def _remember(self, record: Record, outcome: Outcome) -> None:
        if isinstance(outcome, Later | Gone):
            self._unsent.add(record.id)

    def check(self, record: Record, shown: Shown, outcome: Outcome | Absent) -> Sent:
        """The outcome when it is good; otherwise notes what has to be noted and says when to come back."""
        if isinstance(outcome, Sent):
            self._tries.pop(record.id, None)
            self._rests.pop(record.id, None)
            return outcome
        if isinstance(outcome, Gone) and outcome.error in CARD_LOST and shown.ts:
            log.warning("a card is gone from Slack", record=record.id, error=outcome.error)
            self.save(record, replace(shown, ts="", digest="", sending=None, replaced=shown.replaced + 1))
            raise Halt(self._clock.now())
        if isinstance(outcome, Gone):
            raise self.unable(record, shown, outcome.error)
        if isinstance(outcome, Later) and outcome.why in ("pacing", "pause", "429"):
            raise NotNow(outcome.until)
        tries = self._tries[record.id] = self._tries.get(record.id, 0) + 1
        rest = self.rest(record, max(SETTLES, timedelta(seconds=min(60, 2 ** min(tries, 6)))))
        raise Halt(max(rest, outcome.until) if isinstance(outcome, Doubt | Later) else rest)

    def unable(self, record: Record, shown: Shown, error: str) -> Halt:
        """Note once in the journal that Slack takes nothing of this record, and try again slowly."""
        puts = showing.puts(record.id, replace(shown, unable=error))
        if shown.unable:
            self._shelves.put(puts)
        else:
            log.error("Slack takes nothing about a record", record=record.id, channel=shown.name, error=error)
            if error in CLOSED:
                tell_closed_channel(self._journal, self._shelves, record, shown.name, error, self._clock.now())
            data: dict[str, Json] = {"channel": shown.name, "error": error}
            self._journal.append([Fact(about=record.id, kind=UNABLE, actor=SYSTEM, data=data)], puts=puts)
        return Halt(self.rest(record, RETRY_UNABLE))

    def resting(self, record: Record) -> datetime | None:
        """Until when the record is left alone."""
        until = self._rests.get(record.id)
        return until if until and until > self._clock.now() else None

    def rest(self, record: Record, pause: timedelta) -> datetime:
        self._rests[record.id] = self._clock.now() + pause
        return self._rests[record.id]

    def save(self, record: Record, shown: Shown) -> None:
        """Write down how far Slack is; whoever was frozen in between must not write over what its successor knows."""
        if not self._slack.serving():
            raise NotNow(self._clock.now() + UNSURE_FOR)
        self._shelves.put(showing.puts(record.id, shown))

    def forget(self, record: Record) -> None:
        self._rests.pop(record.id, None)
        self._tries.pop(record.id, None)
        self._unsent.discard(record.id)


def simplest(body: Mapping[str, Json]) -> dict[str, Json]:
    """The same message in words alone, for when Slack does not take its blocks."""
    text = Mark(body.get("text", ""))
    return {"text": text, "blocks": [section(text)]}
