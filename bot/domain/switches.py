"""Stop the bleeding, as the journal has it: flags that were turned and code deployments that were taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from bot.domain.entry import Entry, Json
from bot.domain.values import moment, texts


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A flag that was turned, or (`flag` is empty) a code deployment that was taken back.

    `state` is asked, acting, following (the other side works on it), in_force, manual (a person has to do it)
    or failed. `answer` is what the other side said, `way_back` how it is undone.
    """

    id: str
    flag: str
    to: str
    kind: str
    by: str
    at: datetime
    state: str = "asked"
    answer: str = ""
    before: str = ""
    follows: Mapping[str, Json] = field(default_factory=dict)
    in_force_at: datetime | None = None
    way_back: str = ""
    steps: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        return self.state in ("asked", "acting", "following")


@dataclass(frozen=True, kw_only=True)
class Switches:
    """Part of an incident: what was switched for it."""

    switches: tuple[Switch, ...] = ()


S = TypeVar("S", bound=Switches)


def _asked(i: S, e: Entry) -> S:
    """A second wish for what a flag is, or is being, turned to is the same; what failed may be tried again."""
    flag, to = str(e.data.get("flag", "")), str(e.data.get("to", ""))
    last = next((each for each in reversed(i.switches) if each.flag == flag), None)
    if last and last.to == to and last.state not in ("failed", "unknown"):
        return i
    switch = Switch(id=e.id, flag=flag, to=to, kind=str(e.data.get("kind", "manual")), by=e.actor, at=e.at)
    return replace(i, switches=(*i.switches, switch))


def _acting(i: S, e: Entry) -> S:
    return _switch(i, e, state="acting")


def _following(i: S, e: Entry) -> S:
    follows = e.data.get("follows")
    return _switch(
        i, e, state="following", answer=str(e.data.get("answer", "")), before=str(e.data.get("before", "")),
        way_back=str(e.data.get("way_back", "")), follows=follows if isinstance(follows, dict) else {},
    )


def _switched(i: S, e: Entry) -> S:
    if any(each.id == e.data.get("switch") and each.state == "in_force" for each in i.switches):
        return i    # two people did it by hand at once
    in_force = moment(e.data.get("in_force_at"))
    steps = texts(e.data.get("steps"))
    state = str(e.data.get("state") or ("in_force" if in_force else "manual" if steps else "failed"))
    return _switch(
        i, e, state=state, answer=str(e.data.get("answer", "")), in_force_at=in_force, steps=steps,
        way_back=str(e.data.get("way_back", "")), before=str(e.data.get("before", "")),
    )


def _switch(i: S, e: Entry, **changes: Any) -> S:
    named = str(e.data.get("switch", ""))
    changed = {name: value for name, value in changes.items() if value not in ("", ())}
    return replace(i, switches=tuple(
        replace(each, **changed) if each.id == named else each for each in i.switches
    ))


class Fold(Protocol):
    """What one kind of entry makes of an incident."""

    def __call__(self, i: S, e: Entry, /) -> S: ...


FOLDS: Final[Mapping[str, Fold]] = {
    "incident.switch_asked": _asked,
    "incident.switching": _acting,
    "incident.following": _following,
    "incident.switched": _switched,
    "incident.reverted": _switched,
}
