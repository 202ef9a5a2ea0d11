"""Everything a person can say to run an incident: `/incident`, the buttons of its card and their windows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from bot import incidents
from bot.domain.alert import Alert
from bot.domain.entry import Fact, canonical
from bot.domain.incident import Incident, Severity
from bot.domain.record import Status
from bot.errors import Refused, Unknown
from bot.incidents import opened_by
from bot.ports import Clock
from bot.promotions import Promotions
from bot.responding import Responding, alike
from bot.world import Ports, Project
from handlers.conversation import Ask, Handler, Reply, Subject
from handlers.deliveries import unescaped
from handlers.which import Which, taken_apart
from templates import incident as card
from templates import incident_modals as modals
from templates.blocks import line, notice
from templates.incident_answers import incident_help, incident_list
from templates.window import length

Verb = Callable[[Ask, tuple[str, ...]], Reply]

NEXT_UPDATE = timedelta(minutes=30)
"""When the next update is promised for, unless somebody says otherwise."""


class Incidents:
    """The conversation about incidents. `verbs` are further words of `/incident`, `more` of the card's menu."""

    def __init__(
        self, ports: Ports, responding: Responding, promotions: Promotions, which: Which,
        verbs: Mapping[str, Verb], more: Mapping[str, Handler],
    ) -> None:
        self._ports, self._clock = ports, _Late(ports)
        self._responding = responding
        self._promotions = promotions
        self._which = which
        self._verbs: Mapping[str, Verb] = {
            "open": self._open, "list": self._list, "note": self._note, "resolve": self._resolve_by_word, **verbs,
        }
        self._more: Mapping[str, Handler] = {
            "command": self._take, "severity": self._severity, "stop": self._stop, "roles": self._roles, **more,
        }

    def subject(self) -> Subject:
        return Subject(
            commands={"/incident": self.command},
            actions={
                card.COMMAND: self._take, card.UPDATE: self._update, card.DECIDE: self._decide,
                card.RESOLVE: self._resolve, card.REOPEN: self._reopen, card.MORE: self._menu,
                card.OPEN_FROM: self._open_from, card.BY_HAND: self._by_hand,
            },
            views={
                modals.OPEN: self._opened, modals.UPDATED: self._updated, modals.RATED: self._rated,
                modals.DECIDED: self._decided, modals.STOPPED: self._stopped, modals.RESOLVED: self._resolved,
                modals.GIVEN: self._given,
            },
            checks={modals.OPEN: _opening_read, modals.UPDATED: _number_read, modals.RESOLVED: _said_what},
        )

    def command(self, ask: Ask) -> Reply:
        """`/incident VERB WORDS…`, with `project:NAME` anywhere among the words."""
        verb, _, words = taken_apart(ask.text)
        if verb == "help":
            return Reply(message=incident_help())
        if verb not in self._verbs:
            near = get_close_matches(verb, [*self._verbs, "help"], n=1)
            hint = f" Did you mean /incident {near[0]}?" if near else ""
            return Reply(message=incident_help(f"There is no /incident {verb}.{hint}"))
        return self._verbs[verb](ask, tuple(words))

    # Opening

    def _open(self, ask: Ask, words: tuple[str, ...]) -> Reply:
        _, named, _ = taken_apart(ask.text)
        project = self._project(ask, named)
        return self._asked(ask, project, " ".join(words), {"channel": ask.channel})

    def _open_from(self, ask: Ask) -> Reply:
        """The button on an alert or a promotion: what is known of it is filled in."""
        record = self._ports.journal.load(ask.value)
        if record is None or record.project not in self._ports.projects:
            raise Unknown(f"There is no {ask.value or 'such thing'} any more.")
        before = opened_by(self._ports, record.id)
        if before and before.incident.open:
            incident = self._responding.read(ask.user, before.incident.id, ask.channel).incident
            raise Refused(f"{incident.id} was opened from {record.id} already: {incident.title}")
        cause = "promotion" if record.kind in ("promotion", "staging", "rollback") else "alert"
        said, title = {cause: record.id, "channel": ask.channel}, f"Trouble after {record.id}"
        if cause == "alert":
            alert = Alert.of(self._ports.journal.entries(about=record.id))
            title = alert.title
            if alert.cause and alert.cause.promotion:
                said["likely"] = alert.cause.promotion
        return self._asked(ask, self._ports.projects[record.project], title, said)

    def _asked(self, ask: Ask, project: Project, title: str, said: dict[str, str], broken: str = "") -> Reply:
        self._responding.may_open(ask.user, project.name)
        going = alike(title, incidents.every(self._ports, Status.LIVE)) if title else ()
        similar = [(k.incident.id, k.incident.title) for k in going if k.incident.open and not k.incident.private]
        names = [each.name for each in self._promotions.projects()]
        metadata = f"{canonical({'project': project.name, **said})}@{ask.channel}" if ask.channel else canonical(
            {"project": project.name, **said})
        return Reply(view=modals.open_modal(names, project.name, title, Severity.SEV2, metadata, broken, similar))

    def ask_from_message(self, ask: Ask, text: str, link: str) -> Reply:
        """The same window, filled in from a message."""
        title = next(iter(text.strip().splitlines()), "")[:150]
        return self._asked(ask, self._project(ask, ""), title, {"message": link}, broken=text[:2000])

    def _opened(self, ask: Ask) -> Reply:
        said = json.loads(ask.metadata or "{}")
        room = str(ask.fields.get(modals.ROOM, ""))
        project = str(ask.fields.get(modals.PROJECT, "")) or str(said.get("project", ""))
        alert, promotion = str(said.get("alert", "")), str(said.get("promotion", ""))
        facts, record = self._responding.open(
            ask.user, project, _text(ask, modals.TITLE), _text(ask, modals.SEVERITY), ask.key,
            broken=_text(ask, modals.BROKEN), impact=_text(ask, modals.IMPACT), people=_number(ask),
            actions=_text(ask, modals.ACTIONS), private=bool(room), channel=room, alert=alert,
            promotion=promotion or str(said.get("likely", "")), message=str(said.get("message", "")),
        )
        where = "the private channel" if room else self._ports.projects[project].policy.channels.incidents
        word = "is open" if facts else "was opened from it before"
        return Reply(facts=facts, message=notice(line(f"{record} {word}. Its card is in {where}.")), wake=(record,))

    # Finding and noting

    def _list(self, ask: Ask, words: tuple[str, ...]) -> Reply:
        sought = " ".join(words)
        found = self._responding.found(ask.user, sought, ask.channel)
        return Reply(message=incident_list((known.incident for known in found), sought))

    def _note(self, ask: Ask, words: tuple[str, ...]) -> Reply:
        """With the incident's id, or in its thread without one."""
        named, text = self._named(ask, words)
        facts = self._responding.note(ask.user, named, text, ask.channel)
        if ask.kind == "event":     # a mention in some thread: its own time, and the way to it
            facts = (self._as_mention(ask, facts[0]),)
        return Reply(facts=facts, message=notice(line(f"Noted in {facts[0].about}.")), wake=(facts[0].about,))

    def _as_mention(self, ask: Ask, fact: Fact) -> Fact:
        """The whole message as it stands, since the thread may bring the very same one."""
        at = datetime.fromtimestamp(float(ask.message), UTC).isoformat()
        event = ask.payload.get("event")
        text = unescaped(str(event.get("text", ""))) if isinstance(event, dict) else fact.private
        data = {**fact.data, "source": "mention", "at": at, "message": f"{ask.channel}:{ask.message}",
                "version": ask.message}
        return Fact(about=fact.about, kind=fact.kind, actor=fact.actor, data=data, private=text)

    def _named(self, ask: Ask, words: tuple[str, ...]) -> tuple[str, str]:
        here = incidents.of_thread(self._ports, ask.channel, ask.thread)
        first = words[0].upper() if words else ""
        if first.startswith("INC-") or (not here and words):
            return first, " ".join(words[1:])
        if not here:
            raise Unknown("Say which incident: /incident note INC-1 TEXT")
        return here, " ".join(words)

    # Running

    def _take(self, ask: Ask) -> Reply:
        record, _, seen = ask.value.partition(":")
        facts = self._responding.take_command(ask.user, record, seen.removeprefix("command:"))
        return Reply(facts=facts, wake=(record,))

    def _update(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, ask.value, going=True)
        return Reply(view=modals.update_modal(incident, self._clock.now() + NEXT_UPDATE, ask.channel))

    def _updated(self, ask: Ask) -> Reply:
        at = _text(ask, modals.NEXT)
        facts = self._responding.update(
            ask.user, ask.metadata, _text(ask, modals.TEXT), _text(ask, modals.STATUS),
            datetime.fromtimestamp(int(at), UTC) if at.isdigit() else None, _number(ask),
        )
        return Reply(facts=facts, wake=(ask.metadata,))

    def _severity(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, _record(ask))
        return Reply(view=modals.severity_modal(incident, ask.channel))

    def _rated(self, ask: Ask) -> Reply:
        facts = self._responding.rate(ask.user, ask.metadata, _text(ask, modals.SEVERITY), _text(ask, modals.WHY))
        return Reply(facts=facts, wake=(ask.metadata,))

    def _decide(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, ask.value, going=True)
        going = [
            (f"{record.id} {', '.join(file.label for file in promotion.plan.files)}", record.id)
            for record, promotion in self._promotions.recent(self._ports.projects[incident.project])
            if record.status is Status.LIVE and record.kind == "promotion"
        ]
        return Reply(view=modals.decide_modal(incident, self._responding.bearing(incident), going[:20], ask.channel))

    def _decided(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, ask.metadata, going=True)
        facts = self._responding.decide(
            ask.user, ask.metadata, _text(ask, modals.CHOICE), _text(ask, modals.WHY),
            _text(ask, modals.REVERSIBLE), _text(ask, modals.PROMOTION), self._responding.bearing(incident),
        )
        return Reply(facts=facts, wake=(ask.metadata, *filter(None, [_text(ask, modals.PROMOTION)])))

    def _stop(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, _record(ask))
        return Reply(view=modals.stop_modal(incident, self._offered(incident), ask.channel))

    def _offered(self, incident: Incident) -> tuple[tuple[str, str], ...]:
        policy = self._ports.projects[incident.project].policy
        flags = {name: (flag.kind, flag.off, flag.on) for name, flag in policy.flags.items()}
        return modals.flags_offered(incident, flags, policy.revert.kind)

    def _stopped(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, ask.metadata)
        what = _text(ask, modals.WHAT)
        if what not in {value for _, value in self._offered(incident)}:
            raise Refused("That is not offered any more. Press Stop the bleeding again: it shows what is.")
        policy = self._ports.projects[incident.project].policy
        if what == "revert":
            facts = self._responding.switch(ask.user, incident.id, "", "the one before", policy.revert.kind)
        else:
            name, _, off = what.removeprefix("flag:").rpartition(":")
            flag = policy.flags[name]
            last = next((each for each in reversed(incident.switches) if each.flag == name), None)
            to = flag.off if off == "off" else (last.before if last and last.before else flag.on)
            facts = self._responding.switch(ask.user, incident.id, name, to, flag.kind)
        return Reply(facts=facts, wake=(incident.id,))

    def _by_hand(self, ask: Ask) -> Reply:
        record, _, switch = ask.value.partition(":")
        return Reply(facts=self._responding.by_hand(ask.user, record, switch), wake=(record,))

    def _roles(self, ask: Ask) -> Reply:
        return Reply(view=modals.roles_modal(self._responding.runs(ask.user, _record(ask)), ask.channel))

    def _given(self, ask: Ask) -> Reply:
        role, person = _text(ask, modals.ROLE), _text(ask, modals.PERSON)
        return Reply(facts=self._responding.give_role(ask.user, ask.metadata, role, person), wake=(ask.metadata,))

    def _resolve(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, _record(ask), going=True)
        watched = length(self._ports.projects[incident.project].policy.watch.after_incident)
        return Reply(view=modals.resolve_modal(incident, watched, ask.channel))

    def _resolve_by_word(self, ask: Ask, words: tuple[str, ...]) -> Reply:
        """With words it is resolved at once; without, a window asks what fixed it (a mention cannot open one)."""
        named, text = self._named(ask, words)
        if text or not ask.trigger:
            facts = self._responding.resolve(ask.user, named, text)
            return Reply(facts=facts, message=notice(line(f"{facts[0].about} is resolved.")), wake=(facts[0].about,))
        incident = self._responding.runs(ask.user, named, going=True)
        watched = length(self._ports.projects[incident.project].policy.watch.after_incident)
        return Reply(view=modals.resolve_modal(incident, watched, ask.channel))

    def _resolved(self, ask: Ask) -> Reply:
        facts = self._responding.resolve(ask.user, ask.metadata, _text(ask, modals.TEXT))
        return Reply(facts=facts, wake=(ask.metadata,))

    def _reopen(self, ask: Ask) -> Reply:
        return Reply(facts=self._responding.reopen(ask.user, ask.value), wake=(ask.value,))

    def _menu(self, ask: Ask) -> Reply:
        """A line of the overflow menu."""
        word = ask.value.split(":")[1] if ":" in ask.value else ""
        if word not in self._more:
            raise Unknown("This release of Stagedoor does not know that line of the menu.")
        return self._more[word](ask)

    def _project(self, ask: Ask, named: str) -> Project:
        """The one that was named or whose channel this is; the window asks where there are several."""
        try:
            return self._which.project(ask, named)
        except Unknown:
            if named:
                raise
            return self._promotions.projects()[0]


class _Late:
    """The clock, asked when there is a world."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def now(self) -> datetime:
        clock: Clock = self._ports.clock
        return clock.now()


def _record(ask: Ask) -> str:
    return ask.value.partition(":")[0]


def _text(ask: Ask, name: str) -> str:
    value = ask.fields.get(name, "")
    return value if isinstance(value, str) else ",".join(value)


def _number(ask: Ask) -> int | None:
    text = _text(ask, modals.PEOPLE).strip()
    return int(text) if text.isdigit() else None


def _number_read(ask: Ask) -> dict[str, str]:
    text = _text(ask, modals.PEOPLE).strip()
    return {} if not text or text.isdigit() else {modals.PEOPLE: "A whole number, or nothing where nobody knows."}


def _opening_read(ask: Ask) -> dict[str, str]:
    missing = {} if _text(ask, modals.TITLE).strip() else {modals.TITLE: "Say in a few words what is wrong."}
    return missing | _number_read(ask)


def _said_what(ask: Ask) -> dict[str, str]:
    return {} if _text(ask, modals.TEXT).strip() else {modals.TEXT: "Say what fixed it."}


