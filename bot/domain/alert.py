"""An alert: everything its entries add up to, and the counters that stand beside the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.entry import Entry, Fact, Json, Opening
from bot.domain.signal import Cause, Level, Signal, Wakes
from bot.domain.values import integer, texts

KIND, SERIES, FIRST = "alert", "A", "open"
RATE = "rate:"
"""How the keys of alerts begin that are about a service's failing requests."""

COUNTERS = "alert-counters"
"""The shelf of the counters, by record."""


@dataclass(frozen=True, kw_only=True)
class Counters:
    """How often it happened and when; `seen` is when a rule spoke of it last, `rate` events a minute of late.

    `said` and `top` are what the rule says now of a state; empty for what only happens more often.
    """

    count: int
    first: datetime
    last: datetime
    seen: datetime
    rate: float = 0.0
    trend: str = ""
    said: str = ""
    top: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        return {
            "count": self.count, "first": self.first.isoformat(), "last": self.last.isoformat(),
            "seen": self.seen.isoformat(), "rate": self.rate, "trend": self.trend,
            "said": self.said, "top": list(self.top),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Counters:
        first, last, seen = (datetime.fromisoformat(str(data[name])) for name in ("first", "last", "seen"))
        rate = data.get("rate")
        return cls(
            count=integer(data["count"]), first=first, last=last, seen=seen,
            rate=float(rate) if isinstance(rate, int | float) else 0.0, trend=str(data.get("trend", "")),
            said=str(data.get("said", "")), top=texts(data.get("top", [])),
        )

    def after(self, signal: Signal, now: datetime, rate: float | None = None, trend: str = "") -> Counters:
        """The counters once this signal was seen."""
        return replace(
            self, count=max(self.count, signal.count) if not signal.state else signal.count,
            first=min(self.first, signal.first), last=max(self.last, signal.last), seen=now,
            rate=self.rate if rate is None else round(rate, 2), trend=trend, said=signal.said if signal.state else "",
            top=signal.top if signal.state else (),
        )

    def counting(self, total: int, now: datetime) -> Counters:
        """The counters once there were so many in all."""
        return replace(self, count=max(self.count, total), last=now, seen=now)


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert, folded from its entries in order."""

    id: str
    project: str
    key: str
    rule: str
    title: str
    said: str
    level: Level
    at: datetime
    raised: Counters
    cause: Cause | None = None
    wakes: Wakes | None = None
    evidence: tuple[str, ...] = ()
    attach: str = ""
    """SHA-256 of a file's text for the thread, by which it was kept."""
    state: bool = False
    keeps: bool = False
    fingerprint: str = ""
    top: tuple[str, ...] = ()
    before: str = ""
    """The alert about the same thing before this one."""
    acknowledged: tuple[str, datetime] | None = None
    acknowledged_count: int = 0
    muted_until: datetime | None = None
    muted_by: str = ""
    called_at: datetime | None = None
    """When on-call was mentioned."""
    paged: bool = False
    page_trouble: str = ""
    page_acknowledged: bool = False
    doubled: int = 0
    """The count at which its doubling was told last."""
    pictured: bool = False
    over: bool = False
    """Whether somebody or something said that what it is about is over."""
    ended: datetime | None = None

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Alert:
        """Fold entries, oldest first. Raises ValueError when they do not begin with the raising."""
        rest = iter(entries)
        first = next(rest, None)
        if first is None or first.kind != "alert.raised":
            raise ValueError("an alert that was never raised")
        alert = _raised(first)
        for entry in rest:
            if fold := _FOLDS.get(entry.kind):
                alert = fold(alert, entry)
        return alert

    @property
    def called(self) -> bool:
        return self.called_at is not None

    @property
    def of_logs(self) -> bool:
        """Whether the logs tell of it, so that only logs that were read can say that it is over."""
        return bool(self.fingerprint) or self.key.startswith(RATE)

    @property
    def stands(self) -> str:
        """The record that stands still, where this alert is about one."""
        return self.key.removeprefix("stands:") if self.key.startswith("stands:") else ""

    def muted(self, now: datetime) -> bool:
        return self.muted_until is not None and now < self.muted_until


def raised(record: str, project: str, signal: Signal, now: datetime, before: str = "") -> Fact:
    """The fact that opens an alert."""
    counters = Counters(count=signal.count, first=signal.first, last=signal.last, seen=now)
    return Fact(
        about=record, kind="alert.raised", actor="stagedoor",
        data={
            "project": project, "key": signal.key, "rule": signal.rule, "title": signal.title, "said": signal.said,
            "level": str(signal.level), "counters": counters.to_json(), "state": signal.state, "keeps": signal.keeps,
            "cause": signal.cause.to_json() if signal.cause else None, "wakes": str(signal.wakes or ""),
            "evidence": list(signal.evidence), "attach": signal.attach, "fingerprint": signal.fingerprint,
            "top": list(signal.top), "before": before,
        },
        opens=Opening(kind=KIND, project=project, stage=FIRST),
    )


def quiet_for(alert: Alert, counters: Counters, now: datetime) -> timedelta:
    """How long nothing was seen of it: of a state since it was last so, of events since the last one."""
    return now - (counters.seen if alert.state else max(counters.last, alert.at))


def _raised(e: Entry) -> Alert:
    d, cause, counters = e.data, e.data.get("cause"), e.data["counters"]
    assert isinstance(counters, dict)
    return Alert(
        id=e.about, project=str(d["project"]), key=str(d["key"]), rule=str(d["rule"]), title=str(d["title"]),
        said=str(d["said"]), level=Level(str(d["level"])), at=e.at, raised=Counters.from_json(counters),
        cause=Cause.from_json(cause) if isinstance(cause, dict) else None,
        wakes=Wakes(str(d["wakes"])) if d.get("wakes") else None, evidence=texts(d.get("evidence", [])),
        attach=str(d.get("attach", "")), state=bool(d.get("state")), keeps=bool(d.get("keeps")),
        fingerprint=str(d.get("fingerprint", "")), top=texts(d.get("top", [])), before=str(d.get("before", "")),
    )


def _acknowledged(a: Alert, e: Entry) -> Alert:
    if a.acknowledged:
        return a
    return replace(a, acknowledged=(e.actor, e.at), acknowledged_count=integer(e.data.get("count", 0)))


def _muted(a: Alert, e: Entry) -> Alert:
    return replace(a, muted_until=datetime.fromisoformat(str(e.data["until"])), muted_by=e.actor)


def _called(a: Alert, e: Entry) -> Alert:
    return replace(a, called_at=a.called_at or e.at)


def _paged(a: Alert, e: Entry) -> Alert:
    return replace(a, paged=True, page_trouble="")


def _unpaged(a: Alert, e: Entry) -> Alert:
    return replace(a, page_trouble=str(e.data["why"]))


def _page_acknowledged(a: Alert, e: Entry) -> Alert:
    return replace(a, page_acknowledged=True)


def _doubled(a: Alert, e: Entry) -> Alert:
    return replace(a, doubled=integer(e.data["count"]))


def _pictured(a: Alert, e: Entry) -> Alert:
    return replace(a, pictured=True)


def _over(a: Alert, e: Entry) -> Alert:
    return replace(a, over=True)


def _ended(a: Alert, e: Entry) -> Alert:
    return replace(a, ended=a.ended or e.at)


_FOLDS: Mapping[str, Callable[[Alert, Entry], Alert]] = {
    "alert.acknowledged": _acknowledged,
    "alert.muted": _muted,
    "alert.called": _called,
    "alert.paged": _paged,
    "alert.page_failed": _unpaged,
    "alert.page_acknowledged": _page_acknowledged,
    "alert.doubled": _doubled,
    "alert.pictured": _pictured,
    "alert.over": _over,
    "walk.ended": _ended,
}
