"""What people and the clock can ask of backups: one now, one each night, and the list of those there are."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.backups.shelf import every, going
from bot.domain.backup import ASKED, KIND, NIGHTLY, SERIES, Backup, Kept, Shelved, asked
from bot.domain.entry import SYSTEM
from bot.domain.record import Record, Status
from bot.errors import Refused, Unreachable
from bot.ports import Put
from bot.roles import require_member, require_operator
from bot.world import Ports, Project

NIGHTS = "nightly"
"""When a project's nightly backup was last opened."""

LATE = timedelta(hours=6)
"""How late a nightly backup may still begin, where nobody served at its hour."""


class BackupRequests:
    """The verbs. Who may is judged here."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._opening = threading.Lock()

    def listing(self, by: str, project: Project) -> Shelved:
        """What there is, for a member."""
        require_member(self._ports.people.find(by), project.policy)
        found = every(self._ports.journal, project.name)
        live = {record.id for record in self._live(project.name)}
        good = [one for one in reversed(found) if one.good]
        failed = next((one for one in reversed(found) if one.verdict and one.verdict != "done"), None)
        if failed and good and good[0].asked_at > failed.asked_at:
            failed = None
        policy, platform, silent = project.policy.backups, None, ""
        try:
            platform = project.platform.read() if project.platform else None
        except Unreachable as trouble:
            silent = str(trouble)
        return Shelved(
            platform=platform, silent=silent,
            project=project.name, good=tuple(good), running=tuple(one for one in found if one.id in live),
            failed=failed, going=self._going(project, found),
            schedule=f"{policy.schedule:%H:%M} {_zone(project)}" if policy.schedule else "", when=policy.when,
        )

    def _going(self, project: Project, found: tuple[Backup, ...]) -> tuple[str, ...]:
        """What retention takes once there is one more: the next night's, or one that is taken now."""
        now = self._ports.clock.now()
        due = _due(project, now)
        next_ = Backup(
            id="the next one", project=project.name, cause=NIGHTLY, asked_by=SYSTEM, verdict="done",
            asked_at=due + timedelta(days=1) if due else now, kept=Kept(file="", address="", size=0, sha256=""),
        )
        return tuple(one.id for one in going(self._ports, project.name, (*found, next_)))

    def now(self, by: str, project: Project, key: str) -> str:
        """Open a backup, as an operator; returns its record. Raises `Refused` where none can be taken."""
        require_operator(self._ports.people.find(by), project.policy)
        if before := self._ports.shelves.get("requests", key):
            return str(before["record"])
        if project.backups is None:
            raise Refused("This Stagedoor was started without anything that takes backups.")
        project.backups.ready(project.policy.backups.proof)
        with self._opening:
            for record in self._live(project.name):
                if not Backup.of(self._ports.journal.entries(about=record.id)).only:
                    return record.id
            return self._open(project, by, ASKED, Put(shelf="requests", key=key, doc={}))

    def nightly(self) -> None:
        """Open the backups whose hour has come: each night once, and late rather than never."""
        now = self._ports.clock.now()
        for project in self._ports.projects.values():
            due = _due(project, now)
            last = self._ports.shelves.get(NIGHTS, project.name)
            if due and now - due < LATE and (last is None or str(last["due"]) < due.isoformat()):
                put = Put(shelf=NIGHTS, key=project.name, doc={"due": due.isoformat()})
                self._open(project, SYSTEM, NIGHTLY, put, key=f"{NIGHTS}:{project.name}:{due.isoformat()}")

    def _open(self, project: Project, by: str, cause: str, put: Put, key: str | None = None) -> str:
        """Its record; empty where `key` says that another process was the first to open it."""
        proof = project.policy.backups.proof
        opened = self._ports.journal.open(lambda take: (
            [asked((record := take(SERIES)), project=project.name, by=by, cause=cause, proof=proof)],
            [Put(shelf=put.shelf, key=put.key, doc={**(put.doc or {}), "record": record})],
        ), key=key)
        if not opened:
            return ""
        self._ports.wake(opened[0].about)
        return opened[0].about

    def _live(self, project: str) -> list[Record]:
        return self._ports.journal.find(kind=KIND, project=project, status=Status.LIVE)


def _due(project: Project, now: datetime) -> datetime | None:
    """The last time that its hour struck, in UTC."""
    hour = project.policy.backups.schedule
    if hour is None:
        return None
    here = now.astimezone(ZoneInfo(_zone(project)))
    struck = here.replace(hour=hour.hour, minute=hour.minute, second=0, microsecond=0)
    return (struck if struck <= here else struck - timedelta(days=1)).astimezone(UTC)


def _zone(project: Project) -> str:
    """The zone of the policy's first window, since that is where its night is; otherwise UTC."""
    windows = project.policy.windows
    return windows[0].timezone if windows else "UTC"
