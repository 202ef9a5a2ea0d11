"""Which events count, and what of: an event of any source becomes a sighting, or nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from bot.domain.noise import DASHBOARD
from bot.domain.project import Environment
from bot.domain.sighting import DEDUPLICATED, Asked, Severity, Sighting, Source
from bot.sightings import others
from bot.sightings.marks import fingerprint, mark
from bot.sightings.messages import named, template
from bot.sightings.shapes import EPOCH, Metadata, Parsed, Wire, micros_of
from bot.sightings.statements import shape, shown, tables

AHEAD: Final = timedelta(seconds=60)
"""How far an event's clock may be ahead of ours before its time is not believed."""

SAMPLE: Final = 4000
BAD: Final = frozenset({"ERROR", "FATAL", "PANIC"})
_DURATION: Final = re.compile(r"duration: (\d{1,12}(?:\.\d{1,6})?) ms\s")
_SQL_OF: Final = re.compile(
    r"\A\s*(?:statement|(?:execute|parse|bind|fastpath)\s[^:\n]{0,100}|plan):\s+(?:Query Text:\s)?"
)
_BY_DASHBOARD: Final = "-- source: dashboard"
"""The comment that the dashboard's SQL editor puts behind what somebody typed."""

_PORT: Final = re.compile(r":\d{1,5}\Z")


@dataclass(slots=True)
class Seen:
    """What a batch came to."""

    sightings: list[Sighting]
    stale: int = 0
    """Events that lie too far back to be counted."""
    ahead: int = 0
    """Events whose clock is ahead of ours."""
    newest: datetime | None = None
    asked: Counter[tuple[str, Source, int]] = field(default_factory=Counter)
    """Requests by service, log and minute since 1970."""
    sources: set[Source] = field(default_factory=set)
    """Whose events there were, whether they count or not."""
    oldest: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Recogniser:
    """Knows an environment of a project: whose events they are, what is slow there, the key for addresses."""

    project: str
    environment: Environment
    slow_ms: int
    key: bytes

    def seen(self, events: Iterable[Wire], now: datetime) -> Seen:
        """The sightings among the events."""
        found = Seen([])
        newest, oldest, sources = 0.0, 0.0, found.sources
        for event in events:
            at = micros_of(event.timestamp)
            if at is None:
                continue
            if at > newest:
                newest = at
            if at < oldest or not oldest:
                oldest = at
            metadata = event.metadata
            if metadata is not None and (parsed := metadata.parsed) is not None:
                severity = parsed.error_severity
                sources.add(Source.POSTGRES)
                if severity in BAD or (severity == "LOG" and (event.event_message or "").startswith("duration: ")):
                    self._postgres(event, parsed, at, now, found)
            elif metadata is not None or event.event_message:
                self._other(event, metadata or _NOTHING, at, now, found)
        if newest:
            found.newest, found.oldest = min(now, _moment(newest)), min(now, _moment(oldest))
        return found

    def _postgres(self, event: Wire, parsed: Parsed, micros: float, now: datetime, found: Seen) -> None:
        at = self._believed(micros, now, found)
        if at is None:
            return
        message, state = _clean(event.event_message or ""), str(parsed.sql_state_code or "")[:5]
        sql = _clean(parsed.query or "")
        objects: tuple[str, ...] = named(message)
        if parsed.error_severity in BAD:
            severity, said = Severity(parsed.error_severity), template(state, message)
            parts: tuple[str, ...] = (severity, state, said)
        else:
            took = _DURATION.match(message)
            if took is None or float(took[1]) < self.slow_ms:
                return
            sql = sql or _SQL_OF.sub("", message[took.end():], count=1)
            severity, said, parts, state, objects = Severity.SLOW, shown(sql), ("slow", shape(sql)), "", ()
        found.sightings.append(Sighting(
            project=self.project, environment=self.environment, source=Source.POSTGRES, severity=severity,
            sqlstate=state, fingerprint=fingerprint(Source.POSTGRES, *parts), template=said, at=at,
            mark=self._mark(event), role=_clean(parsed.user_name or ""),
            application=_clean(parsed.application_name or ("" if _BY_DASHBOARD not in sql else DASHBOARD)),
            address=self._address(parsed.connection_from),
            session=_clean(parsed.session_id or ""), query=fingerprint("sql", shape(sql)) if sql else "",
            objects=tuple(dict.fromkeys((*objects, *(tables(sql) if sql else ())))),
            sample=_sample(message, parsed.detail, parsed.query),
        ))

    def _other(self, event: Wire, metadata: Metadata, micros: float, now: datetime, found: Seen) -> None:
        log = others.log_of(event, metadata)
        if source := others.SOURCES.get(log):
            found.sources.add(source)
        asked, trouble = others.asked(log, metadata), others.trouble(log, event, metadata)
        if asked is None and trouble is None:
            return
        at = self._believed(micros, now, found)
        if at is None:
            return
        if asked is not None:
            found.asked[(*asked, int(at.timestamp()) // 60)] += 1
        if trouble is None:
            return
        found.sightings.append(Sighting(
            project=self.project, environment=self.environment, source=trouble.source, severity=trouble.severity,
            fingerprint=fingerprint(trouble.source, *trouble.shape), template=_clean(trouble.template), at=at,
            mark=self._mark(event), address=self._address(trouble.address), objects=trouble.objects,
            sample=_sample(_clean(trouble.message), None, None),
        ))

    def asked(self, counts: Counter[tuple[str, Source, int]]) -> list[Asked]:
        """The counts as they go into the accounts."""
        return [
            Asked(self.project, self.environment, service, source, minute, count)
            for (service, source, minute), count in counts.items()
        ]

    def _believed(self, micros: float, now: datetime, found: Seen) -> datetime | None:
        """The event's time; the present where its clock runs ahead; None for what nobody can count once any more."""
        at = _moment(micros)
        if at > now + AHEAD:
            found.ahead += 1
            return now
        if at < now - DEDUPLICATED:
            found.stale += 1
            return None
        return at

    def _mark(self, event: Wire) -> int:
        if event.id not in (None, ""):
            return mark(self.project, self.environment, str(event.id))
        session = event.metadata.parsed.session_id if event.metadata and event.metadata.parsed else ""
        return mark(
            self.project, self.environment, "no id", str(event.timestamp), event.event_message or "", session or "",
        )

    def _address(self, address: str | None) -> str:
        """The same for the same address, and of no use to whoever has not the key."""
        if not address:
            return ""
        bare = _PORT.sub("", address) if address.count(":") == 1 else address
        return blake2b(bare.encode(errors="replace"), digest_size=6, key=self.key[:64]).hexdigest()


_NOTHING: Final = Metadata()
def _moment(micros: float) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def _clean(text: str) -> str:
    """Text that every store can keep: no NUL, no half characters."""
    if text.isascii():
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _sample(message: str, detail: str | None, query: str | None) -> str:
    more = [f"{name}: {_clean(text)}" for name, text in (("DETAIL", detail), ("STATEMENT", query)) if text]
    return "\n".join([message, *more])[:SAMPLE]
