"""Opening an incident: by word, from a message, from an alert or a promotion; one window for all of them."""

from __future__ import annotations

import json

from bot.domain.alert import Alert
from bot.domain.command import Severity
from bot.domain.entry import canonical
from bot.domain.incident import Incident
from bot.domain.record import Status
from bot.errors import Refused, Unknown
from bot.incidents import records as incidents
from bot.incidents.records import opened_by
from bot.incidents.verbs import Responding, alike
from bot.promotions.verbs import Promotions
from bot.world import Ports, Project
from handlers.conversation import Ask, Reply, Subject
from handlers.which import Which, taken_apart
from templates.blocks import line, notice
from templates.incident import modals
from templates.incident.card import OPEN_FROM
from templates.words import place

PROMOTED, ALERT = ("promotion", "staging", "rollback"), "alert"
"""Kinds of records from which an incident is opened."""


class Opening:
    """The window that asks what is broken, and what comes of it."""

    def __init__(self, ports: Ports, responding: Responding, promotions: Promotions, which: Which) -> None:
        self._ports = ports
        self._responding = responding
        self._promotions = promotions
        self._which = which

    def subject(self) -> Subject:
        return Subject(
            actions={OPEN_FROM: self._open_from}, views={modals.OPEN: self._opened},
            checks={modals.OPEN: _opening_read},
        )

    def by_word(self, ask: Ask, words: tuple[str, ...]) -> Reply:
        """`/incident open [TITLE]`."""
        _, named, _ = taken_apart(ask.text)
        project = self._project(ask, named)
        return self._asked(ask, project, " ".join(words), {"channel": ask.channel})

    def _open_from(self, ask: Ask) -> Reply:
        """The button on an alert or a promotion: what is known of it is filled in."""
        record = self._ports.journal.load(ask.value)
        if record is None or record.project not in self._ports.projects or record.kind not in (*PROMOTED, ALERT):
            raise Unknown(f"There is no {ask.value or 'such thing'} any more.")
        before = opened_by(self._ports, record.id)
        if before and before.incident.open:
            incident = self._responding.read(ask.user, before.incident.id, ask.channel).incident
            raise Refused(f"{incident.id} was opened from {record.id} already: {incident.title}")
        cause = "promotion" if record.kind in PROMOTED else ALERT
        said, title, broken = {cause: record.id, "channel": ask.channel}, f"Trouble after {record.id}", ""
        if cause == ALERT:
            alert = Alert.of(self._ports.journal.entries(about=record.id))
            title, broken = alert.title, alert.said
            if likely := alert.cause.promotion if alert.cause else alert.stands:
                said["likely"] = likely
        return self._asked(ask, self._ports.projects[record.project], title, said, broken[:2000])

    def _asked(self, ask: Ask, project: Project, title: str, said: dict[str, str], broken: str = "") -> Reply:
        self._responding.may_open(ask.user, project.name)
        similar = [(each.id, each.title) for each in self._might_be(title, {*said.values()})]
        names = [each.name for each in self._promotions.projects()]
        metadata = f"{canonical({'project': project.name, **said})}@{ask.channel}" if ask.channel else canonical(
            {"project": project.name, **said})
        return Reply(view=modals.open_modal(names, project.name, title, Severity.SEV2, metadata, broken, similar))

    def _might_be(self, title: str, causes: set[str]) -> list[Incident]:
        """Open incidents about the same promotion or alert, and those whose title says much the same."""
        going = [known for known in incidents.every(self._ports, Status.LIVE)
                 if known.incident.open and not known.incident.private]
        same = [known for known in going if {known.incident.promotion, known.incident.alert} & causes - {""}]
        found = {known.incident.id: known.incident for known in (*same, *(alike(title, going) if title else ()))}
        return list(found.values())[:3]

    def from_message(self, ask: Ask, text: str, link: str) -> Reply:
        """The same window, filled in from a message."""
        title = next(iter(text.strip().splitlines()), "")[:150]
        return self._asked(ask, self._project(ask, ""), title, {"message": link}, broken=text[:2000])

    def _opened(self, ask: Ask) -> Reply:
        said = json.loads(ask.metadata or "{}")
        room = str(ask.fields.get(modals.ROOM, ""))
        project = str(ask.fields.get(modals.PROJECT, "")) or str(said.get("project", ""))
        alert, promotion = str(said.get("alert", "")), str(said.get("promotion", ""))
        record, new = self._responding.open(
            ask.user, project, text(ask, modals.TITLE), text(ask, modals.SEVERITY), ask.key,
            broken=text(ask, modals.BROKEN), impact=text(ask, modals.IMPACT), people=number(ask),
            actions=text(ask, modals.ACTIONS), private=bool(room), channel=room, alert=alert,
            promotion=promotion or str(said.get("likely", "")), message=str(said.get("message", "")),
        )
        where = "the private channel" if room else self._ports.projects[project].policy.channels.incidents
        word = "is open" if new else "was opened from it before"
        told = notice(line(f"{record} {word}. Its card is in ", place(where), "."))
        return Reply(message=told, wake=(record, *filter(None, (alert, promotion))))

    def _project(self, ask: Ask, named: str) -> Project:
        """The one that was named or whose channel this is; the window asks where there are several."""
        try:
            return self._which.project(ask, named)
        except Unknown:
            if named:
                raise
            return self._promotions.projects()[0]


def _opening_read(ask: Ask) -> dict[str, str]:
    missing = {} if text(ask, modals.TITLE).strip() else {modals.TITLE: "Say in a few words what is wrong."}
    return missing | number_read(ask)


def text(ask: Ask, name: str) -> str:
    """One field of a window."""
    value = ask.fields.get(name, "")
    return value if isinstance(value, str) else ",".join(value)


def number(ask: Ask) -> int | None:
    """How many people, where somebody said so."""
    said = text(ask, modals.PEOPLE).strip()
    return int(said) if said.isdecimal() else None


def number_read(ask: Ask) -> dict[str, str]:
    """What is wrong with the number of people, by block."""
    said = text(ask, modals.PEOPLE).strip()
    return {} if not said or said.isdecimal() else {modals.PEOPLE: "A whole number, or nothing where nobody knows."}
