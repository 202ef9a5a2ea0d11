"""Makes commits say how far they are on their way to production: the status `stagedoor/production`.

Like the announcer it asks what the code host was last told and closes the difference, so nothing is lost when the
host is down or the process dies. It never holds up a promotion.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.domain.promotion import Promotion
from bot.domain.record import Record
from bot.domain.review import CommitStatus, Pull
from bot.errors import StagedoorError, Unreachable
from bot.migrations.files import skip_reason
from bot.migrations.remote import touches
from bot.ports import CodeHost, Put
from bot.signing import LIFE, Links
from bot.telling.comments import Comments
from bot.world import Ports, Project

log = structlog.get_logger(__name__)

TOLD = "statuses"
AT_MOST = timedelta(seconds=1)
LOOK = timedelta(seconds=30)
"""How often open pull requests are listed; unchanged lists cost nothing of GitHub's limit."""
AFTER_REFUSAL = timedelta(minutes=10)
NEWEST = 200
"""Promotions that are looked at; what is older was told long ago."""
NOTHING = CommitStatus(state="success", description="It brings no migrations")


@dataclass(frozen=True, kw_only=True)
class _Way:
    """A promotion as commits see it: what it says, and which bytes it is about."""

    touched: int
    status: CommitStatus
    commit: str
    files: frozenset[tuple[str, str]]


