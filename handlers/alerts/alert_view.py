"""How an alert is shown: channel, card and thread lines, from its entries and its counters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bot.domain.alert import COUNTERS, Alert, Counters
from bot.domain.entry import Entry
from bot.domain.faults import met_by
from bot.domain.project import Environment
from bot.domain.record import Record
from bot.scrub import Scrubber
from bot.watch.folding import top
from bot.watch.raising import MEMBERS
from bot.world import Ports
from handlers.announcing.announcer import Line, Upload
from templates.alert import OPEN_INCIDENT, ROLL_BACK, AlertSight, alert_card, alert_line
from templates.blocks import Message

EVERY = timedelta(seconds=20)
"""How often a counter may change a card at most."""

ALONE = frozenset({"alert.called", "alert.doubled", "alert.page_failed"})
INCIDENT = "incident.linked"


class AlertView:
    """Draws alerts. `knows` says whether anybody answers to an action id: a button that nobody answers is no button."""

    every = EVERY

    def __init__(self, ports: Ports, scrub: Scrubber, knows: Callable[[str], bool] = lambda action: False) -> None:
        self._ports, self._scrub, self._knows = ports, scrub, knows

    def channel(self, record: Record) -> str:
        return self._ports.projects[record.project].policy.channels.incidents

    def card(self, record: Record) -> Message:
        entries = list(self._ports.journal.entries(about=record.id))
        alert = Alert.of(entries)
        doc = self._ports.shelves.get(COUNTERS, record.id)
        members = self._ports.shelves.get(MEMBERS, record.id)
        incident = next((str(e.data["incident"]) for e in reversed(entries) if e.kind == INCIDENT), "")
        counters = Counters.from_json(doc) if doc else alert.raised
        return alert_card(AlertSight(
            record=record, alert=alert, counters=counters,
            now=self._ports.clock.now(), met=self._met(alert), incident=incident,
            top=top({key: (int(str(each[0])), str(each[1])) for key, each in members.items() if isinstance(each, list)})
            if members else counters.top or alert.top,
            may_roll_back=self._knows(ROLL_BACK), may_open=self._knows(OPEN_INCIDENT),
        ))

    def line(self, record: Record, entry: Entry) -> Line | None:
        alert = Alert.of(each for each in self._ports.journal.entries(about=record.id) if each.seq <= entry.seq)
        if entry.kind == "alert.raised" and alert.attach:
            message = alert_line(alert, entry)
            text = self._ports.shelves.fetch(alert.attach).decode("utf-8", "replace")
            file = Upload(filename=f"{alert.id}.sql", title=alert.title, content=self._scrub(text))
            return Line(message=message, file=file) if message else None
        message = alert_line(alert, entry)
        if message is None:
            return None
        return Line(message=message, alone=entry.kind in ALONE, file=self._picture(alert, entry))

    def _met(self, alert: Alert) -> str:
        """Who met it, as of now; of what is no fault of the logs, its first line of evidence."""
        tallies = self._ports.tallies
        if alert.fingerprint and tallies:
            fault = tallies.fault(alert.project, Environment.PRODUCTION, alert.fingerprint)
            return met_by(fault) if fault else ""
        return ""

    def _picture(self, alert: Alert, entry: Entry) -> Upload | None:
        kept = str(entry.data.get("sha256", "")) if entry.kind == "alert.pictured" else ""
        if not kept:
            return None
        return Upload(
            filename=f"{alert.id}.png", title=f"{alert.id}: events per minute", content=self._ports.shelves.fetch(kept),
            alt=str(entry.data["alt"]),
        )
