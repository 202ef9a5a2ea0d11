"""Everything a person can say to run an incident: `/incident`, the buttons of its card and their windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from bot.domain.entry import Fact
from bot.domain.incident import Incident
from bot.domain.record import Status
from bot.errors import Refused, Unknown
from bot.incidents import records as incidents
from bot.incidents.same import Joining
from bot.incidents.verbs import Responding
from bot.ports import Clock
from bot.promotions.verbs import Promotions
from bot.world import Ports
from handlers.conversation import Ask, Handler, Reply, Subject
from handlers.door.deliveries import unescaped
from handlers.incidents.opening import Opening, number, number_read, text
from handlers.which import taken_apart
from templates.blocks import line, notice
from templates.incident import card, modals
from templates.incident.answers import incident_help, incident_list
from templates.words import length

Verb = Callable[[Ask, tuple[str, ...]], Reply]

NEXT_UPDATE = timedelta(minutes=30)
"""When the next update is promised for, unless somebody says otherwise."""


class Incidents:
    """The conversation about incidents. `verbs` are further words of `/incident`, `more` of the card's menu."""

    def __init__(
        self, ports: Ports, responding: Responding, promotions: Promotions, opening: Opening,
        verbs: Mapping[str, Verb], more: Mapping[str, Handler],
    ) -> None:
        self._ports, self._clock = ports, _Late(ports)
        self._responding, self._joining = responding, Joining(ports, responding)
        self._promotions = promotions
        self._verbs: Mapping[str, Verb] = {
            "open": opening.by_word, "list": self._list, "note": self._note, "resolve": self._resolve_by_word,
            "duplicate": self._duplicate, **verbs,
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
                card.BY_HAND: self._by_hand,
            },
            views={
                modals.UPDATED: self._updated, modals.RATED: self._rated,
                modals.DECIDED: self._decided, modals.STOPPED: self._stopped, modals.RESOLVED: self._resolved,
                modals.GIVEN: self._given,
            },
            checks={modals.UPDATED: number_read, modals.RESOLVED: _said_what},
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

    # Finding and noting

    def _list(self, ask: Ask, words: tuple[str, ...]) -> Reply:
        sought = " ".join(words)
        found = self._responding.found(ask.user, sought, ask.channel)
        return Reply(message=incident_list((known.incident for known in found), sought))

    def _note(self, ask: Ask, words: tuple[str, ...]) -> Reply:
        """With the incident's id, or in its thread without one."""
        named, text = self._named(ask, words, "note INC-1 TEXT")
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

    def _named(self, ask: Ask, words: tuple[str, ...], usage: str) -> tuple[str, str]:
        here = incidents.of_thread(self._ports, ask.channel, ask.thread)
        first = words[0].upper() if words else ""
        if first.startswith("INC-") or (not here and words):
            return first, " ".join(words[1:])
        if not here:
            raise Unknown(f"Say which incident: /incident {usage}")
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
        at = text(ask, modals.NEXT)
        facts = self._responding.update(
            ask.user, ask.metadata, text(ask, modals.TEXT), text(ask, modals.STATUS),
            datetime.fromtimestamp(int(at), UTC) if at.isdigit() else None, number(ask),
        )
        return Reply(facts=facts, wake=(ask.metadata,))

    def _severity(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, _record(ask))
        return Reply(view=modals.severity_modal(incident, ask.channel))

    def _rated(self, ask: Ask) -> Reply:
        facts = self._responding.rate(ask.user, ask.metadata, text(ask, modals.SEVERITY), text(ask, modals.WHY))
        return Reply(facts=facts, wake=(ask.metadata,))

    def _decide(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, ask.value, going=True)
        going = [
            (f"{record.id} {', '.join(file.label for file in promotion.plan.files)}", record.id)
            for record, promotion in self._promotions.recent(self._ports.projects[incident.project])
            if record.status is Status.LIVE and record.kind in ("promotion", "rollback")
        ]
        return Reply(view=modals.decide_modal(incident, self._responding.bearing(incident), going[:20], ask.channel))

    def _decided(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, ask.metadata, going=True)
        facts = self._responding.decide(
            ask.user, ask.metadata, text(ask, modals.CHOICE), text(ask, modals.WHY),
            text(ask, modals.REVERSIBLE), text(ask, modals.PROMOTION), self._responding.bearing(incident),
        )
        return Reply(facts=facts, wake=(ask.metadata, *filter(None, [text(ask, modals.PROMOTION)])))

    def _stop(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, _record(ask))
        return Reply(view=modals.stop_modal(incident, self._offered(incident), ask.channel))

    def _offered(self, incident: Incident) -> tuple[tuple[str, str], ...]:
        policy = self._ports.projects[incident.project].policy
        flags = {name: (flag.kind, flag.off, flag.on) for name, flag in policy.flags.items()}
        return modals.flags_offered(incident, flags, policy.revert.kind)

    def _stopped(self, ask: Ask) -> Reply:
        incident = self._responding.runs(ask.user, ask.metadata)
        what = text(ask, modals.WHAT)
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
        role, person = text(ask, modals.ROLE), text(ask, modals.PERSON)
        return Reply(facts=self._responding.give_role(ask.user, ask.metadata, role, person), wake=(ask.metadata,))

    def _resolve(self, ask: Ask) -> Reply:
        return self._asks_what_fixed_it(ask, self._responding.runs(ask.user, _record(ask), going=True))

    def _asks_what_fixed_it(self, ask: Ask, incident: Incident) -> Reply:
        watched = length(self._ports.projects[incident.project].policy.watch.after_incident)
        others = [(f"{each.id} {each.title}", each.id) for each in self._joining.others(ask.user, incident)]
        return Reply(view=modals.resolve_modal(incident, watched, others, ask.channel))

    def _resolve_by_word(self, ask: Ask, words: tuple[str, ...]) -> Reply:
        """With words it is resolved at once; without, a window asks what fixed it (a mention cannot open one)."""
        named, text = self._named(ask, words, "resolve INC-1")
        if text or not ask.trigger:
            facts = self._responding.resolve(ask.user, named, text)
            return Reply(facts=facts, message=notice(line(f"{facts[0].about} is resolved.")), wake=(facts[0].about,))
        return self._asks_what_fixed_it(ask, self._responding.runs(ask.user, named, going=True))

    def _duplicate(self, ask: Ask, words: tuple[str, ...]) -> Reply:
        """`/incident duplicate INC-2 of INC-1`; in the thread of INC-2 without the first."""
        named = [incidents.spelt(word) for word in words if incidents.spelt(word).startswith("INC-")]
        here = incidents.of_thread(self._ports, ask.channel, ask.thread)
        if len(named) == 1 and here:
            named = [here, *named]
        if len(named) != 2:
            raise Unknown("Say which is the same as which: /incident duplicate INC-2 of INC-1")
        return self._same(ask.user, *named)

    def _same(self, user: str, record: str, other: str, why: str = "") -> Reply:
        facts = self._joining.join(user, record, other, why)
        said = notice(line(f"{record} is the same as {other} now."))
        return Reply(facts=facts, message=said, wake=(record, other))

    def _resolved(self, ask: Ask) -> Reply:
        if other := text(ask, modals.SAME):
            return self._same(ask.user, ask.metadata, other, text(ask, modals.TEXT))
        facts = self._responding.resolve(ask.user, ask.metadata, text(ask, modals.TEXT))
        return Reply(facts=facts, wake=(ask.metadata,))

    def _reopen(self, ask: Ask) -> Reply:
        return Reply(facts=self._responding.reopen(ask.user, ask.value), wake=(ask.value,))

    def _menu(self, ask: Ask) -> Reply:
        """A line of the overflow menu."""
        word = ask.value.split(":")[1] if ":" in ask.value else ""
        if word not in self._more:
            raise Unknown("This release of Stagedoor does not know that line of the menu.")
        return self._more[word](ask)


class _Late:
    """The clock, asked when there is a world."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def now(self) -> datetime:
        clock: Clock = self._ports.clock
        return clock.now()


def _record(ask: Ask) -> str:
    return ask.value.partition(":")[0]


def _said_what(ask: Ask) -> dict[str, str]:
    return {} if text(ask, modals.TEXT).strip() or text(ask, modals.SAME) else {modals.TEXT: "Say what fixed it."}