class Mirror:
    """Compares and tells, for every project whose code host may be told."""

    def __init__(self, ports: Ports, links: Links | None = None, comments: Comments | None = None) -> None:
        self._ports = ports
        self._links = links
        self._ways: dict[str, _Way] = {}
        self._brings: dict[tuple[str, str], frozenset[tuple[str, str]]] = {}
        self._pulls: dict[str, tuple[Pull, ...]] = {}
        self._looked: dict[str, datetime] = {}
        self._mute: dict[str, datetime] = {}
        self._comments = comments
        self._wordless: dict[str, datetime] = {}
        self._again = ports.clock.now()

    def reflect(self) -> datetime | None:
        """Close every difference; returns when to come again."""
        now = self._ports.clock.now()
        if now < self._again:
            return self._again
        self._again = now + AT_MOST
        for project in self._ports.projects.values():
            if project.host is not None and project.reviewed and now >= self._mute.get(project.name, now):
                self._reflect(project, project.host, now)
        return now + LOOK if any(project.reviewed for project in self._ports.projects.values()) else None

    def _reflect(self, project: Project, host: CodeHost, now: datetime) -> None:
        try:
            for commit, status in self._wanted(project, host, now).items():
                self._tell(project, host, commit, status)
        except Unreachable as silence:
            log.warning("mirror.silent", project=project.name, why=str(silence))
            self._mute[project.name] = now + LOOK
        except StagedoorError as refusal:
            log.error("mirror.refused", project=project.name, why=str(refusal))
            self._mute[project.name] = now + AFTER_REFUSAL

    def _wanted(self, project: Project, host: CodeHost, now: datetime) -> Mapping[str, CommitStatus]:
        """What each commit should say: those that plans were read at, and the heads of open pull requests."""
        ways = self._recent(project)
        wanted = {way.commit: way.status for way in ways if way.commit}
        if now >= self._looked.get(project.name, now):
            self._pulls[project.name] = host.open_pulls()
            self._looked[project.name] = now + LOOK
        for pull in self._pulls.get(project.name, ()):
            wanted[pull.head] = self._of_pull(project, host, pull, ways)
            self._comment(project, host, pull, wanted[pull.head], now)
        return wanted

    def _comment(self, project: Project, host: CodeHost, pull: Pull, status: CommitStatus, now: datetime) -> None:
        """Findings and evidence on a pull request that brings migrations; statuses need no right to comment."""
        if self._comments is None or status == NOTHING or now < self._wordless.get(project.name, now):
            return
        try:
            self._comments.tell(project, host, pull, status)
        except Unreachable:
            raise
        except StagedoorError as refusal:
            log.error("mirror.comment_refused", project=project.name, why=str(refusal))
            self._wordless[project.name] = now + AFTER_REFUSAL

    def _recent(self, project: Project) -> list[_Way]:
        """The newest promotions, oldest first, so that the last word about a commit wins; and rollbacks' own files."""
        find = self._ports.journal.find
        records = [find(kind=kind, project=project.name, limit=100_000) for kind in ("rollback", "promotion")]
        return [self._way(record) for some in records for record in some[-NEWEST:]]

    def _way(self, record: Record) -> _Way:
        known = self._ways.get(record.id)
        if known is None or known.touched != record.touched:
            promotion = Promotion.of(self._ports.journal.entries(about=record.id))
            known = self._ways[record.id] = _Way(
                touched=record.touched, status=self._status(record, promotion),
                commit=promotion.plan.source.commit if promotion.plan.source else "",
                files=frozenset((file.version, file.sha256) for file in promotion.plan.files),
            )
        return known

    def _status(self, record: Record, promotion: Promotion) -> CommitStatus:
        # The link's end follows from the request, so that the status stays the same as long as what it says does.
        until = promotion.requested_at + LIFE
        url = self._links.to(f"/promotions/{record.id}", until) if self._links else ""
        ending, back = promotion.ending, promotion.taken_back
        if back and back.done:
            return CommitStatus(state="failure", description=f"{record.id} was rolled back by {back.record}", url=url)
        stopped = promotion.course.stopped
        if promotion.verified and not stopped and (ending is None or ending.verdict == "done"):
            return CommitStatus(state="success", description=f"{record.id}: in production, verified", url=url)
        if ending is None and not stopped:
            where = f"at {record.stage}" + (", approved" if promotion.approvals and record.stage != "approval" else "")
            return CommitStatus(state="pending", description=f"{record.id} is on its way: {where}", url=url)
        done, count = len(promotion.committed), len(promotion.plan.files)
        balance = f"{done} of {count} in production" if done else "production is unchanged"
        word = _word(ending.verdict if ending else "failed")
        return CommitStatus(state="failure", description=f"{record.id} {word}: {balance}", url=url)

    def _of_pull(self, project: Project, host: CodeHost, pull: Pull, ways: list[_Way]) -> CommitStatus:
        """A head is as far as the promotion of its very bytes; without migrations there is nothing to wait for."""
        if not (brings := self._brought(project, host, pull)):
            return NOTHING
        about = [way for way in ways if way.files & brings]
        arrived = {file for way in about if way.status.state == "success" for file in way.files}
        if brings <= arrived:
            return next(way.status for way in reversed(about) if way.status.state == "success")
        if about and about[-1].status.state != "success":
            return about[-1].status
        count = len(brings - arrived)
        what = "1 migration is" if count == 1 else f"{count} migrations are"
        return CommitStatus(
            state="pending", description=f"{what} not in production yet: /migrate promote #{pull.number}",
        )

    def _brought(self, project: Project, host: CodeHost, pull: Pull) -> frozenset[tuple[str, str]]:
        key = project.name, pull.head
        if key not in self._brings:
            names = [name for name, there in touches(host, project.directory, pull.number).items() if there]
            names = [name for name in names if not skip_reason(name)]
            blobs = host.listing(pull.head, project.directory).blobs if names else {}
            self._brings[key] = frozenset(
                (name.partition("_")[0], hashlib.sha256(host.blob(blobs[name])).hexdigest())
                for name in names if name in blobs
            )
        return self._brings[key]

    def _tell(self, project: Project, host: CodeHost, commit: str, status: CommitStatus) -> None:
        key, doc = f"{project.name}:{commit}", status.to_json()
        if self._ports.shelves.get(TOLD, key) != doc:
            host.say(commit, status)
            self._ports.shelves.put([Put(shelf=TOLD, key=key, doc=doc)])


def _word(verdict: str) -> str:
    stopped = ("failed", "unverified", "no backup")
    return "stopped" if verdict in stopped else f"was {verdict}" if verdict != "expired" else "expired"
