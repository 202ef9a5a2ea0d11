"""What a promotion's watch came to so far, and what it looks at in the database itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.entry import Entry, Json
from bot.domain.values import texts

NO_ERRORS, NO_SLOW, LOGS_UNSEEN = "no new errors in the logs", "no slow statements", "the logs"
"""What a look says when logs and statements are well, and how it begins to say that logs were not seen."""
KNOWN = 20

STEPS = ("watch.looked", "watch.alarm", "watch.visited")


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Spot checks of one table: nothing in it is a value. `rows` are counted up to a limit; None: not looked at.

    `keys` holds hashes of the lowest primary keys; the first `KNOWN` of them are kept, to be looked for later.
    """

    table: str
    rows: int | None = None
    guarded: bool = False
    """Whether row level security is on."""
    policies: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    """Foreign keys of which a sample found rows without their parent."""
    keys: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        return {
            "table": self.table, "rows": self.rows, "guarded": self.guarded, "policies": list(self.policies),
            "orphans": list(self.orphans), "keys": list(self.keys[:KNOWN]),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Spot:
        rows = data.get("rows")
        return cls(
            table=str(data["table"]), rows=rows if isinstance(rows, int) else None, guarded=bool(data.get("guarded")),
            policies=texts(data.get("policies")), orphans=texts(data.get("orphans")), keys=texts(data.get("keys")),
        )


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Part of a promotion, folded from its entries: `alarm` is the alert that the card links to."""

    begun: datetime | None = None
    close: float = 0.0
    """After how many seconds the first verdict is due."""
    first: datetime | None = None
    wrong: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    alarm: str = ""
    visited: int = 0

    def after(self, entry: Entry) -> Watched:
        match entry.kind:
            case "watch.begun":
                first = entry.data.get("first")
                return replace(self, begun=entry.at, close=float(first) if isinstance(first, int | float) else 0.0)
            case "watch.looked":
                wrong = tuple(dict.fromkeys((*self.wrong, *texts(entry.data.get("wrong")))))
                return replace(
                    self, first=self.first or entry.at, wrong=wrong, unseen=texts(entry.data.get("unseen")),
                )
            case "watch.alarm":
                return replace(self, alarm=self.alarm or str(entry.data["alert"]))
            case _:
                return replace(self, visited=self.visited + 1)


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look: what was seen to be well, what is wrong, and what could not be seen, each as a sentence."""

    seen: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    logs: datetime | None = None
    """Up to when the logs were read."""
    alert: str = ""
    """An alert that tells of it already."""

    @property
    def said(self) -> str:
        """All of it in one sentence; what went unseen never looks like a pass."""
        found = "; ".join(self.wrong) if self.wrong else f"nothing new: {', '.join(self.seen)}" if self.seen else ""
        unseen = f"not seen: {'; '.join(self.unseen)}" if self.unseen else ""
        return ". ".join(part[:1].upper() + part[1:] if at else part for at, part in enumerate(
            part for part in (found, unseen) if part
        ))

    def __add__(self, other: Look) -> Look:
        return Look(
            seen=(*self.seen, *other.seen), wrong=(*self.wrong, *other.wrong), unseen=(*self.unseen, *other.unseen),
            logs=other.logs or self.logs, alert=self.alert or other.alert,
        )


@dataclass(frozen=True, kw_only=True)
class Before:
    """What production was like before a promotion touched it."""

    connections: int = 0
    statements: Mapping[str, Json] = field(default_factory=dict)
    ran: Mapping[str, Json] | None = None
    """The statements right after it went in, its own among them."""
    spots: tuple[Spot, ...] = ()
    why: str = ""
    """Why it could not be looked at."""


def compared(before: Spot, now: Spot, *, after_apply: Spot | None = None) -> list[str]:
    """What is worse than it was, as sentences. What the migration itself did is part of `after_apply`."""
    base = after_apply or before
    found = []
    if base.rows and now.rows is not None and now.rows < base.rows / 2:
        found.append(f"{now.table} has {now.rows:,} rows, {base.rows:,} when the watch began")
    if lost := _lost(base, now):
        found.append(f"{now.table} has lost {lost} of the {len(base.keys)} rows that were checked when the watch began")
    if base.guarded and not now.guarded:
        found.append(f"row level security of {now.table} was switched off")
    if gone := sorted(set(base.policies) - set(now.policies)):
        found.append(f"{now.table} lost the polic{'y' if len(gone) == 1 else 'ies'} {', '.join(gone)}")
    found += [f"{now.table} has rows without their parent in {key}" for key in now.orphans if key not in before.orphans]
    return found


def _lost(base: Spot, now: Spot) -> int:
    """How many of the noted rows are gone, where that is most of them and fewer rows are there: a queue, whose oldest
    rows go while new ones come, is well."""
    gone = len(set(base.keys) - set(now.keys))
    fewer = base.rows is not None and now.rows is not None and now.rows < base.rows
    return gone if fewer and gone > len(base.keys) / 2 else 0
