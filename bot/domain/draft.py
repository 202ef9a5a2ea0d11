"""The report of an incident while it is written: by whom, until when, what people filled in, what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.entry import Entry
from bot.domain.values import integer, moment, texts

FIELDS: Mapping[str, tuple[str, str]] = {
    "summary": ("Summary", "What happened, in three sentences that anybody understands"),
    "impact": ("Impact", "Who noticed what, for how long; numbers where there are any"),
    "root_cause": ("Root cause", "What went wrong? Why did staging not catch it? Which assumptions were incorrect?"),
    "actions_taken": ("Actions taken", "What was done that the timeline does not say by itself"),
    "went_well": ("What went well", "What helped, and should stay as it is"),
    "went_badly": ("What went badly", "What cost time, and what was luck"),
    "lessons": ("Lessons learned", "What the runbook should say from now on"),
}
"""What only people know, by key: its heading, and the question that it answers."""

SUMMED_UP = ("summary", "impact", "actions_taken")
"""Fields for which the journal has something to say when nobody filled them."""


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A field as somebody filled it last."""

    text: str
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A preventive measure: who does what until when. `assertion` is SQL that every later promotion runs as a gate."""

    id: str
    incident: str
    text: str
    owner: str = ""
    due: datetime | None = None
    assertion: str = ""
    added_by: str = ""
    added_at: datetime | None = None
    done_at: datetime | None = None
    done_by: str = ""
    reminded: tuple[str, ...] = ()
    issue: str = ""
    accepted_by: str = ""
    """The approver who let its assertion run; nobody's runs before."""
    withdrawn: str = ""
    """Why its assertion is not run any more."""


@dataclass(frozen=True, kw_only=True)
class Edition:
    """A published version: its bytes by their hash, in each form, and which entries it was made of."""

    number: int
    at: datetime
    by: str
    through: int
    seq: int
    """The entry that published it."""
    forms: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Folded from the entries of an incident, in order; other kinds change nothing."""

    owner: str = ""
    due: datetime | None = None
    begun: datetime | None = None
    zone: str = "UTC"
    """The owner's time zone, as Slack had it when they became it: their night is theirs."""
    reminded: tuple[str, ...] = ()
    overdue_told: bool = False
    filled: Mapping[str, Filled] = field(default_factory=dict)
    measures: tuple[Measure, ...] = ()
    editions: tuple[Edition, ...] = ()
    exported: Mapping[int, str] = field(default_factory=dict)
    """Where each version was written to, or why not, by its number."""
    failed: Mapping[int, int] = field(default_factory=dict)
    """How often writing a version elsewhere failed."""
    canvas: str = ""
    canvas_url: str = ""
    """The canvas in which people write it, where Slack has one; nothing where it has none or it is gone."""

    @property
    def published(self) -> Edition | None:
        return self.editions[-1] if self.editions else None

    def measure(self, id: str) -> Measure | None:
        return next((measure for measure in self.measures if measure.id == id), None)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Draft:
        return cls().after(entries)

    def after(self, entries: Iterable[Entry]) -> Draft:
        """The draft as these further entries leave it."""
        draft = self
        for entry in entries:
            if fold := _FOLDS.get(entry.kind):
                draft = fold(draft, entry)
        return draft


def _begun(d: Draft, e: Entry) -> Draft:
    """The clock starts; a second resolution starts it anew."""
    return replace(
        d, owner=d.owner or str(e.data.get("owner", "")), due=moment(e.data.get("due")), begun=e.at, reminded=(),
        overdue_told=False, zone=str(e.data.get("zone") or "UTC"),
    )


def _owner(d: Draft, e: Entry) -> Draft:
    return replace(d, owner=str(e.data["person"]), zone=str(e.data.get("zone") or "UTC"))


def _reminded(d: Draft, e: Entry) -> Draft:
    overdue = d.overdue_told or e.data.get("overdue") is True
    return replace(d, reminded=(*d.reminded, *texts(e.data.get("which"))), overdue_told=overdue)


def _field(d: Draft, e: Entry) -> Draft:
    name, text = str(e.data["field"]), str(e.data["text"]).strip()
    if name not in FIELDS:
        return d
    filled = {key: value for key, value in d.filled.items() if key != name}
    return replace(d, filled=filled | ({name: Filled(text=text, by=e.actor, at=e.at)} if text else {}))


def _published(d: Draft, e: Entry) -> Draft:
    forms = e.data.get("forms")
    edition = Edition(
        number=len(d.editions) + 1, at=e.at, by=e.actor, seq=e.seq, through=integer(e.data.get("through")),
        forms={key: str(value) for key, value in forms.items()} if isinstance(forms, dict) else {},
    )
    return replace(d, editions=(*d.editions, edition))


def _exported(d: Draft, e: Entry) -> Draft:
    number = integer(e.data.get("version"))
    if e.data.get("well") is False:
        return replace(d, failed={**d.failed, number: d.failed.get(number, 0) + 1})
    return replace(d, exported={**d.exported, number: str(e.data.get("said", ""))})


def _canvas(d: Draft, e: Entry) -> Draft:
    return replace(d, canvas=str(e.data["id"]), canvas_url=str(e.data["url"]))


def _canvas_gone(d: Draft, e: Entry) -> Draft:
    return replace(d, canvas="", canvas_url="")


def _added(d: Draft, e: Entry) -> Draft:
    id = str(e.data["id"])
    if d.measure(id):
        return d
    measure = Measure(
        id=id, incident=e.about, text=str(e.data["text"]), owner=str(e.data.get("owner") or ""),
        due=moment(e.data.get("due")), assertion=str(e.data.get("assertion") or ""), added_by=e.actor, added_at=e.at,
    )
    return replace(d, measures=(*d.measures, measure))


def _done(d: Draft, e: Entry) -> Draft:
    return _measured(d, e, lambda m: m if m.done_at else replace(m, done_at=e.at, done_by=e.actor))


def _nudged(d: Draft, e: Entry) -> Draft:
    return _measured(d, e, lambda m: replace(m, reminded=(*m.reminded, *texts(e.data.get("which")))))


def _issue(d: Draft, e: Entry) -> Draft:
    return _measured(d, e, lambda m: replace(m, issue=str(e.data["url"])))


def _accepted(d: Draft, e: Entry) -> Draft:
    return _measured(d, e, lambda m: replace(m, accepted_by=m.accepted_by or e.actor))


def _withdrawn(d: Draft, e: Entry) -> Draft:
    return _measured(d, e, lambda m: replace(m, withdrawn=str(e.data["why"])))


def _measured(d: Draft, e: Entry, change: Callable[[Measure], Measure]) -> Draft:
    id = str(e.data.get("id", ""))
    return replace(d, measures=tuple(change(each) if each.id == id else each for each in d.measures))



_FOLDS: Mapping[str, Callable[[Draft, Entry], Draft]] = {
    "report.begun": _begun,
    "report.owner": _owner,
    "report.reminded": _reminded,
    "report.field": _field,
    "report.published": _published,
    "report.exported": _exported,
    "report.canvas": _canvas,
    "report.canvas_gone": _canvas_gone,
    "action.added": _added,
    "action.done": _done,
    "action.reminded": _nudged,
    "action.issue": _issue,
    "action.accepted": _accepted,
    "action.withdrawn": _withdrawn,
}
DRAFTED = tuple(_FOLDS)
"""The kinds of entries that change a draft."""
