"""What goes over from a promotion that stopped to the one that brings its rest: approvals, ticks and waivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.checklist import State
from bot.domain.entry import Json
from bot.domain.evidence import Tick, Waiver


@dataclass(frozen=True, kw_only=True)
class Carried:
    """People's words, each with its time; `asked_by` is who asked for the whole."""

    asked_by: str = ""
    approvals: Mapping[str, datetime] = field(default_factory=dict)
    ticks: Mapping[str, Tick] = field(default_factory=dict)
    waivers: Mapping[str, Waiver] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        return {
            "asked_by": self.asked_by,
            "approvals": {voter: at.isoformat() for voter, at in self.approvals.items()},
            "ticks": {label: {"by": tick.by, "at": tick.at.isoformat()} for label, tick in self.ticks.items()},
            "waivers": {
                gate: {"by": w.by, "at": w.at.isoformat(), "reason": w.reason, "state": str(w.state), "said": w.said}
                for gate, w in self.waivers.items()
            },
        }

    @classmethod
    def from_json(cls, data: Json) -> Carried:
        own = _dict(data)
        return cls(
            asked_by=str(own.get("asked_by", "")),
            approvals={voter: _moment(at) for voter, at in _dict(own.get("approvals")).items()},
            ticks={label: _tick(_dict(tick)) for label, tick in _dict(own.get("ticks")).items()},
            waivers={gate: _waiver(_dict(waiver)) for gate, waiver in _dict(own.get("waivers")).items()},
        )


def _tick(data: Mapping[str, Json]) -> Tick:
    return Tick(by=str(data["by"]), at=_moment(data["at"]))


def _waiver(data: Mapping[str, Json]) -> Waiver:
    return Waiver(
        by=str(data["by"]), at=_moment(data["at"]), reason=str(data["reason"]), state=State(str(data["state"])),
        said=str(data["said"]),
    )


def _dict(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _moment(value: Json) -> datetime:
    return datetime.fromisoformat(str(value))
