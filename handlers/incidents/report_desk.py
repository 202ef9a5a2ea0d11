"""Everything a person can say about an incident's report and about what follows from it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from bot.domain.draft import FIELDS, Draft, Filled
from bot.domain.incident import Incident
from bot.errors import Unknown, Unreachable
from bot.incidents.aftermath import Aftermath, Said
from bot.reporting.names import learned
from bot.scrub import Scrubber
from bot.signing import Links
from bot.world import Ports
from handlers.conversation import Ask, Reply, Subject
from handlers.incidents.charts import error_rate
from handlers.incidents.reports import gathered, images
from templates.blocks import Message, line, notice
from templates.documents import report_in
from templates.incident import report as words
from templates.incident.day import day_card

DAY = ("24h", "24", "day", "today")
FORMS = ("md", "html", "json")
A_DAY, TWO_WEEKS = timedelta(days=1), timedelta(days=14)


class Canvases(Protocol):
    """Where people write a report in Slack, as far as the desk asks for it."""

    def absorb(self, id: str) -> bool: ...


class ReportDesk:
    """The conversation about reports. `show` is what `Report` and `/incident report ID` answer."""

    def __init__(
        self, ports: Ports, scrub: Scrubber, links: Links | None = None, canvases: Canvases | None = None,
    ) -> None:
        self._ports, self._scrub, self._links, self._canvases = ports, scrub, links, canvases
        self._aftermath = Aftermath(ports)

    def subject(self) -> Subject:
        return Subject(
            actions={
                words.REPORT: self.button, words.FILL: self._fill, words.ADD: self._add,
                words.HAND_OVER: self._hand_over, words.PUBLISH: self._publish, words.DONE: self._done,
                words.ACCEPT: self._accept,
                words.WITHDRAW: self._withdraw,
            },
            views={
                words.FILLED: self._filled, words.ADDED: self._added, words.HANDED: self._handed,
                words.WITHDRAWN: self._withdrawn,
            },
            checks={words.ADDED: _measure_said},
        )

    def verb(self, ask: Ask, rest: tuple[str, ...]) -> Reply:
        """`/incident report ID`, or `/incident report 24h` over every project that this person belongs to."""
        if not rest:
            raise Unknown("Say which: /incident report INC-7, or /incident report 24h for everything of the last day.")
        if rest[0].lower() not in DAY:
            return self.show(ask, rest[0])
        return Reply(message=day_card(self._aftermath.day(ask.user)))

    def button(self, ask: Ask) -> Reply:
        """`Report` on an incident's card or in its menu."""
        return self.show(ask, ask.value.partition(":")[0])

    def show(self, ask: Ask, record: str) -> Reply:
        """How the report stands, to whoever asks."""
        incident = self._aftermath.read(ask.user, record, ask.channel)
        with suppress(Unreachable):     # then it shows what was read of the canvas half a minute ago
            self._absorb(incident.id)
        return Reply(message=self._standing(incident))

    def _absorb(self, record: str) -> None:
        """What people wrote in the report's canvas comes first."""
        if self._canvases:
            self._canvases.absorb(record)

    def _standing(self, incident: Incident) -> Message:
        record = incident.id
        report = gathered(self._ports.journal, self._ports.shelves, record)
        until = self._ports.clock.now() + A_DAY
        url = self._links.to(f"/incidents/{record}", until) if self._links else ""
        return words.report_card(report, url, incident.draft.canvas_url)

    def _fill(self, ask: Ask) -> Reply:
        incident = self._aftermath.read(ask.user, ask.value, ask.channel)
        report = gathered(self._ports.journal, self._ports.shelves, incident.id)
        return Reply(view=words.fill_modal(report, incident.draft, report.through, ask.channel))

    def _filled(self, ask: Ask) -> Reply:
        """Only what this person changed: what others wrote meanwhile stays."""
        record, _, seq = ask.metadata.partition(":")
        entries = list(self._ports.journal.entries(about=record))
        seen = Draft.of(entry for entry in entries if entry.seq <= int(seq or 0))
        shown = gathered(self._ports.journal, self._ports.shelves, record)
        before = {
            key: seen.filled[key].text if key in seen.filled else shown.section(key).text
            if not shown.section(key).by else "" for key in FIELDS
        }
        given = {key: str(ask.fields.get(key, "") or "") for key in FIELDS}
        changed = {
            key: text for key, text in given.items()
            if text.strip() != before[key].strip() or (key in ("summary", "impact") and text.strip() and not
                                                       shown.section(key).by)
        }
        now = Draft.of(entries)
        both = {key: _with_others(text, seen.filled.get(key), now.filled.get(key), ask.user)
                for key, text in changed.items()}
        return self._kept(self._aftermath.fill(ask.user, record, both, ask.channel), "Kept.")

    def _add(self, ask: Ask) -> Reply:
        incident = self._aftermath.read(ask.user, ask.value, ask.channel)
        due = (self._ports.clock.now() + TWO_WEEKS).replace(minute=0, second=0, microsecond=0)
        return Reply(view=words.measure_modal(incident, due, ask.user, ask.channel))

    def _added(self, ask: Ask) -> Reply:
        until = _text(ask, words.UNTIL)
        id, wake = self._aftermath.add(
            ask.user, ask.metadata, _text(ask, words.WHAT), _text(ask, words.WHO) or ask.user,
            datetime.fromtimestamp(int(until), UTC) if until.isdigit() else None, _text(ask, words.TEST), ask.key,
            ask.channel,
        )
        said = Said(facts=(), wake=wake)
        return self._kept(said, f"{id} is added; it is reminded of until it is done.")

    def _hand_over(self, ask: Ask) -> Reply:
        return Reply(view=words.hand_over_modal(
            self._aftermath.read(ask.user, ask.value, ask.channel), ask.channel,
        ))

    def _handed(self, ask: Ask) -> Reply:
        person = _text(ask, words.WHO)
        return self._kept(self._aftermath.hand_over(ask.user, ask.metadata, person, ask.channel), "Handed over.")

    def _publish(self, ask: Ask) -> Reply:
        self._absorb(self._aftermath.read(ask.user, ask.value, ask.channel).id)
        incident = self._aftermath.read(ask.user, ask.value, ask.channel)
        report = gathered(self._ports.journal, self._ports.shelves, incident.id)
        people = learned(self._ports.people, self._ports.shelves, report)
        chart, shown = error_rate(self._ports, report), images(self._ports.shelves, report)
        kept = {
            form: self._ports.shelves.keep(self._scrub(report_in(form, report, people, chart, images=shown)).encode())
            for form in FORMS
        }
        if chart:
            kept["png"] = self._ports.shelves.keep(chart)
        said = self._aftermath.publish(ask.user, incident, kept, report.through, ask.key)
        return self._kept(said, f"The report of {incident.id} is published.")

    def _done(self, ask: Ask) -> Reply:
        return self._kept(self._aftermath.done(ask.user, ask.value, ask.channel))

    def _accept(self, ask: Ask) -> Reply:
        return self._kept(self._aftermath.accept(ask.user, ask.value, ask.channel))

    def _withdraw(self, ask: Ask) -> Reply:
        incident, measure = self._aftermath.measure(ask.user, ask.value, ask.channel)
        return Reply(view=words.withdraw_modal(incident, measure, ask.channel))

    def _withdrawn(self, ask: Ask) -> Reply:
        why = _text(ask, words.REASON)
        return self._kept(self._aftermath.withdraw(ask.user, ask.metadata, why, ask.channel))

    @staticmethod
    def _kept(said: Said, answer: str = "") -> Reply:
        message = notice(line(answer)) if answer else None
        return Reply(facts=said.facts, puts=said.puts, wake=said.wake, message=message)


def _with_others(text: str, seen: Filled | None, now: Filled | None, by: str) -> str:
    """What somebody wrote, below what somebody else wrote in the same place since this window was opened."""
    if now is None or now == seen or now.by == by or now.text in text:
        return text
    return "\n\n".join(part for part in (now.text, text.strip()) if part)


def _text(ask: Ask, field: str) -> str:
    value = ask.fields.get(field) or ""
    return (value if isinstance(value, str) else "").strip()


def _measure_said(ask: Ask) -> dict[str, str]:
    return {} if _text(ask, words.WHAT) else {words.WHAT: "Say what is to be done."}
