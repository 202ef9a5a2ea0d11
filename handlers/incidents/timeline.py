"""How the timeline comes about: messages of the thread, shortcuts, :pushpin:, mentions; edits, deletions followed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from bot.domain.entry import Fact, Json, canonical
from bot.domain.incident import Incident
from bot.domain.notes import Kept
from bot.domain.record import Status
from bot.errors import Refused, Unknown, Unreachable
from bot.incidents import records as incidents
from bot.incidents.verbs import Responding
from bot.ports import Put
from bot.world import Ports
from handlers.announcing import showing
from handlers.conversation import Ask, Reply, Subject
from handlers.door.deliveries import unescaped
from handlers.incidents.opening import Opening
from templates.blocks import line, notice
from templates.incident import modals

ADD, OPEN_HERE, CORRECT = "incident.add", "incident.open_here", "incident.correct"
PIN = "pushpin"
NAMED = re.compile(r"\bINC-\d+\b", re.IGNORECASE)
NOTED = "noted-messages"
"""The incidents of a message that was brought there from elsewhere, by `CHANNEL:TS`."""

PICKED = "picked-messages"
"""The message that somebody is asked about at the moment, by who picked it: we may not be in its channel."""

SAID = frozenset({"", "file_share", "thread_broadcast", "me_message", "bot_message"})
"""Subtypes of messages that somebody said; joins, topics and the like are not."""


class Reading(Protocol):
    """What is asked of Slack about messages."""

    def permalink(self, channel: str, ts: str, thread: str = "") -> str: ...

    def message(self, channel: str, ts: str) -> Mapping[str, Any] | None: ...

    def kept(self, files: object) -> list[Kept]: ...


class IncidentTimeline:
    """Turns what happens in Slack into facts; the fold puts them in order and sees what is the same."""

    def __init__(self, ports: Ports, responding: Responding, opening: Opening, reading: Reading) -> None:
        self._ports = ports
        self._responding = responding
        self._opening = opening
        self._reading = reading

    def subject(self) -> Subject:
        return Subject(
            shortcuts={ADD: self._add, OPEN_HERE: self._open_here, CORRECT: self._correct},
            views={modals.ADDED: self._added, modals.CORRECTED: self._corrected},
            events={"message": self._message, "reaction_added": self._pinned, "reaction_removed": self._unpinned},
            mentions={"incident": self._mentioned},
            wants={"message": in_a_thread, "reaction_added": a_pin, "reaction_removed": a_pin},
        )

    # Messages

    def _message(self, ask: Ask) -> Reply:
        event = _map(ask.payload.get("event"))
        subtype = str(event.get("subtype") or "")
        if subtype == "message_changed":
            return self._changed(ask.channel, event)
        if subtype == "message_deleted":
            return self._deleted(ask.channel, event)
        record = self._incident_here(ask.channel, ask.thread)
        if not record or ask.message == ask.thread:
            return Reply()
        return Reply(facts=(noted(self._reading, record, ask.channel, event, "thread"),), wake=(record,))

    def _incident_here(self, channel: str, thread: str) -> str:
        """The incident whose thread it is. A card may stand in Slack a moment before we know where it stands."""
        here = incidents.of_thread(self._ports, channel, thread)
        if here:
            return here
        for record in self._ports.journal.find(kind="incident", status=Status.LIVE):
            shown = showing.load(self._ports.shelves, record.id)
            if shown.channel == channel and shown.sending and shown.sending.what == "card":
                raise Unreachable(f"The card of {record.id} is being posted.")
        return ""

    def _changed(self, channel: str, event: Mapping[str, Any]) -> Reply:
        """An edit: another version of the same note, known by the moment of the edit."""
        message = _map(event.get("message"))
        ref = f"{channel}:{message.get('ts', '')}"
        if message.get("subtype") == "tombstone":       # deleted, and it had replies
            return self._gone(ref, str(message.get("user", "")), self._knowing(channel, message, ref))
        edited = message.get("edited")
        if not isinstance(edited, dict) or not edited.get("ts"):
            return Reply()      # a link was unfurled, a reply counted
        records = self._knowing(channel, message, ref)
        files = [each.to_json() for each in self._reading.kept(message.get("files"))]
        facts = tuple(
            Fact(
                about=record, kind="incident.edited", actor=str(edited.get("user") or message.get("user") or "slack"),
                data={"entry": ref, "version": str(edited["ts"]), "files": list(files)},
                private=unescaped(str(message.get("text") or "")),
            )
            for record in records
        )
        return Reply(facts=facts, wake=records)

    def _deleted(self, channel: str, event: Mapping[str, Any]) -> Reply:
        before = _map(event.get("previous_message"))
        ref = f"{channel}:{event.get('deleted_ts') or before.get('ts', '')}"
        return self._gone(ref, str(before.get("user", "")), self._knowing(channel, before, ref))

    def _gone(self, ref: str, author: str, records: tuple[str, ...]) -> Reply:
        facts = tuple(
            Fact(about=record, kind="incident.redacted", actor=author or "slack", data={"entry": ref})
            for record in records
        )
        return Reply(facts=facts, wake=records)

    def _knowing(self, channel: str, message: Mapping[str, Any], ref: str) -> tuple[str, ...]:
        """The incidents that this message belongs to: by its thread, even before it was noted, or by a note."""
        here = self._incident_here(channel, str(message.get("thread_ts") or ""))
        if here:
            return (here,)
        return self._brought_to(ref)

    def _brought_to(self, ref: str) -> tuple[str, ...]:
        """The incidents to which a message from elsewhere was brought."""
        listed = (self._ports.shelves.get(NOTED, ref) or {}).get("records")
        return tuple(str(each) for each in listed) if isinstance(listed, list) else ()

    def _remembered(self, ref: str, record: str) -> tuple[Put, ...]:
        """By which an edit of the message is found to concern the incident."""
        records: list[Json] = [*self._brought_to(ref)]
        return () if record in records else (Put(shelf=NOTED, key=ref, doc={"records": [*records, record]}),)

    def _mentioned(self, ask: Ask) -> Reply:
        """A mention that asks for nothing: in an incident's thread, or one that names an incident."""
        event = _map(ask.payload.get("event"))
        named = NAMED.search(str(event.get("text", "")))
        record = self._incident_here(ask.channel, ask.thread) or (named[0].upper() if named else "")
        if not record:
            return Reply()
        incident = self._responding.read(ask.user, record, ask.channel).incident
        said = notice(line(f"Noted in {incident.id}. For what can be asked of Stagedoor: /incident help"))
        fact = noted(self._reading, incident.id, ask.channel, event, "mention")
        puts = self._remembered(f"{ask.channel}:{ask.message}", incident.id)
        return Reply(facts=(fact,), puts=puts, message=said, wake=(incident.id,))

    # :pushpin:

    def _pinned(self, ask: Ask) -> Reply:
        """In an incident's thread a key moment; a message from elsewhere comes to the incident that goes on."""
        channel, ts = _item(ask)
        event = _map(ask.payload.get("event"))
        message = self._reading.message(channel, ts)
        if message is None:
            return Reply()
        here = self._incident_here(channel, str(message.get("thread_ts") or ""))
        try:
            running = self._responding.running(ask.user, channel)
        except Refused:
            return Reply()      # a guest's pin is theirs alone, and no question to answer
        going = [] if here else list(running)
        if not here and len(going) != 1:
            several = "Several incidents are open. Use the message shortcut “Add to incident” to say which one."
            return Reply(message=notice(several)) if going else Reply()
        known = incidents.read(self._ports, here or going[0].id).incident
        facts = []
        ref = f"{channel}:{ts}"
        if ref not in known.notes or "pin" not in known.notes.by_ref[ref].sources:
            facts.append(noted(self._reading, known.id, channel, message, "pin", ask.user))
        if here:
            facts.append(Fact(about=known.id, kind="incident.key", actor=ask.user,
                              data={"entry": ref, "stamp": str(event.get("event_ts", ""))}))
        puts = () if here else self._remembered(ref, known.id)
        return Reply(facts=tuple(facts), puts=puts, wake=(known.id,))

    def _unpinned(self, ask: Ask) -> Reply:
        """Taken back: it is no key moment of this person's any more; the note stays."""
        channel, ts = _item(ask)
        event, ref = _map(ask.payload.get("event")), f"{channel}:{ts}"
        message = self._reading.message(channel, ts)
        records = self._knowing(channel, message, ref) if message else self._brought_to(ref)
        data: dict[str, Json] = {"entry": ref, "off": True, "stamp": str(event.get("event_ts", ""))}
        facts = tuple(Fact(about=each, kind="incident.key", actor=ask.user, data=data) for each in records)
        return Reply(facts=facts, wake=records)

    # Shortcuts

    def _open_here(self, ask: Ask) -> Reply:
        return self._opening.from_message(ask, ask.text, self._reading.permalink(ask.channel, ask.message, ask.thread))

    def _add(self, ask: Ask) -> Reply:
        """In an incident's thread, or while only one goes on, there is nothing to ask."""
        here = incidents.of_thread(self._ports, ask.channel, ask.thread)
        going = list(self._responding.running(ask.user, ask.channel))
        if not here and not going:
            raise Refused("No incident is open. Use the shortcut “Open an incident” to open one from this message.")
        if not here and len(going) > 1:
            choices = [(f"{each.id} {each.title}", each.id) for each in going]
            metadata = f"{canonical({'channel': ask.channel, 'ts': ask.message})}@{ask.channel}"
            picked = Put(shelf=PICKED, key=ask.user, doc=_kept_of(ask.channel, _map(ask.payload.get("message"))))
            return Reply(view=modals.add_modal(choices, ask.text, metadata), puts=(picked,))
        return self._brought(ask, here or going[0].id, ask.channel, _map(ask.payload.get("message")))

    def _added(self, ask: Ask) -> Reply:
        said = json.loads(ask.metadata)
        channel, ts = str(said["channel"]), str(said["ts"])
        message = self._reading.message(channel, ts) or self._picked(ask.user, channel, ts)
        if message is None:
            raise Unknown("That message is gone. Note what it said instead: /incident note INC-1 TEXT")
        reply = self._brought(ask, str(ask.fields.get(modals.WHICH, "")), channel, message)
        return replace(reply, puts=(*reply.puts, Put(shelf=PICKED, key=ask.user, doc=None)))

    def _picked(self, user: str, channel: str, ts: str) -> Mapping[str, Any] | None:
        """The message as the shortcut brought it, where it cannot be read again."""
        doc = self._ports.shelves.get(PICKED, user) or {}
        message = _map(doc.get("message"))
        return message if (doc.get("channel"), message.get("ts")) == (channel, ts) else None

    def _brought(self, ask: Ask, record: str, channel: str, message: Mapping[str, Any]) -> Reply:
        incident = self._responding.read(ask.user, record, channel).incident
        note = incident.notes.by_ref.get(f"{channel}:{message.get('ts', '')}")
        if note and note.sources:
            return Reply(message=notice(line(f"It is in the timeline of {incident.id} already.")))
        fact = noted(self._reading, incident.id, channel, message, "shortcut", ask.user)
        puts = self._remembered(f"{channel}:{message.get('ts', '')}", incident.id)
        return Reply(facts=(fact,), puts=puts, message=notice(line(f"Added to {incident.id}.")), wake=(incident.id,))

    def _correct(self, ask: Ask) -> Reply:
        """On a message of an incident's thread: another text or time, or a key moment."""
        incident, ref = self._noted_here(ask)
        note = incident.notes.by_ref[ref]
        metadata = f"{canonical({'incident': incident.id, 'ref': ref})}@{ask.channel}"
        text = self._responding.text(note) or ""
        return Reply(view=modals.correct_modal(text, note.moment, ask.user in note.marked, metadata))

    def _noted_here(self, ask: Ask) -> tuple[Incident, str]:
        ref = f"{ask.channel}:{ask.message}"
        here = incidents.of_thread(self._ports, ask.channel, ask.thread)
        for record in (here,) if here else self._brought_to(ref):
            incident = self._responding.runs(ask.user, record)
            if ref in incident.notes:
                return incident, ref
        raise Refused("That message is in no incident's timeline. Add it first: the shortcut “Add to incident”.")

    def _corrected(self, ask: Ask) -> Reply:
        said = json.loads(ask.metadata)
        at = str(ask.fields.get(modals.AT, ""))
        facts = self._responding.correct(
            ask.user, str(said["incident"]), str(said["ref"]),
            datetime.fromtimestamp(int(at), UTC) if at.isdigit() else None, str(ask.fields.get(modals.TEXT, "")),
            ask.fields.get(modals.KEY) == "yes",
        )
        return Reply(facts=facts, wake=(str(said["incident"]),))


