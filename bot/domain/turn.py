"""When a promotion goes in: its place in the line, the window it waits for, and who is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol, TypeVar

from bot.domain.entry import Entry
from bot.domain.window import Span


@dataclass(frozen=True, kw_only=True)
class RunNow:
    """A start outside of the windows: who asked for it and why; it counts once an approver gave it."""

    asked_by: str
    reason: str
    given_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Part of a promotion: what it waits for."""

    lined_up: datetime | None = None
    """Since when it has all that it needs and waits for its turn."""
    planned: datetime | None = None
    """The opening that it waits for, once it had to wait for one."""
    held: bool = False
    """Whether it had to wait while no opening was in sight."""
    scheduled: Span | None = None
    """The window that somebody put it into."""
    run_now: RunNow | None = None
    window_opens: datetime | None = None
    """The opening before which its people were asked to be there."""
    attended_by: str = ""

    @property
    def waited(self) -> bool:
        """Whether it starts later than its approval."""
        return self.held or self.planned is not None


T = TypeVar("T", bound=Turn)


def _moved(p: T, e: Entry) -> T:
    if e.data["to"] in ("gates", "approval"):
        return replace(p, lined_up=None)
    return replace(p, lined_up=p.lined_up or e.at) if e.data["to"] == "window" else p


def _planned(p: T, e: Entry) -> T:
    return replace(p, planned=datetime.fromisoformat(str(e.data["opens"])), window_opens=None, attended_by="")


def _held(p: T, e: Entry) -> T:
    return replace(p, held=True, planned=None, window_opens=None, attended_by="")


def _scheduled(p: T, e: Entry) -> T:
    opens, closes = (datetime.fromisoformat(str(e.data[name])) for name in ("opens", "closes"))
    return replace(p, scheduled=Span(start=opens, end=closes), run_now=None)


def _run_now_asked(p: T, e: Entry) -> T:
    return replace(p, run_now=RunNow(asked_by=e.actor, reason=str(e.data["reason"])))


def _run_now(p: T, e: Entry) -> T:
    asked_by = p.run_now.asked_by if p.run_now else e.actor
    return replace(p, run_now=RunNow(asked_by=asked_by, reason=str(e.data["reason"]), given_by=e.actor))


def _run_now_void(p: T, e: Entry) -> T:
    return replace(p, run_now=None)


def _window(p: T, e: Entry) -> T:
    return replace(p, window_opens=datetime.fromisoformat(str(e.data["opens"])), attended_by="")


def _attended(p: T, e: Entry) -> T:
    return replace(p, attended_by=p.attended_by or e.actor)


class Fold(Protocol):
    """What one kind of entry makes of a promotion."""

    def __call__(self, p: T, e: Entry, /) -> T: ...


FOLDS: Final[Mapping[str, Fold]] = {
    "walk.moved": _moved,
    "window.planned": _planned,
    "window.held": _held,
    "window.scheduled": _scheduled,
    "run_now.asked": _run_now_asked,
    "run_now.given": _run_now,
    "run_now.void": _run_now_void,
    "window.near": _window,
    "promotion.attended": _attended,
}
