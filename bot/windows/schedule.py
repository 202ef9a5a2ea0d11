"""The calendar of a project as the journal and the policy have it, and the line of promotions that wait in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.backups.shelf import last_good
from bot.domain.entry import Opening
from bot.domain.incident import Incident
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.domain.window import Announced, Closure, Freeze, Outlook, Queued, Span
from bot.evidence.gathering import staged
from bot.windows import activity
from bot.windows.calendar import BEFORE, Calendar
from bot.windows.holidays import Holidays
from bot.world import Ports

MARGIN = timedelta(minutes=1)
"""What is added to twice the time that staging took: production has more rows, and a lock may be waited for."""

TWO_WEEKS = timedelta(days=14)
ECHO = "freeze_echo"
"""A freeze of everything as a further channel shows it."""

FIRST_STAGES = {"window": "announced", "freeze": "standing", ECHO: "standing"}
IN_LINE = ("window", "backup", "apply", "verify")


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A promotion that was approved and is not watched yet, with the record that says where it stands."""

    record: Record
    promotion: Promotion

    @property
    def running(self) -> bool:
        return self.record.stage != "window"


def opening(kind: str, project: str) -> Opening:
    """How the record of a window or a freeze begins."""
    return Opening(kind=kind, project=project, stage=FIRST_STAGES[kind])


def announced(ports: Ports, project: str) -> tuple[Announced, ...]:
    """The windows of a project that are to come or open, by their opening."""
    records = ports.journal.find(kind="window", project=project, status=Status.LIVE)
    windows = [Announced.of(ports.journal.entries(about=record.id)) for record in records]
    return tuple(sorted((each for each in windows if not each.cancelled_by), key=lambda each: each.span.start))


def freezes(ports: Ports, project: str) -> tuple[Freeze, ...]:
    """The freezes that stand for a project: its own, and those of everything."""
    records = ports.journal.find(kind="freeze", status=Status.LIVE)
    found = ((record, Freeze.of(ports.journal.entries(about=record.id))) for record in records)
    return tuple(
        freeze for record, freeze in found
        if (freeze.everything or record.project == project) and freeze.lifted is None
    )


def echoes(ports: Ports, freeze: str) -> tuple[str, ...]:
    """The records that show this freeze in further channels."""
    found = ports.journal.find(kind=ECHO, status=Status.LIVE)
    return tuple(each.id for each in found if Freeze.of(ports.journal.entries(about=each.id)).echoes == freeze)


def calendar(ports: Ports, project: str, promotion: str = "") -> Calendar:
    """When promotions of a project may start, as of now; for one of them, without the freezes that it passes."""
    policy = ports.projects[project].policy
    return Calendar(
        windows=policy.windows,
        announced=tuple(window.span for window in announced(ports, project) if not window.recurring),
        closures=tuple(each.closure for each in freezes(ports, project) if not passes(ports, each, promotion)),
        holidays=Holidays(policy.deploy.holidays, tuple(window.timezone for window in policy.windows)),
    )


def passes(ports: Ports, freeze: Freeze, promotion: str) -> bool:
    """Whether a freeze lets this promotion through: an incident never holds up what is to end it."""
    if not (freeze.incident and promotion):
        return False
    return Incident.of(ports.journal.entries(about=freeze.incident)).lets_pass(promotion)


def likely(ports: Ports, promotion: Promotion) -> timedelta | None:
    """How long staging took for what is not in yet; None where Stagedoor did not run all of it there."""
    runs = staged(ports.shelves, promotion.plan)
    left = promotion.remaining
    if any(file.version not in runs or runs[file.version].seconds <= 0 for file in left):
        return None
    return timedelta(seconds=sum(runs[file.version].seconds for file in left))


def needs(ports: Ports, promotion: Promotion) -> timedelta:
    """How much of a window has to be left for it to start: its backup, twice what staging took, and a minute."""
    return _backing_up(ports, promotion) + 2 * (likely(ports, promotion) or timedelta()) + MARGIN


def _backing_up(ports: Ports, promotion: Promotion) -> timedelta:
    """As long as the last backup took, where this promotion is to have one first."""
    policy = ports.projects[promotion.plan.project].policy.backups
    destroys = bool(promotion.plan.risks or promotion.plan.unread or promotion.lost)
    if policy.when == "never" or (policy.when == "destructive" and not destroys):
        return timedelta()
    if promotion.backup is not None and promotion.backup.done:
        return timedelta()
    last = last_good(ports.journal, promotion.plan.project)
    return timedelta(seconds=last.seconds if last else 0.0)


def place(ports: Ports, promotion: Promotion, every: Calendar, now: datetime) -> Span | None:
    """The opening that a promotion starts in: the one it was put into while that lasts, otherwise the next."""
    enough = needs(ports, promotion)
    if promotion.scheduled and promotion.scheduled.end > now:
        found = every.following(now, enough, within=promotion.scheduled)
        if found:
            return found
    if promotion.scheduled and every.always_open:
        # What was meant for a window does not start at any hour only because that one is over.
        for window in announced(ports, promotion.plan.project):
            if window.span.start > promotion.scheduled.start and (
                found := every.following(now, enough, within=window.span)
            ):
                return found
    return every.following(now, enough)