def noted(
    reading: Reading, record: str, channel: str, message: Mapping[str, Any], source: str, by: str = "",
) -> Fact:
    """The fact that this message of Slack's belongs to the incident."""
    ts, thread = str(message.get("ts", "")), str(message.get("thread_ts") or "")
    author = str(message.get("user") or message.get("bot_id") or "")
    edited = message.get("edited")
    files = [each.to_json() for each in reading.kept(message.get("files"))]
    data: dict[str, Json] = {
        "message": f"{channel}:{ts}", "at": datetime.fromtimestamp(float(ts), UTC).isoformat(), "source": source,
        "author": author, "permalink": reading.permalink(channel, ts, thread), "files": list(files),
        "version": str(edited["ts"]) if isinstance(edited, dict) and edited.get("ts") else ts,
    }
    text = unescaped(str(message.get("text") or ""))
    return Fact(about=record, kind="incident.noted", actor=by or author or "slack", data=data, private=text)


def _kept_of(channel: str, message: Mapping[str, Any]) -> dict[str, Json]:
    """What a note is made of, without the rest of the message."""
    wanted = ("ts", "thread_ts", "user", "bot_id", "text", "edited", "files")
    return {"channel": channel, "message": {name: message[name] for name in wanted if name in message}}


def in_a_thread(body: Mapping[str, Json]) -> bool:
    """Only what is said, edited or deleted in a thread by somebody else than us is worth keeping until it is read."""
    event = _map(body.get("event"))
    inner = _map(event.get("message") or event.get("previous_message") or event)
    subtype = event.get("subtype") or ""
    if inner.get("user") and inner.get("user") == _bot(body):
        return False
    if subtype == "message_changed":
        return bool(inner.get("edited")) or inner.get("subtype") == "tombstone"
    if subtype == "message_deleted":
        return True
    return subtype in SAID and bool(event.get("thread_ts")) and event.get("thread_ts") != event.get("ts")


def a_pin(body: Mapping[str, Json]) -> bool:
    event = _map(body.get("event"))
    return event.get("reaction") == PIN and event.get("user") != _bot(body)


def _bot(body: Mapping[str, Json]) -> str:
    listed = body.get("authorizations")
    first = listed[0] if isinstance(listed, list) and listed else None
    return str(first.get("user_id", "")) if isinstance(first, dict) else ""


def _item(ask: Ask) -> tuple[str, str]:
    item = _map(_map(ask.payload.get("event")).get("item"))
    return str(item.get("channel", "")), str(item.get("ts", ""))


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
