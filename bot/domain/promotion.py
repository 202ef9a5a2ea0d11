"""A promotion: everything its entries add up to. Staging runs are promotions with another runbook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain import applying, rows_back, shown, turn, voting
from bot.domain.backup import HELD_KINDS, Held, held
from bot.domain.carried import Carried
from bot.domain.course import STEPS, Course
from bot.domain.emergency import EMERGENCY, Emergency
from bot.domain.entry import Entry, Json
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.risks import Unread
from bot.domain.rolling_back import ROLLING, TAKEN, Rolling, TakenBack
from bot.domain.rows_back import RowsBack
from bot.domain.shown import Shown
from bot.domain.turn import Turn
from bot.domain.voting import Voting
from bot.domain.watching import STEPS as WATCH_STEPS
from bot.domain.watching import Watched


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a promotion ended: done, rejected, cancelled, expired, refused, failed or unverified; and in which words."""

    verdict: str
    why: str
    at: datetime
    by: str


@dataclass(frozen=True, kw_only=True)
class Promotion(Voting, Turn, Shown, RowsBack):
    """One run of a plan, folded from its entries in order."""

    id: str
    kind: str
    plan: Plan
    requested_by: str
    requested_at: datetime
    terms: Mapping[str, Json] = field(default_factory=dict)
    watch_until: datetime | None = None
    watched: str = ""
    looks: Watched = field(default_factory=Watched)
    ending: Ending | None = None
    takes_back: Mapping[str, Json] = field(default_factory=dict)
    """Set where a version is staged anew: what of it is on staging, and the proven way back from that."""
    rolling: Rolling | None = None
    """Set where the record is a rollback: what it takes back."""
    emergency: Emergency | None = None
    on_behalf: str = ""
    """The rollback that had this staging run begun."""
    taken_back: TakenBack | None = None
    """The newest rollback of this promotion."""
    backup: Held | None = None
    """The dump that is taken before it begins."""
    course: Course = field(default_factory=Course)

    @property
    def remaining(self) -> tuple[PlannedFile, ...]:
        """The files of the plan that are not in yet, in order."""
        return tuple(file for file in self.plan.files if file.version not in self.committed)

    @property
    def expected_head(self) -> str | None:
        """The approved head plus our own committed prefix: what the history must end with before the next file."""
        done = [file.version for file in self.plan.files if file.version in self.committed]
        return done[-1] if done else self.plan.head

    @property
    def unshown(self) -> tuple[tuple[PlannedFile, Unread], ...]:
        """What runs but cannot be read, and of which no staging run of these bytes has shown that it is harmless."""
        well = {(version, ran.line) for version, own in self.ran.items() for ran in own if ran.harmless}
        return tuple(
            (file, each) for file in self.plan.files for each in file.unread if (file.version, each.line) not in well
        )

    @property
    def destroys(self) -> bool:
        """Whether it counts as destroying data or opening access, so that more people have to approve."""
        return bool(self.plan.risks or self.lost or self.unshown)

    @property
    def so_far(self) -> Promotion:
        """The same with a plan of what is in; for what is done with it where the rest stopped."""
        files = tuple(file for file in self.plan.files if file.version in self.committed)
        return replace(self, plan=replace(self.plan, files=files)) if self.course.stopped else self

    @property
    def where(self) -> str:
        return "production" if self.plan.environment is Environment.PRODUCTION else "staging"

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Promotion:
        """Fold entries, oldest first; kinds that this release does not know are passed over.

        Raises ValueError when the entries do not begin with the request.
        """
        rest = iter(entries)
        first = next(rest, None)
        if first is None:
            raise ValueError("a promotion without a request")
        return _requested(first).after(rest)

    def after(self, entries: Iterable[Entry]) -> Promotion:
        """The promotion as these further entries leave it."""
        promotion = self
        for entry in entries:
            if fold := _FOLDS.get(entry.kind):
                promotion = fold(promotion, entry)
        return promotion


