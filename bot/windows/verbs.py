"""What people can ask of deploy windows and freezes; every answer is facts for the journal, or a refusal."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from datetime import datetime

from bot.domain.entry import Fact, Json
from bot.domain.record import Record, Status
from bot.domain.window import Announced, Freeze, Outlook, Span, moment
from bot.errors import Refused, Unknown
from bot.ports import Put
from bot.roles import require_approver, require_member, require_operator
from bot.windows import schedule
from bot.windows.when import end_meant, window_meant
from bot.world import Ports, Project

ASKED = "deploy-asked"
"""What was understood and shown, and counts once its asker confirms it."""

EVERYTHING = "all"
SERIES = {"window": "W", "freeze": "F"}


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A window, or a freeze with its end, as it was understood; `put` keeps it until it is confirmed."""

    token: str
    kind: str
    project: str
    opens: datetime
    closes: datetime
    reason: str
    zone: str
    put: Put
    closed: str = ""
    """What keeps this window shut, as far as is known today."""


class Deploys:
    """The verbs. Who may is judged here, at the click."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._opening = threading.Lock()

    def zone(self, by: str) -> str:
        """The time zone of a person."""
        return self._ports.people.find(by).zone

    def outlook(self, by: str, project: Project) -> Outlook:
        """The calendar of the next two weeks."""
        require_member(self._ports.people.find(by), project.policy)
        return schedule.outlook(self._ports, project.name)

    def quietest(self, by: str, project: Project) -> tuple[datetime, datetime | None]:
        """Now, and the quietest hour to come as far as it was measured, for somebody who may announce a window."""
        require_operator(self._ports.people.find(by), project.policy)
        now = self._ports.clock.now()
        return now, schedule.quietest(self._ports, project.name, schedule.calendar(self._ports, project.name), now)

    def window(self, by: str, project: Project, text: str, key: str) -> Proposal:
        """Understand `WHEN [for DURATION] [REASON]`; nothing counts before `confirm`."""
        person = self._ports.people.find(by)
        require_operator(person, project.policy)
        meant = window_meant(text, self._ports.clock.now(), person.zone)
        return self._proposed("window", by, project.name, meant.span, meant.reason, person.zone, key)

    def window_picked(self, by: str, project: Project, span: Span, reason: str, key: str) -> Proposal:
        """The same from a date picker."""
        person = self._ports.people.find(by)
        require_operator(person, project.policy)
        if span.start <= self._ports.clock.now():
            raise Refused("That moment is over. Pick a later one, or type it: /deploy window tomorrow 22:00 for 2h")
        return self._proposed("window", by, project.name, span, reason, person.zone, key)

    def freeze_until(self, by: str, project: str, text: str, key: str) -> Proposal:
        """Understand `WHEN REASON` of a freeze with an end; nothing counts before `confirm`."""
        person = self._ports.people.find(by)
        self._require_operator_of(by, project)
        now = self._ports.clock.now()
        until, reason = end_meant(text, now, person.zone)
        _reasoned(reason, "A freeze needs a reason, after its end: /deploy freeze until tomorrow 08:00 the audit")
        return self._proposed("freeze", by, project, Span(start=now, end=until), reason, person.zone, key)

    def freeze(self, by: str, project: str, reason: str, key: str) -> str:
        """Freeze at once, until somebody lifts it; returns the freeze's record."""
        self._require_operator_of(by, project)
        reason = _reasoned(reason, "A freeze needs a reason: /deploy freeze the audit is running")
        return self._open("freeze", by, project, {"reason": reason, "until": None}, key)

    def confirm(self, by: str, token: str) -> tuple[str, str]:
        """Make what was shown to this person count; returns its record and its project."""
        asked = self._ports.shelves.get(ASKED, token)
        if asked is None:
            raise Unknown("That is no longer known. Type it again.")
        if asked["by"] != by:
            raise Refused("Only who asked for it can confirm it.")
        project, kind = str(asked["project"]), str(asked["kind"])
        self._require_operator_of(by, project)
        opens, closes = moment(asked["opens"]), moment(asked["closes"])
        if (opens if kind == "window" else closes) <= self._ports.clock.now():
            raise Refused(f"That moment has passed since you asked. Type it again: /deploy {kind} …")
        data: dict[str, Json] = {"reason": asked["reason"]}
        data |= {"opens": asked["opens"], "closes": asked["closes"]} if kind == "window" else {"until": asked["closes"]}
        return self._open(kind, by, project, data, f"confirmed:{token}"), project

    def unfreeze(self, by: str, project: Project, text: str) -> tuple[Fact, ...]:
        """Lift the freeze that stands, or the one that is named first, as an approver and with a reason."""
        require_approver(self._ports.people.find(by), project.policy)
        standing = {freeze.id: freeze for freeze in schedule.freezes(self._ports, project.name)}
        first, _, rest = text.strip().partition(" ")
        named = first.upper() if first.upper().startswith("F-") and first[2:].isdigit() else ""
        reason = " ".join((rest if named else text).split())
        if named and named not in standing:
            raise Unknown(f"No freeze {named} stands here. {_list('Standing', [*standing])}")
        if not standing:
            closed = schedule.closed_now(self._ports, project.name)
            raise Refused(
                f"Nothing is frozen by a person: {closed.name} is {closed.why} and passes by itself." if closed
                else "Nothing is frozen."
            )
        if not named and len(standing) > 1:
            raise Refused(f"Say which: /deploy unfreeze {next(iter(standing))} {reason or 'it is over'}. "
                          f"{_list('Standing', [*standing])}")
        chosen = standing[named or next(iter(standing))]
        reason = _reasoned(reason, f"Lifting a freeze needs a reason: /deploy unfreeze {chosen.id} the audit is over")
        if chosen.everything:
            for each in self._ports.projects.values():
                require_approver(self._ports.people.find(by), each.policy)
        return tuple(
            Fact(about=each, kind="freeze.lifted", actor=by, data={"reason": reason})
            for each in (chosen.id, *schedule.echoes(self._ports, chosen.id))
        )

    def cancel(self, by: str, text: str) -> tuple[Fact, ...]:
        """Take back an announced window, as the one who announced it or an operator."""
        named = text.strip().upper()
        record = self._ports.journal.load(named) if named else None
        if record is None or record.kind not in SERIES:
            live = [each.id for each in self._ports.journal.find(kind="window", status=Status.LIVE)]
            raise Unknown(f"Say which window: /deploy cancel {live[0] if live else 'W-1'}. {_list('There is', live)}")
        policy = self._ports.projects[record.project].policy
        person = self._ports.people.find(by)
        require_member(person, policy)
        if record.kind == "freeze":
            raise Refused(f"{named} is a freeze; an approver lifts it: /deploy unfreeze {named} REASON")
        window = Announced.of(self._ports.journal.entries(about=named))
        if window.recurring:
            raise Refused(f"{named} is one of the policy's windows. To keep it shut: /deploy freeze until WHEN REASON")
        if by != window.by:
            require_operator(person, policy)
        if record.status is Status.ENDED or window.cancelled_by:
            raise Refused(f"{named} is over already: {window.ended or 'cancelled'}.")
        return (Fact(about=named, kind="window.cancelled", actor=by),)

    def read(self, record: Record) -> Announced | Freeze:
        """A window or a freeze as it stands."""
        entries = self._ports.journal.entries(about=record.id)
        return Announced.of(entries) if record.kind == "window" else Freeze.of(entries)

    def _proposed(
        self, kind: str, by: str, project: str, span: Span, reason: str, zone: str, key: str,
    ) -> Proposal:
        token = hashlib.sha256(key.encode()).hexdigest()[:20]
        doc: dict[str, Json] = {
            "kind": kind, "by": by, "project": project, "opens": span.start.isoformat(),
            "closes": span.end.isoformat(), "reason": reason,
        }
        closed = "" if kind == "freeze" else self._shut(project, span)
        return Proposal(
            token=token, kind=kind, project=project, opens=span.start, closes=span.end, reason=reason, zone=zone,
            put=Put(shelf=ASKED, key=token, doc=doc), closed=closed,
        )

    def _shut(self, project: str, span: Span) -> str:
        """The freezes and holidays that fall into this time."""
        every = schedule.calendar(self._ports, project)
        return ", ".join(f"{each.name} ({each.why})" for each in every.closed(span.start, span.end))

    def _open(self, kind: str, by: str, project: str, data: dict[str, Json], key: str) -> str:
        everything = project == EVERYTHING
        where = next(iter(self._ports.projects)) if everything else project
        with self._opening:
            if before := self._ports.shelves.get("requests", key):
                return str(before["record"])
            said, begins = "window.announced" if kind == "window" else "freeze.set", schedule.opening(kind, where)
            data = data | ({"everything": True} if everything else {})
            elsewhere = [schedule.opening(schedule.ECHO, each) for each in self._elsewhere()] if everything else []
            opened = self._ports.journal.open(lambda take: (
                [
                    Fact(about=(record := take(SERIES[kind])), kind=said, actor=by, data=data, opens=begins),
                    *(Fact(about=take("FE"), kind=said, actor=by, data=data | {"echoes": record}, opens=echo)
                      for echo in elsewhere),
                ],
                [Put(shelf="requests", key=key, doc={"record": record})],
            ))
            assert opened  # no key was given
            for entry in opened[1:]:
                self._ports.wake(entry.about)
            return opened[0].about

    def _elsewhere(self) -> list[str]:
        """A project for each channel beside the first project's, so that each channel sees what is about everything."""
        channels: dict[str, str] = {}
        for project in self._ports.projects.values():
            channels.setdefault(project.policy.channels.deploys, project.name)
        return [*channels.values()][1:]

    def _require_operator_of(self, by: str, project: str) -> None:
        person = self._ports.people.find(by)
        chosen = self._ports.projects.values() if project == EVERYTHING else [self._ports.projects[project]]
        for each in chosen:
            require_operator(person, each.policy)


def _reasoned(reason: str, otherwise: str) -> str:
    reason = " ".join(reason.split())
    if not reason:
        raise Refused(otherwise)
    return reason


def _list(what: str, names: list[str]) -> str:
    return f"{what}: {', '.join(names)}." if names else f"{what}: none."
