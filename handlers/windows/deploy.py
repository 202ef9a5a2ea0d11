"""Everything a person can say about deploy windows and freezes: `/deploy`, its windows to fill in, and App Home."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from bot.domain.window import Span
from bot.errors import Refused
from bot.promotions.verbs import Promotions
from bot.windows.verbs import EVERYTHING, Deploys, Proposal
from handlers.conversation import Ask, Reply, Subject
from handlers.which import Which, taken_apart
from templates.blocks import line, notice
from templates.window.deploy import (
    AT,
    CONFIRM_IT,
    LASTS,
    PICK,
    WHY,
    calendar_card,
    counts,
    deploy_help,
    home_view,
    pick_modal,
    understood,
)

Verb = Callable[[Ask, str, str], Reply]


class Deploy:
    """The conversation about windows. Every verb takes the project's name (maybe none) and the rest of the words."""

    def __init__(self, deploys: Deploys, promotions: Promotions, which: Which) -> None:
        self._deploys = deploys
        self._promotions = promotions
        self._which = which
        self._verbs: Mapping[str, Verb] = {
            "window": self._window,
            "windows": self._windows,
            "freeze": self._freeze,
            "unfreeze": self._unfreeze,
            "cancel": self._cancel,
        }

    def subject(self) -> Subject:
        return Subject(
            commands={"/deploy": self.command},
            actions={CONFIRM_IT: self._confirm},
            views={PICK: self._picked},
            events={"app_home_opened": self._home},
        )

    def command(self, ask: Ask) -> Reply:
        """`/deploy VERB WORDS…`, with `project:NAME` anywhere among the words."""
        verb, named, words = taken_apart(ask.text)
        if verb == "help":
            return Reply(message=deploy_help())
        if verb not in self._verbs:
            near = get_close_matches(verb, [*self._verbs, "help"], n=1)
            hint = f" Did you mean /deploy {near[0]}?" if near else ""
            return Reply(message=deploy_help(f"There is no /deploy {verb}.{hint}"))
        about = self._about(ask, verb, named, words)
        return self._which.hinted(ask, about, lambda: self._verbs[verb](ask, named, " ".join(words)))

    def _about(self, ask: Ask, verb: str, named: str, words: list[str]) -> str:
        """What the words are about: a project's name, `all`, or what an id says by itself."""
        if verb == "cancel" or named == EVERYTHING:
            return named
        return self._which.project(ask, named, words[:1] if verb == "unfreeze" else ()).name

    def _window(self, ask: Ask, named: str, rest: str) -> Reply:
        project = self._which.project(ask, named)
        if rest:
            return self._shown(self._deploys.window(ask.user, project, rest, ask.key))
        now, quietest = self._deploys.quietest(ask.user, project)
        evening = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=12)
        return Reply(view=pick_modal(project.name, quietest or evening, quietest is not None, ask.channel))

    def _picked(self, ask: Ask) -> Reply:
        at, lasts = str(ask.fields.get(AT, "")), str(ask.fields.get(LASTS, ""))
        if not (at.isdigit() and lasts.isdigit()):
            raise Refused("Pick when it opens and how long it lasts.")
        opens = datetime.fromtimestamp(int(at), UTC)
        span = Span(start=opens, end=opens + timedelta(minutes=int(lasts)))
        project = self._promotions.project(ask.metadata)
        reason = " ".join(str(ask.fields.get(WHY, "")).split())
        return self._which.hinted(ask, project.name, lambda: self._shown(
            self._deploys.window_picked(ask.user, project, span, reason, ask.key),
        ))

    def _windows(self, ask: Ask, named: str, rest: str) -> Reply:
        return Reply(message=calendar_card(self._deploys.outlook(ask.user, self._which.project(ask, named))))

    def _freeze(self, ask: Ask, named: str, rest: str) -> Reply:
        project = EVERYTHING if named == EVERYTHING else self._which.project(ask, named).name
        first, _, more = rest.partition(" ")
        if first.lower() == "until":
            return self._shown(self._deploys.freeze_until(ask.user, project, more, ask.key))
        return self._counts(self._deploys.freeze(ask.user, project, rest, ask.key), project)

    def _unfreeze(self, ask: Ask, named: str, rest: str) -> Reply:
        facts = self._deploys.unfreeze(ask.user, self._which.project(ask, named, rest.split()[:1]), rest)
        return Reply(facts=facts, message=notice(line(f"{facts[0].about} is lifted.")))

    def _cancel(self, ask: Ask, named: str, rest: str) -> Reply:
        facts = self._deploys.cancel(ask.user, rest)
        return Reply(facts=facts, message=notice(line(f"{facts[0].about} is cancelled.")))

    def _confirm(self, ask: Ask) -> Reply:
        record, project = self._deploys.confirm(ask.user, ask.value)
        return self._counts(record, project)

    def _home(self, ask: Ask) -> Reply:
        event = ask.payload.get("event")
        if isinstance(event, dict) and event.get("tab") not in (None, "home"):
            return Reply()
        outlooks = []
        for project in self._promotions.projects():
            try:
                outlooks.append(self._deploys.outlook(ask.user, project))
            except Refused:
                continue
        return Reply(home=home_view(outlooks))

    def _shown(self, asked: Proposal) -> Reply:
        span = Span(start=asked.opens, end=asked.closes)
        message = understood(asked.kind, asked.token, span, asked.zone, asked.reason, asked.closed)
        return Reply(message=message, puts=(asked.put,))

    def _counts(self, record: str, project: str) -> Reply:
        named = self._promotions.projects() if project == EVERYTHING else (self._promotions.project(project),)
        channels = list(dict.fromkeys(each.policy.channels.deploys for each in named))
        return Reply(message=counts(record, channels), wake=(record,))
