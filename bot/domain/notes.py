"""What people wrote about an incident: messages and notes, with their edits, deletions and corrections.

Deliveries come in any order and more than once. A message is known by its place in Slack, and each version of it by
the moment that Slack gave it, so the same facts give the same notes whichever came first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.entry import Entry, Json

WRITTEN = ("incident.noted", "incident.edited", "incident.redacted", "incident.corrected", "incident.key")


@dataclass(frozen=True, kw_only=True, order=True)
class Version:
    """A text of a note: the entry whose erasable text it is, and the moment that it counts from (Slack's, or ours)."""

    stamp: str
    entry: str
    by: str


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A person's word about a note: another time, another text (the erasable text of `entry`), or both."""

    entry: str
    by: str
    made: datetime
    at: datetime | None
    text: bool


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A file that came with a message: its bytes in the blobs by `sha256`, empty while or because nobody has them."""

    id: str
    name: str
    kind: str
    sha256: str = ""
    why: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Kept:
        return cls(**{name: str(data.get(name, "")) for name in ("id", "name", "kind", "sha256", "why")})

    def to_json(self) -> dict[str, Json]:
        return {"id": self.id, "name": self.name, "kind": self.kind, "sha256": self.sha256, "why": self.why}


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something a person wrote. `ref` names it: `CHANNEL:TS` for a message of Slack's, the entry's id otherwise."""

    ref: str
    entry: str = ""
    at: datetime | None = None
    author: str = ""
    permalink: str = ""
    sources: frozenset[str] = frozenset()
    """Ways in which it got here: thread, shortcut, pin, command, mention."""
    by: frozenset[str] = frozenset()
    """Who brought it here."""
    files: tuple[Kept, ...] = ()
    versions: tuple[Version, ...] = ()
    """Every text that it had, oldest first."""
    deleted: bool = False
    """Whether the message was taken away in Slack."""
    marks: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    """Who called it a key moment, or took that back, and when they last did."""
    corrections: tuple[Correction, ...] = ()

    @property
    def moment(self) -> datetime:
        """When it happened, as last corrected."""
        corrected = [each.at for each in self.corrections if each.at is not None]
        assert self.at is not None
        return corrected[-1] if corrected else self.at

    @property
    def text_of(self) -> str:
        """The entry whose erasable text is what it says now; empty where the message was deleted."""
        corrected = [each.entry for each in self.corrections if each.text]
        if corrected:
            return corrected[-1]
        return "" if self.deleted or not self.versions else self.versions[-1].entry

    @property
    def earlier(self) -> tuple[str, ...]:
        """The entries of the texts that it had before, oldest first."""
        texts = [each.entry for each in self.versions] + [each.entry for each in self.corrections if each.text]
        return tuple(text for text in texts if text != self.text_of)

    @property
    def marked(self) -> frozenset[str]:
        """Who calls it a key moment."""
        return frozenset(person for person, (_, on) in self.marks.items() if on)

    @property
    def key(self) -> bool:
        return bool(self.marked)

    @property
    def edited(self) -> bool:
        return len(self.versions) > 1


@dataclass(frozen=True)
class Notes:
    """All notes of an incident by their ref, some of which nobody brought here yet (an edit may come first)."""

    by_ref: Mapping[str, Note] = field(default_factory=dict)

    def after(self, entries: Iterable[Entry]) -> Notes:
        """The notes as these entries leave them; other kinds change nothing."""
        by_ref = dict(self.by_ref)
        for entry in entries:
            if fold := _FOLDS.get(entry.kind):
                ref = ref_of(entry)
                by_ref[ref] = fold(by_ref.get(ref, Note(ref=ref)), entry)
        return Notes(by_ref)

    def in_order(self) -> tuple[Note, ...]:
        """Those that were brought here, by when they happened."""
        there = (note for note in self.by_ref.values() if note.sources)
        return tuple(sorted(there, key=lambda note: (note.moment, note.ref)))

    def __contains__(self, ref: object) -> bool:
        note = self.by_ref.get(str(ref))
        return note is not None and bool(note.sources)


def ref_of(entry: Entry) -> str:
    """Which note an entry is about."""
    if entry.kind == "incident.noted":
        return str(entry.data.get("message") or entry.id)
    return str(entry.data.get("entry", ""))


def _noted(note: Note, e: Entry) -> Note:
    at = datetime.fromisoformat(str(e.data["at"]))
    note = _text(note, e, str(e.data.get("version") or at.isoformat()), str(e.data.get("author", "")))
    return replace(
        note, entry=note.entry or e.id, at=at, author=str(e.data.get("author", "")),
        permalink=str(e.data.get("permalink", "")) or note.permalink,
        sources=note.sources | {str(e.data.get("source", ""))}, by=note.by | {e.actor},
        files=_files(note.files, e.data.get("files")),
    )


def _edited(note: Note, e: Entry) -> Note:
    note = _text(note, e, str(e.data.get("version") or e.at.isoformat()), e.actor)
    return replace(note, files=_files(note.files, e.data.get("files")))


def _text(note: Note, e: Entry, stamp: str, by: str) -> Note:
    """One more text, unless this very version is known: a pin and the thread bring the same one."""
    if any(version.stamp == stamp for version in note.versions):
        return note
    return replace(note, versions=tuple(sorted((*note.versions, Version(stamp=stamp, entry=e.id, by=by)))))


def _redacted(note: Note, e: Entry) -> Note:
    return replace(note, deleted=True)


def _corrected(note: Note, e: Entry) -> Note:
    at = e.data.get("at")
    correction = Correction(
        entry=e.id, by=e.actor, made=e.at, at=datetime.fromisoformat(str(at)) if at else None,
        text=bool(e.private_hash),
    )
    return replace(note, corrections=(*note.corrections, correction))


def _key(note: Note, e: Entry) -> Note:
    mark = str(e.data.get("stamp") or e.at.isoformat()), e.data.get("off") is not True
    return replace(note, marks={**note.marks, e.actor: max(mark, note.marks.get(e.actor, ("", False)))})


def _files(known: tuple[Kept, ...], told: Json) -> tuple[Kept, ...]:
    """The files by their id; one whose bytes are there replaces one without."""
    files = {each.id: each for each in known}
    for data in told if isinstance(told, list) else ():
        if isinstance(data, dict):
            new = Kept.from_json(data)
            old = files.get(new.id)
            files[new.id] = old if old and old.sha256 else new
    return tuple(files[each] for each in sorted(files))


_FOLDS = {
    "incident.noted": _noted, "incident.edited": _edited, "incident.redacted": _redacted,
    "incident.corrected": _corrected, "incident.key": _key,
}
