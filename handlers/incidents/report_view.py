"""How reports are shown: the clock on an incident's card, lines and files of its thread, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.entry import Entry
from bot.domain.follow import Follow
from bot.domain.incident import Incident
from bot.domain.record import Record
from bot.world import Ports
from handlers.announcing.announcer import Line, Rendering, Upload
from templates.blocks import Block, Message, button, line, lines, section
from templates.incident.report import REPORT, alone, follow_card, follow_line, report_line, standing

OURS = ("report.", "action.")
MENU_LINE = ":report"


class WithReport:
    """An incident's rendering with its report: what it says itself comes from the one inside."""

    def __init__(self, inside: Rendering, ports: Ports) -> None:
        self._inside = inside
        self._ports = ports

    def __getattr__(self, name: str) -> object:
        return getattr(self._inside, name)

    def channel(self, record: Record) -> str:
        return self._inside.channel(record)

    def card(self, record: Record) -> Message:
        message = self._inside.card(record)
        said = standing(Incident.of(self._ports.journal.entries(about=record.id)))
        if not said:
            return message
        blocks = _without_menu_line(message.blocks)
        blocks.insert(min(2, len(blocks)), section(said, accessory=button("Report", REPORT, record.id)))
        return replace(message, text=lines(line(message.text), said), blocks=tuple(blocks))

    def line(self, record: Record, entry: Entry) -> Line | None:
        if not entry.kind.startswith(OURS):
            return self._inside.line(record, entry)
        entries = (each for each in self._ports.journal.entries(about=record.id) if each.seq <= entry.seq)
        on_call = self._ports.projects[record.project].policy.incidents.on_call
        message = report_line(Incident.of(entries), entry, on_call)
        return Line(message=message, alone=alone(entry), file=self._file(record, entry)) if message else None

    def _file(self, record: Record, entry: Entry) -> Upload | None:
        forms = entry.data.get("forms")
        if entry.kind == "report.published" and isinstance(forms, dict):
            form, sha256 = "md", str(forms.get("md", ""))
        elif entry.kind == "report.attached":
            form, sha256 = str(entry.data["form"]), str(entry.data["sha256"])
        else:
            return None
        content, name = self._ports.shelves.fetch(sha256), f"{record.id}-report.{form}"
        if form == "png":
            return Upload(filename=name, title="Errors per minute", content=content, alt="Errors per minute")
        return Upload(filename=name, title=f"Report of {record.id}", content=content.decode())


def _without_menu_line(blocks: Sequence[Block]) -> list[Block]:
    """The card without `Report` in its menu: it stands beside its clock."""
    kept = list[Block]()
    for block in blocks:
        elements = block.get("elements")
        if block["type"] != "actions" or not isinstance(elements, list):
            kept.append(block)
            continue
        left = [_without(each) for each in elements if isinstance(each, dict)]
        if there := [each for each in left if each.get("options") != []]:
            kept.append({**block, "elements": list(there)})
    return kept


def _without(element: Block) -> Block:
    options = element.get("options")
    if not isinstance(options, list):
        return element
    shown = [each for each in options if isinstance(each, dict) and not str(each.get("value")).endswith(MENU_LINE)]
    return {**element, "options": list(shown)}


class FollowView:
    """Draws what follows from an incident, in the incident's own channel."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def channel(self, record: Record) -> str:
        incident = Incident.of(self._ports.journal.entries(about=self._follow(record).incident))
        if incident.private and incident.channel:
            return incident.channel
        return self._ports.projects[record.project].policy.channels.incidents

    def card(self, record: Record) -> Message:
        follow = self._follow(record)
        return follow_card(follow, Incident.of(self._ports.journal.entries(about=follow.incident)))

    def line(self, record: Record, entry: Entry) -> Line | None:
        message = follow_line(entry)
        return Line(message=message, alone=True) if message else None

    def _follow(self, record: Record) -> Follow:
        return Follow.of(self._ports.journal.entries(about=record.id))
