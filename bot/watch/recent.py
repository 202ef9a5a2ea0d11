"""Promotions that may be to blame, and records of ours that stand still, as the journal has them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from bot.domain.entry import Json
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.domain.scene import Recent, Standing
from bot.domain.values import texts
from bot.errors import Unknown
from bot.evidence import changes
from bot.evidence.gathering import staged
from bot.migrations.catalog.diff import differences
from bot.ports import Put
from bot.world import Ports

NEWEST = 8
"""How many records of a kind are looked at: what is older has been followed by others."""

TOUCHED = "touched"
STANDS = timedelta(hours=24)


def recent(ports: Ports, project: str) -> tuple[Recent, ...]:
    """The newest promotions that put something into production, those that failed half-way included."""
    found = []
    for record, promotion in _newest(ports, project, "promotion"):
        if promotion.committed:
            since = min(each.at for each in promotion.committed.values())
            watch = ports.projects[project].policy.watch
            until = promotion.watch_until or since + watch.duration
            live = record.status is Status.LIVE
            found.append(Recent(
                id=record.id, since=since, until=max(until, ports.clock.now()) if live else until,
                touched=touched(ports, promotion),
            ))
    return tuple(found)


def touched(ports: Ports, promotion: Promotion) -> tuple[str, ...]:
    """The names of what a promotion changed, as its staging runs saw it; nothing where Stagedoor saw none."""
    if kept := ports.shelves.get(TOUCHED, promotion.id):
        return texts(kept.get("names"))
    runs = staged(ports.shelves, promotion.plan)
    names: dict[str, None] = {}
    for file in promotion.plan.files:
        run = runs.get(file.version)
        if run and run.sha256 == file.sha256:
            try:
                seen = changes.seen(run, ports.shelves)
            except Unknown:
                continue
            names |= dict.fromkeys(each.key[1].lower() for each in differences(*seen)) if seen else {}
    ports.shelves.put([Put(shelf=TOUCHED, key=promotion.id, doc={"names": list[Json](names)})])
    return tuple(names)


def standing(ports: Ports, project: str) -> tuple[Standing, ...]:
    """Records that changed production, stopped, and were not followed by one that went well."""
    found: list[Standing] = []
    now = ports.clock.now()
    for record, promotion in _newest(ports, project, "promotion"):
        if promotion.taken_back and promotion.taken_back.done:
            continue
        ending, course = promotion.ending, promotion.course
        changed = promotion.changed_something or promotion.may_have_changed
        if ending and ending.verdict == "done":
            found.clear()
        elif course.stopped and not course.resumed_as and (ending is None or now - ending.at < STANDS):
            since = max(each.at for each in promotion.committed.values())
            found.append(Standing(id=record.id, kind="promotion", said=_half(promotion), since=since))
        elif ending and not course.resumed_as and changed and now - ending.at < STANDS:
            found.append(Standing(id=record.id, kind="promotion", said=_half(promotion), since=ending.at))
    return (*found, *_rollbacks(ports, project))


def _rollbacks(ports: Ports, project: str) -> Iterable[Standing]:
    """Rollbacks that wait for somebody's word."""
    for record in ports.journal.find(kind="rollback", project=project, status=Status.LIVE):
        if record.stage == "approval":
            since = next((entry.at for entry in ports.journal.entries(about=record.id)), ports.clock.now())
            said = f"it waits for {record.waits_for or 'an approval'}."
            yield Standing(id=record.id, kind="rollback", said=said, since=since)


def _half(promotion: Promotion) -> str:
    done, all_ = len(promotion.committed), len(promotion.plan.files)
    what = f"{done} of {all_} files are in production" if promotion.changed_something else "production may have changed"
    why = promotion.ending.why if promotion.ending else promotion.failure.why if promotion.failure else ""
    return f"{what}. {why}".strip()


def _newest(ports: Ports, project: str, kind: str) -> list[tuple[Record, Promotion]]:
    """The newest records of a kind, oldest first."""
    records = ports.journal.find(kind=kind, project=project, limit=1_000_000)[-NEWEST:]
    return [(record, Promotion.of(ports.journal.entries(about=record.id))) for record in records]
