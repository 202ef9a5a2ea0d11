"""The canvas of an incident's report: made once the report is due, read until it is published, frozen after that.

What people write there is read every half a minute and when the report is published, and kept in the journal, so the
canvas may go at any time. A plan without canvases has the window of `Fill in` alone, which is said once.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.domain.draft import FIELDS
from bot.domain.entry import SYSTEM, Fact, Json
from bot.domain.incident import Incident
from bot.domain.record import Record, Status
from bot.errors import Unreachable
from bot.ports import Put
from bot.runbooks.reporting import is_reported
from bot.world import Ports
from handlers.announcing import showing
from handlers.incidents.reports import gathered
from handlers.slack.outcomes import Gone
from handlers.slack.slack_out import SlackOut
from templates.incident.canvas import canvas, merged, written

SHELF = "canvases"
NONE = "none"
"""The key under which it is kept that people were told that their plan has none."""

AUTHOR = "canvas"
"""Who filled a field there: Slack does not say."""

EVERY, AFTER_REFUSAL = timedelta(seconds=30), timedelta(minutes=5)
SOON, LATER = timedelta(seconds=2), timedelta(seconds=5)
STAGES = ("watching", "report")
LONGEST = 1_000_000
NO_VERSION = -1
"""What a canvas of an incident shows that turned out to be another: what people wrote."""

log = structlog.get_logger(__name__)


class Canvases:
    """Keeps each report's canvas and the journal together. `place` is the workspace's address of documents."""

    def __init__(self, ports: Ports, slack: SlackOut, place: str) -> None:
        self._ports, self._slack, self._place = ports, slack, place.rstrip("/")
        self._next = ports.clock.now()
        self._again: dict[str, datetime] = {}
        self._reading = threading.Lock()

    def tend(self) -> datetime | None:
        """One pass over the reports that are written now; says when it wants to be called again."""
        now = self._ports.clock.now()
        if now < self._next:
            return self._next
        self._next = now + SOON
        for record in self._written_now():
            if self._again.get(record.id, now) <= now:
                self._again[record.id] = now + self._tended(record)
        return self._next

    def _written_now(self) -> Iterator[Record]:
        """Reports that are due, and published ones that their canvas does not show yet."""
        for record in self._ports.journal.find(kind="incident", status=Status.LIVE):
            if record.stage in STAGES:
                yield record
        for id, doc in self._ports.shelves.all(SHELF).items():
            ended = self._ports.journal.load(id) if doc.get("id") else None
            if ended and ended.status is Status.ENDED and doc.get("through") != ended.touched:
                yield ended

    def _tended(self, record: Record) -> timedelta:
        """Do what is to be done for one; says how long that one can wait then."""
        try:
            return self._step(record)
        except Unreachable as trouble:
            log.info("canvas.later", record=record.id, why=str(trouble))
            return LATER
        except _Refused as refused:
            log.warning("canvas.refused", record=record.id, method=refused.method, error=refused.error)
            return AFTER_REFUSAL

    def _step(self, record: Record) -> timedelta:
        incident = self._incident(record.id)
        doc = self._doc(record.id)
        if is_reported(incident) or incident.same_as:
            if doc.get("id"):
                self._freeze(incident, doc)
        elif incident.draft.begun is None or incident.open:
            return SOON
        elif not doc or doc.get("frozen"):     # it was reopened after a version was published: that canvas stays
            return self._begin(incident)
        elif incident.draft.canvas:
            self._share(incident, doc)
            self.absorb(record.id)
        return EVERY

    def absorb(self, id: str) -> bool:
        """Take what people wrote there into the journal; whether there was any. Raises `Unreachable`."""
        with self._reading:     # the loop and somebody who presses Publish, one after the other
            return self._absorbed(id)

    def _absorbed(self, id: str) -> bool:
        self._again.pop(id, None)       # somebody asked, who may do something next
        incident, doc = self._incident(id), self._doc(id)
        if not incident.draft.canvas or not doc.get("id") or doc.get("closed"):
            return False
        try:
            here = written(id, str(self._asked("canvases.getContent", canvas_id=str(doc["id"])).get("content", "")))
        except _Refused as refused:     # deleted, or nobody lets us read it any more: nothing waits for it
            gone = Fact(about=id, kind="report.canvas_gone", actor=SYSTEM, data={"why": refused.error})
            self._ports.journal.append([gone], puts=[Put(shelf=SHELF, key=id, doc={"gone": refused.error})])
            self._ports.tell()
            return False
        return self._merge(incident, doc, here)

    def _merge(self, incident: Incident, doc: Mapping[str, Json], here: Mapping[str, str]) -> bool:
        before, beside = _texts(doc.get("before")), _texts(doc.get("beside"))
        if dict(here) == before:
            return False
        journal = self._said(incident.id)
        facts: list[Fact] = []
        for key, text in here.items():
            news = merged(before.get(key, ""), text, journal[key], beside.get(key, ""))
            if news is not None:
                beside[key] = news[1]
                data: dict[str, Json] = {"field": key, "text": news[0]}
                facts.append(Fact(about=incident.id, kind="report.field", actor=AUTHOR, data=data))
        kept: dict[str, Json] = {**doc, "before": {**before, **here}, "beside": {**beside}}
        self._ports.journal.append(facts, puts=[Put(shelf=SHELF, key=incident.id, doc=kept)])
        return bool(facts)

    # Its life in Slack

    def _begin(self, incident: Incident) -> timedelta:
        """Make it. Whoever dies before it is noted leaves one behind that nobody was ever shown."""
        shown = showing.load(self._ports.shelves, incident.id)
        if not shown.ts:
            return SOON
        document = {"type": "markdown", "markdown": canvas(incident.id, self._said(incident.id))}
        try:
            made = self._asked(
                "canvases.create", title=f"Report of {incident.id}", document_content=json.dumps(document),
            )
            id = str(made["canvas_id"])
            content = str(self._asked("canvases.getContent", canvas_id=id).get("content", ""))
        except _Refused as refused:
            self._has_none(incident, refused.error)
            return EVERY
        before: dict[str, Json] = {**written(incident.id, content)}
        shared = self._opened_to(shown.channel, id, "write")
        url = f"{self._place}/{id}"
        fact = Fact(about=incident.id, kind="report.canvas", actor=SYSTEM, data={"id": id, "url": url})
        doc: dict[str, Json] = {"id": id, "before": before, "beside": {}, "shared": shared}
        self._ports.journal.append([fact], puts=[Put(shelf=SHELF, key=incident.id, doc=doc)])
        self._ports.tell()
        return EVERY if shared else SOON

    def _has_none(self, incident: Incident, error: str) -> None:
        """Once for an incident it is tried, and once for all it is said."""
        puts = [Put(shelf=SHELF, key=incident.id, doc={"none": error})]
        facts = []
        if self._ports.shelves.get(SHELF, NONE) is None:
            facts.append(Fact(about=incident.id, kind="report.canvas_none", actor=SYSTEM, data={"why": error}))
            puts.append(Put(shelf=SHELF, key=NONE, doc={"why": error}))
        self._ports.journal.append(facts, puts=puts)
        self._ports.tell()

    def _share(self, incident: Incident, doc: Mapping[str, Json]) -> None:
        """Where Slack wants to see the link in the channel first, people may open it a moment after that."""
        if doc.get("shared") is True:
            return
        shown = showing.load(self._ports.shelves, incident.id)
        shared = self._opened_to(shown.channel, str(doc["id"]), "write")
        self._ports.shelves.put([Put(shelf=SHELF, key=incident.id, doc={**doc, "shared": shared})])

    def _opened_to(self, channel: str, id: str, level: str) -> bool:
        try:
            self._asked("canvases.access.set", canvas_id=id, access_level=level, channel_ids=json.dumps([channel]))
        except _Refused as refused:
            log.warning("canvas.not_shared", canvas=id, error=refused.error)
            return False
        return True

    def _freeze(self, incident: Incident, doc: Mapping[str, Json]) -> None:
        """First nobody may write any more, then it is read a last time, then it shows what was published."""
        edition, id = incident.draft.published, str(doc["id"])
        number = edition.number if edition else NO_VERSION
        if doc.get("frozen") == number:     # since then only this and that was noted
            self._frozen(incident.id, number)
            return
        self._opened_to(showing.load(self._ports.shelves, incident.id).channel, id, "read")
        news = self.absorb(incident.id)
        # From here on nothing in it is a person's word, whoever dies before it shows what was published.
        self._ports.shelves.put([Put(shelf=SHELF, key=incident.id, doc={**self._doc(incident.id), "closed": True})])
        if edition:
            if news:
                late = Fact(about=incident.id, kind="report.canvas_late", actor=SYSTEM, data={"version": number})
                self._ports.journal.append([late])
                self._ports.tell()
            self._shows(id, self._ports.shelves.fetch(edition.forms["md"]).decode())
        self._frozen(incident.id, number)

    def _shows(self, id: str, text: str) -> None:
        change = {"operation": "replace", "document_content": {"type": "markdown", "markdown": text[:LONGEST]}}
        try:
            self._asked("canvases.edit", canvas_id=id, changes=json.dumps([change]))
        except _Refused as refused:
            log.warning("canvas.not_frozen", canvas=id, error=refused.error)

    def _frozen(self, id: str, number: int) -> None:
        record = self._ports.journal.load(id)
        doc: dict[str, Json] = {**self._doc(id), "frozen": number, "through": record.touched if record else 0}
        self._ports.shelves.put([Put(shelf=SHELF, key=id, doc=doc)])

    # What it leans on

    def _asked(self, method: str, **arguments: str) -> dict[str, Any]:
        answer = self._slack.call(method, arguments)
        if isinstance(answer, dict):
            return answer
        if isinstance(answer, Gone):
            raise _Refused(method, answer.error)
        raise Unreachable("Slack did not answer when it was asked about a canvas.")

    def _incident(self, id: str) -> Incident:
        return Incident.of(self._ports.journal.entries(about=id))

    def _said(self, id: str) -> dict[str, str]:
        report = gathered(self._ports.journal, self._ports.shelves, id)
        return {key: report.section(key).text for key in FIELDS}

    def _doc(self, id: str) -> dict[str, Json]:
        return dict(self._ports.shelves.get(SHELF, id) or {})


class _Refused(Exception):
    def __init__(self, method: str, error: str) -> None:
        super().__init__(f"{method}: {error}")
        self.method, self.error = method, error


def _texts(value: Json) -> dict[str, str]:
    return {key: str(text) for key, text in value.items()} if isinstance(value, dict) else {}
