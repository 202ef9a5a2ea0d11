"""The watcher: looks at production's databases in their rhythm, and judges what the logs counted as soon as it is."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog

from bot import alerts
from bot.domain.entry import Json
from bot.domain.faults import key_of
from bot.domain.project import Environment
from bot.domain.reading import Reading, Statement, counters, means
from bot.domain.record import Status
from bot.domain.scene import Account, Limits, Scene, Silence
from bot.domain.sighting import Fault, Severity
from bot.domain.values import integer
from bot.errors import StagedoorError
from bot.policy import Watch
from bot.ports import Put
from bot.watch import ground, learning
from bot.watch.answering import answered
from bot.watch.raising import Held, Raising, held, told_before
from bot.watch.reading import read
from bot.watch.recent import recent, standing
from bot.watch.sight import LOOKED, remembered, unseen
from bot.world import Ports

log = structlog.get_logger(__name__)

STATEMENTS = "statements"
JUDGED = "judged"
MOST_STATEMENTS = 2000
MOST_EVERY = timedelta(seconds=40)
"""A quiet project is looked at this often, so that a change without a promotion is told within a minute."""

UNSEEN = 20
"""For how many polls of a watch a part is not seen before it is told: five minutes, by default."""

AT_ONCE = 8
HISTORY = timedelta(weeks=9)
HOUR = timedelta(hours=1)
FIVE = timedelta(minutes=5)


def limits(watch: Watch) -> Limits:
    return Limits(
        slow_query_ms=watch.slow_query_ms, error_threshold=watch.error_threshold, blocked=watch.blocked,
        idle_in_transaction=watch.idle_in_transaction, long_transaction=watch.long_transaction,
        connections_percent=watch.connections_percent, failing_requests=watch.failing_requests,
        failing_percent=watch.failing_percent, unseen=UNSEEN * watch.poll,
    )


class Watcher:
    """Two steps, each for a loop of its own, so that a slow database holds up no alert from the logs."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._next: dict[str, datetime] = {}
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="vitals")

    # Databases

    def databases(self) -> datetime | None:
        """Look at every project that is due; says when the next one is."""
        now = self._ports.clock.now()
        due = [name for name in self._ports.projects if self._next.get(name, now) <= now]
        for name in due:
            self._next[name] = now + self._pause(name)
        list(self._pool.map(self._look_safely, due))
        return min(self._next.values(), default=None)

    def _pause(self, project: str) -> timedelta:
        """Close while a promotion is watched, else at a quarter of that, and within a minute in any case."""
        poll = self._ports.projects[project].policy.watch.poll
        return poll if self._is_watched(project) else min(4 * poll, max(poll, MOST_EVERY))

    def _is_watched(self, project: str) -> bool:
        """Whether a promotion of this project is watched now."""
        live = self._ports.journal.find(kind="promotion", project=project, status=Status.LIVE)
        return any(record.stage == "watch" for record in live)

    def _look_safely(self, project: str) -> None:
        try:
            self.look(project)
        except StagedoorError as trouble:
            self._unread(project, str(trouble))
        except Exception:
            log.exception("watch.fault", project=project)

    def look(self, project: str) -> None:
        """One look at one project's production: read, compare, judge, raise. Raises `Unreachable`."""
        ports, opened = self._ports, self._ports.projects[project]
        if opened.vitals is None:
            return
        watch, now = opened.policy.watch, ports.clock.now()
        quiet, upto = not ground.busy(ports.shelves, project), ground.mark(ports)
        reading = read(opened.vitals, watch.slow_query_ms)
        look = ground.Look(ours=True)
        if quiet and not ground.busy(ports.shelves, project):
            look = ground.compare(ports, project, reading, upto)
        kept = ports.shelves.get(STATEMENTS, project)
        before = None if kept is None else counters(kept)
        # A migration's own statements are nobody's slow query, and while one is watched its watch judges the others.
        judged = None if look.ours or self._is_watched(project) else before
        signals = alerts.judge(Scene(
            project=project, now=now, limits=limits(watch), reading=reading, before=judged, change=look.change,
            standing=standing(ports, project), blind=unseen(ports.shelves, project),
        ))
        looked = remembered(ports.shelves.get(LOOKED, project), reading, now)
        puts = [*look.puts, Put(shelf=LOOKED, key=project, doc=looked)]
        if "statements" not in reading.unread:
            puts.append(Put(shelf=STATEMENTS, key=project, doc=_remembered(before, reading)))
        Raising(ports, project).settle(signals, puts)
        if ports.tallies is not None and learning.over(ports, project, watch.learning):
            self._judge(project, [], [])

    def _unread(self, project: str, why: str) -> None:
        """It does not answer: noted once, and told when it lasts. The next reading writes the note anew."""
        before, now = self._ports.shelves.get(LOOKED, project) or {}, self._ports.clock.now()
        if not before.get("silent"):
            log.warning("watch.unread", project=project, why=why)
            before = {**before, "silent": now.isoformat()}
            self._ports.shelves.put([Put(shelf=LOOKED, key=project, doc=before)])
        silent = Silence(since=datetime.fromisoformat(str(before["silent"])), why=why)
        Raising(self._ports, project).settle(alerts.judge(Scene(
            project=project, now=now, silent=silent, standing=standing(self._ports, project),
            blind=unseen(self._ports.shelves, project), limits=limits(self._ports.projects[project].policy.watch),
        )))

    # Logs

    def logs(self) -> datetime | None:
        """Judge every account that was touched since the last time; returns when to come back (None: when nudged)."""
        tallies = self._ports.tallies
        if tallies is None:
            return None
        doc = self._ports.shelves.get(JUDGED, "fold")
        since = integer(doc.get("fold")) if doc else 0
        touched = tallies.touched(since)
        if not touched:
            return None
        by_project: defaultdict[str, list[Fault]] = defaultdict(list)
        for fault in touched:
            if fault.project in self._ports.projects and fault.environment is Environment.PRODUCTION:
                by_project[fault.project].append(fault)
        through = Put(shelf=JUDGED, key="fold", doc={"fold": max(fault.fold for fault in touched)})
        last = list(by_project)[-1:]
        for project, faults in by_project.items():
            # How far was judged is written with the last project's alerts; a crash before judges the others again,
            # which finds their alerts open.
            self._judge(project, faults, [through] if [project] == last else [])
        if not by_project:
            self._ports.shelves.put([through])
        return self._ports.clock.now()

    def _judge(self, project: str, faults: list[Fault], puts: list[Put]) -> None:
        ports, now = self._ports, self._ports.clock.now()
        raising, watch = Raising(ports, project), ports.projects[project].policy.watch
        course = learning.course(ports, project, watch.learning)
        fresh: list[Account] = []
        for fault in faults:
            account = self._account(fault, now)
            if live := held(ports, project, key_of(fault)):
                self._count(raising, live, account)
            else:
                known = told_before(ports, project, key_of(fault)) or course.knows(fault)
                fresh.append(Account(
                    fault=fault, minutes=account.minutes, known=known, since=course.since,
                    hours=self._hours(fault, now) if known else {},
                ))
        signals = alerts.judge(Scene(
            project=project, now=now, limits=limits(watch), accounts=tuple(fresh), recent=recent(ports, project),
            answers=answered(ports, project, course.since) if any(_failing(fault) for fault in faults) else (),
        ))
        totals = {key_of(account.fault): account.fault.total for account in fresh}
        raising.settle(course.let_through(signals), [*puts, *course.puts], totals)

    def _account(self, fault: Fault, now: datetime) -> Account:
        assert self._ports.tallies is not None
        minutes = self._ports.tallies.per_minute(
            fault.project, fault.environment, fault.fingerprint, now - HOUR, now + FIVE,
        )
        return Account(fault=fault, minutes=minutes)

    def _hours(self, fault: Fault, now: datetime) -> dict[datetime, int]:
        assert self._ports.tallies is not None
        return self._ports.tallies.per_hour(
            fault.project, fault.environment, fault.fingerprint, now - HISTORY, now + FIVE,
        )

    def _count(self, raising: Raising, live: Held, account: Account) -> None:
        """More of what an alert tells of already."""
        fault, now = account.fault, self._ports.clock.now()
        late = account.within(timedelta(minutes=2), now)
        five = account.within(FIVE, now)
        before = five - late
        trend = "rising" if late > before else "falling" if 3 * late < before else ""
        raising.count_fault(live, fault, rate=five / 5, trend=trend)


def _failing(fault: Fault) -> bool:
    return fault.severity is Severity.HTTP_5XX


def _remembered(before: dict[str, Statement] | None, reading: Reading) -> dict[str, Json]:
    """What is there now, and of what was seen before as much as has room; what comes back after that is new again."""
    known: dict[str, Json] = {id: [each.calls, each.total] for id, each in (before or {}).items()}
    now = means(reading)
    older = {id: kept for id, kept in known.items() if id not in now}
    return {**dict(list(older.items())[-MOST_STATEMENTS:]), **now}