def in_line(ports: Ports, project: str) -> tuple[Waiting, ...]:
    """The promotions of a project that were approved and are not in yet, in the order in which they go in."""
    records = ports.journal.find(kind="promotion", project=project, status=Status.LIVE)
    waiting = [
        Waiting(record=record, promotion=Promotion.of(ports.journal.entries(about=record.id)))
        for record in records if record.stage in IN_LINE
    ]
    return _followers_behind(sorted(waiting, key=_turn))


def _followers_behind(waiting: list[Waiting]) -> tuple[Waiting, ...]:
    """The same line; what was made to follow another stands behind it, however soon it was approved."""
    known, line = {each.record.id: each for each in waiting}, dict[str, Waiting]()

    def take(each: Waiting) -> None:
        if (before := known.get(each.promotion.plan.after)) and before.record.id not in line:
            take(before)
        line.setdefault(each.record.id, each)

    for each in waiting:
        take(each)
    return tuple(line.values())


def _turn(waiting: Waiting) -> tuple[bool, datetime, datetime]:
    p = waiting.promotion
    return not waiting.running, p.planned or p.lined_up or p.requested_at, p.lined_up or p.requested_at


def ahead(waiting: Iterable[Waiting], record: str) -> tuple[Waiting, ...]:
    """Those before this one."""
    before: list[Waiting] = []
    for each in waiting:
        if each.record.id == record:
            break
        before.append(each)
    return tuple(before)


def place_in_line(number: int, after: str) -> str:
    """`2nd in line after P-30`."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending} in line" + (f" after {after}" if after else "")


def queue(ports: Ports, project: str) -> tuple[Queued, ...]:
    """The line as people read it."""
    lined: list[Queued] = []
    for number, each in enumerate(in_line(ports, project), start=1):
        p = each.promotion
        lined.append(Queued(
            id=each.record.id, project=project, by=p.requested_by, files=tuple(file.label for file in p.plan.files),
            place="going in now" if each.running else place_in_line(number, lined[-1].id if lined else ""),
            opens=p.planned, likely=likely(ports, p), risks=(*p.plan.risks, *p.plan.unread), running=each.running,
        ))
    early = (
        (record, Promotion.of(ports.journal.entries(about=record.id)))
        for record in ports.journal.find(kind="promotion", project=project, status=Status.LIVE)
        if record.stage in ("gates", "approval")
    )
    lined += [
        Queued(
            id=record.id, project=project, by=p.requested_by, files=tuple(file.label for file in p.plan.files),
            place="not approved yet", opens=p.scheduled.start, likely=likely(ports, p),
            risks=(*p.plan.risks, *p.plan.unread),
        )
        for record, p in early if p.scheduled
    ]
    return tuple(lined)


def outlook(ports: Ports, project: str, ahead: timedelta = TWO_WEEKS) -> Outlook:
    """The next two weeks of a project."""
    now = ports.clock.now()
    every = calendar(ports, project)
    until = now + ahead
    openings = tuple(span for span in every.openings(now - BEFORE, until) if span.end > now)
    return Outlook(
        project=project, since=now, until=until, openings=openings, always_open=every.always_open,
        announced=announced(ports, project), closures=every.closed(now, until), queue=queue(ports, project),
        quietest=quietest(ports, project, every, now),
    )


def choices(ports: Ports, project: str) -> tuple[tuple[Span, str], ...]:
    """The openings of the next two weeks that a promotion can be put into, each with the window's record, if any."""
    now, every = ports.clock.now(), calendar(ports, project)
    own = {window.span.start: window for window in announced(ports, project)}
    found: dict[datetime, tuple[Span, str]] = {
        span.start: (span, own[span.start].id if span.start in own else "")
        for span in every.openings(now - BEFORE, now + TWO_WEEKS) if not every.always_open and span.end > now
    }
    for window in own.values():
        if window.span.end > now and every.following(now, within=window.span):
            found.setdefault(window.span.start, (window.span, window.id))
    return tuple(found[start] for start in sorted(found))


def closed_within(ports: Ports, project: str, span: Span) -> Closure | None:
    """The freeze or holiday that takes the rest of a span away."""
    every, now = calendar(ports, project), ports.clock.now()
    return None if every.following(now, within=span) else every.closed_at(max(now, span.start))


def closed_now(ports: Ports, project: str, promotion: str = "") -> Closure | None:
    """The freeze or holiday that stands for a project, or for one promotion of it, now."""
    return calendar(ports, project, promotion).closed_at(ports.clock.now())


def quietest(ports: Ports, project: str, every: Calendar, now: datetime) -> datetime | None:
    """The quietest hour of the next two days at which promotions may start; None while too little was measured."""
    hours = activity.quiet_hours(ports.shelves, project)
    start = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    candidates = [start + timedelta(hours=ahead) for ahead in range(48)]
    open_ = [
        hour for hour in candidates
        if hour.hour in hours and every.always_open | any(
            span.holds(hour) for span in every.openings(hour - BEFORE, hour + timedelta(hours=1))
        ) and not every.closed_at(hour)
    ]
    return min(open_, key=lambda hour: (hours[hour.hour], hour), default=None)
