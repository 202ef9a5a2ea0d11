"""Makes Slack show what the journal says: asks what is missing there, and closes the difference."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.domain.entry import Entry, Json
from bot.domain.record import Record, Status
from bot.ports import Clock, Journal, Put, Shelves
from handlers.announcing import showing
from handlers.announcing.batches import gather
from handlers.announcing.posting import BADLY_SAID, UNABLE, Halt, NotNow, Posting, simplest
from handlers.announcing.showing import Line, Pinning, Rendering, Sending, Shown, Upload
from handlers.slack.outcomes import Doubt, Gone, Later
from handlers.slack.slack_out import SlackOut
from templates.blocks import Message, context, notice

__all__ = ["Announcer", "Line", "Rendering", "Upload"]

COUNTERS_EVERY = timedelta(seconds=5)
STUMBLED = timedelta(seconds=10)
REPLACES = "Takes the place of an earlier message, which was deleted in Slack or cannot be changed any more."

log = structlog.get_logger(__name__)


class Announcer:
    """Shows each record as a card with a thread. Called again and again, from one thread."""

    def __init__(
        self, journal: Journal, shelves: Shelves, slack: SlackOut, clock: Clock, renderings: Mapping[str, Rendering],
        fits: Callable[[str, str, Message], Message] = lambda project, channel, message: message,
    ) -> None:
        """`fits` makes of a project's message what it has to be in a channel."""
        self._journal = journal
        self._shelves = shelves
        self._slack = slack
        self._clock = clock
        self._renderings = renderings
        self._fits = fits
        self._posting = Posting(journal, shelves, slack, clock)
        self._edited: dict[str, datetime] = {}
        self._complained: dict[str, int] = {}

    def announce(self) -> datetime | None:
        """One pass over what needs showing; says when it wants to be called again (None: only on change)."""
        wake: list[datetime] = []
        queue = deque(self._open())
        while queue:    # in turns, one message each, so that nobody's long story holds up the others
            record = queue.popleft()
            try:
                if not self._told_elsewhere(record) and self._step(record):
                    queue.append(record)
            except NotNow as later:
                wake.append(later.until)
            except Exception:
                log.exception("a record could not be shown", record=record.id)
                wake.append(self._posting.rest(record, STUMBLED))
        return min(wake, default=None)

    def _open(self) -> list[Record]:
        live = self._journal.find(status=Status.LIVE, limit=10_000)
        records = {record.id: record for record in [*live, *self._journal.find(unannounced=True, limit=10_000)]}
        for left in self._shelves.all(showing.OPEN):
            if left not in records and (record := self._journal.load(left)):
                records[left] = record
        return [record for record in records.values() if record.kind in self._renderings]

    def _told_elsewhere(self, record: Record) -> bool:
        if self._renderings[record.kind].channel(record):
            return False
        self._settle(record)
        return True

    def _step(self, record: Record) -> bool:
        """Do the next thing for a record; True when there may be more to do at once."""
        if until := self._posting.resting(record):
            raise NotNow(until)
        shown = showing.load(self._shelves, record.id)
        if shown.unable:
            shown = self._looked_for(record, shown)
        if shown.sending:
            return self._posting.go_on(record, shown, shown.sending)
        body = self._card(record, shown)
        if not shown.ts:
            return self._post(record, shown, body)
        waits: list[datetime] = []
        for part in (self._show_state, self._pin, self._tell, self._show_counters):
            try:
                if part(record, shown, body):
                    return True
            except Halt:
                raise
            except NotNow as later:     # one kind of message has to wait, which need not hold up another
                waits.append(later.until)
        if waits:
            raise NotNow(min(waits))
        self._settle(record)
        return False

    def _looked_for(self, record: Record, shown: Shown) -> Shown:
        """The record's place in Slack, looked for afresh after trouble: its name may mean another channel now."""
        name = self._renderings[record.kind].channel(record)
        channel = self._slack.channel(name, afresh=True)
        if isinstance(channel, Later):
            raise NotNow(channel.until)
        if isinstance(channel, Gone):
            raise self._posting.unable(record, shown, channel.error)
        if channel == shown.channel:
            return shown
        return replace(shown, name=name, channel=channel, ts="", digest="", sending=None)

    # The card

    def _card(self, record: Record, shown: Shown) -> dict[str, Json]:
        try:
            body = self._fitting(record, self._renderings[record.kind].card(record)).to_json()
        except Exception:
            self._complain(record, "a card cannot be drawn")
            body = notice(
                f"{record.id} cannot be shown here at the moment. What it does is not affected; the log says why."
            ).to_json()
        if shown.replaced and isinstance(blocks := body["blocks"], list):
            body["blocks"] = [*blocks[:49], context(REPLACES)]
        return body

    def _post(self, record: Record, shown: Shown, body: dict[str, Json]) -> bool:
        name = self._renderings[record.kind].channel(record)
        channel = self._slack.channel(name)
        if isinstance(channel, Later):
            raise NotNow(channel.until)
        if isinstance(channel, Gone):
            raise self._posting.unable(record, replace(shown, name=name), channel.error)
        if until := self._slack.ready(channel):
            raise NotNow(until)
        return self._posting.begin(record, replace(shown, name=name, channel=channel), Sending(
            what="card", key=_key(record, shown), since=self._clock.now(), body=body,
            digest=showing.digest_of(body), state=showing.state_of(record),
        ))

    def _show_state(self, record: Record, shown: Shown, body: dict[str, Json]) -> bool:
        """The record has moved on: its card comes first."""
        return shown.state != showing.state_of(record) and self._edit(record, shown, body, urgent=True)

    def _show_counters(self, record: Record, shown: Shown, body: dict[str, Json]) -> bool:
        """Only counters, progress or words changed: those have time."""
        if shown.state != showing.state_of(record) or shown.digest == showing.digest_of(body):
            return False
        last, every = self._edited.get(record.id), getattr(self._renderings[record.kind], "every", COUNTERS_EVERY)
        if last and last + every > self._clock.now():
            raise NotNow(last + every)
        return self._edit(record, shown, body, urgent=False)

    def _edit(self, record: Record, shown: Shown, body: dict[str, Json], *, urgent: bool) -> bool:
        """Make the card look as it should; always the newest look, so many changes become one edit."""
        digest = showing.digest_of(body)
        if digest != shown.digest:
            key = _key(record, shown)
            outcome = self._slack.update(shown.channel, shown.ts, body, key=key, urgent=urgent)
            if isinstance(outcome, Gone) and outcome.error in BADLY_SAID:
                log.error("Slack does not take a card", record=record.id, error=outcome.error)
                outcome = self._slack.update(shown.channel, shown.ts, simplest(body), key=key, urgent=urgent)
            self._posting.check(record, shown, outcome)
            self._edited[record.id] = self._clock.now()
        self._posting.save(record, shown.well(digest=digest, state=showing.state_of(record)))
        return True

    def _pin(self, record: Record, shown: Shown, body: dict[str, Json]) -> bool:
        """Pin the card or let it go. A refusal (too many pins, no right to it) is no reason to stop telling."""
        rendering = self._renderings[record.kind]
        wanted = shown.ts if isinstance(rendering, Pinning) and rendering.pinned(record) else ""
        if wanted == shown.pinned:
            return False
        outcome = self._slack.pin(shown.channel, wanted or shown.pinned, off=not wanted)
        if isinstance(outcome, Later | Doubt):
            raise NotNow(outcome.until)
        if isinstance(outcome, Gone):
            log.warning("a card could not be pinned", record=record.id, error=outcome.error)
        self._posting.save(record, replace(shown, pinned=wanted))
        return True

    # The thread

    def _tell(self, record: Record, shown: Shown, body: dict[str, Json]) -> bool:
        if record.touched <= shown.told:
            return False
        if until := self._slack.ready(shown.channel):
            raise NotNow(until)     # before the words are fixed, so that what waits gathers into one message
        entries = self._journal.entries(about=record.id, since=shown.told)
        batch, through = gather(entries, lambda entry: self._line(record, entry), self._clock.now())
        if batch is None:
            self._posting.save(record, replace(shown, told=max(through, record.touched)))
            return True
        file = None if batch.file is None else {
            "filename": batch.file.filename, "title": batch.file.title, "alt": batch.file.alt,
            "sha256": self._shelves.keep(batch.file.raw),
        }
        return self._posting.begin(record, shown, Sending(
            what="lines", key=f"{batch.first.id}..{batch.last.id}", since=self._clock.now(),
            body=batch.message.to_json(), through=through, file=file,
        ))

    def _line(self, record: Record, entry: Entry) -> Line | None:
        if entry.kind == UNABLE:
            return None
        try:
            drawn = self._renderings[record.kind].line(record, entry)
            if drawn is not None:
                drawn = replace(drawn, message=self._fitting(record, drawn.message))
                drawn.message.to_json()
        except Exception:
            self._complain(record, "a line cannot be drawn")
            return Line(message=notice(f"{entry.kind}: this step cannot be shown here; the history has it."))
        return drawn

    def _fitting(self, record: Record, message: Message) -> Message:
        return self._fits(record.project, self._renderings[record.kind].channel(record), message)

    def _settle(self, record: Record) -> None:
        """Slack shows everything about the record, as far as this pass has seen it."""
        if record.announced < record.touched:
            self._journal.announced(record.id, record.touched)
        if record.status is Status.ENDED:
            self._shelves.put([Put(shelf=showing.OPEN, key=record.id, doc=None)])
            self._posting.forget(record)
            self._edited.pop(record.id, None)
            self._complained.pop(record.id, None)

    def _complain(self, record: Record, about: str) -> None:
        """Into the log, once for each state of a record and not with every pass."""
        if self._complained.get(record.id) != record.touched:
            self._complained[record.id] = record.touched
            log.exception(about, record=record.id)


def _key(record: Record, shown: Shown) -> str:
    """By what the card is found in Slack again."""
    return f"{record.id}:card" + (f":{shown.replaced}" if shown.replaced else "")