def _requested(entry: Entry) -> Promotion:
    plan, terms = entry.data.get("plan"), entry.data.get("terms")
    if entry.kind != "promotion.requested" or not isinstance(plan, dict):
        raise ValueError(f"{entry.about} does not begin with its request")
    resumes = entry.data.get("resumes")
    words = Carried.from_json(resumes.get("carried") if isinstance(resumes, dict) else None)
    return Promotion(
        id=entry.about,
        kind=str(entry.data["kind"]),
        plan=Plan.from_json(plan),
        requested_by=words.asked_by or entry.actor,
        approvals=words.approvals, ticks=words.ticks, waivers=words.waivers, course=Course.of(entry.data),
        requested_at=entry.at,
        terms=terms if isinstance(terms, dict) else {},
        restores=str(entry.data.get("restores", "")),
        takes_back=back if isinstance(back := entry.data.get("takes_back"), dict) else {},
        rolling=Rolling.from_json(rolling) if isinstance(rolling := entry.data.get("rolling"), dict) else None,
        emergency=Emergency.of(entry),
        on_behalf=str(entry.data.get("for", "")),
    )


def _watching(p: Promotion, e: Entry) -> Promotion:
    return replace(p, watch_until=datetime.fromisoformat(str(e.data["until"])), looks=p.looks.after(e))


def _watched(p: Promotion, e: Entry) -> Promotion:
    return replace(p, watched=str(e.data["said"]))


def _looks(p: Promotion, e: Entry) -> Promotion:
    said = str(e.data["said"]) if "said" in e.data else p.watched
    return replace(p, looks=p.looks.after(e), watched=said)


def _backup(p: Promotion, e: Entry) -> Promotion:
    return replace(p, backup=held(p.backup, e))


def _course(p: Promotion, e: Entry) -> Promotion:
    return replace(p, course=p.course.after(e))


def _ended(p: Promotion, e: Entry) -> Promotion:
    ending = Ending(verdict=str(e.data["verdict"]), why=str(e.data.get("why", "")), at=e.at, by=e.actor)
    return replace(p, ending=p.ending or ending)


def _rolling(p: Promotion, e: Entry) -> Promotion:
    """What happens to a rollback; its words are the approvals, and a new plan takes them away."""
    plan = e.data.get("plan")
    if p.rolling is None or (e.kind == "rollback.word" and plan != p.plan.digest):
        return p
    rolling = ROLLING[e.kind](p.rolling, e)
    anew = Plan.from_json(plan) if isinstance(plan, dict) else p.plan
    return replace(p, plan=anew, rolling=rolling, approvals={word.by: word.at for word in rolling.words})


def _emergency(p: Promotion, e: Entry) -> Promotion:
    return replace(p, emergency=EMERGENCY[e.kind](p.emergency, e)) if p.emergency else p


def _taken_back(p: Promotion, e: Entry) -> Promotion:
    return replace(p, taken_back=TAKEN[e.kind](p.taken_back, e))


def _rows_moved(p: Promotion, e: Entry) -> Promotion:
    """What was approved is not what there is by now: the same people are asked again."""
    return replace(p, kept_rows=e.data, restoring=False, tries=0, approvals={})


_FOLDS: Mapping[str, Callable[[Promotion, Entry], Promotion]] = {
    **applying.FOLDS, **voting.FOLDS, **turn.FOLDS, **shown.FOLDS, **rows_back.FOLDS,
    "watch.begun": _watching,
    "watch.seen": _watched,
    "walk.ended": _ended, "rows.moved": _rows_moved,
    **dict.fromkeys(EMERGENCY, _emergency), **dict.fromkeys(ROLLING, _rolling), **dict.fromkeys(TAKEN, _taken_back),
    **dict.fromkeys(WATCH_STEPS, _looks),
    **dict.fromkeys(HELD_KINDS, _backup),
    **dict.fromkeys(STEPS, _course),
}
