"""Everything a person can say about migrations: `/migrate` and the buttons of a promotion's card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from bot.promotions.requests import Asked, Requests
from bot.promotions.verbs import Promotions
from bot.world import Project
from handlers.conversation import Ask, Reply, Subject
from handlers.migrations.promotion_view import PromotionView
from handlers.which import Which, taken_apart
from templates.blocks import line, notice
from templates.check import check_card
from templates.migrate import help_card, history_card
from templates.promotion.buttons import APPROVE, CANCEL, I_AM_HERE, REJECT, VIEW_SQL
from templates.promotion.checklist import CONFIRM
from templates.promotion.course import RESUME
from templates.promotion.sql import sql_modal
from templates.promotion.waiver import REASON, WAIVE, WAIVE_REASON, waive_modal
from templates.promotion.way_back import ROLLBACK_PLAN, rollback_modal
from templates.words import place

EMERGENCY = "--emergency"
Verb = Callable[[Ask, Project, tuple[str, ...]], Reply]


class Migrate:
    """The conversation about migrations."""

    def __init__(
        self, promotions: Promotions, requests: Requests, view: PromotionView, which: Which,
        verbs: Mapping[str, Verb],
    ) -> None:
        self._promotions = promotions
        self._requests = requests
        self._view = view
        self._which = which
        self._verbs: Mapping[str, Verb] = {
            "check": self._check,
            "stage": self._stage,
            "restage": self._restage,
            "promote": self._promote,
            "history": self._history,
            "baseline": self._baseline,
            **verbs,
        }

    def subject(self) -> Subject:
        return Subject(
            commands={"/migrate": self.command},
            actions={
                APPROVE: self._approve,
                REJECT: self._reject,
                CANCEL: self._cancel,
                CONFIRM: self._confirm,
                I_AM_HERE: self._attend,
                RESUME: self._resume,
                VIEW_SQL: self._sql,
                ROLLBACK_PLAN: self._rollback_plan,
                WAIVE: self._waive,
            },
            views={WAIVE_REASON: self._waive_because},
            checks={WAIVE_REASON: _reason_given},
        )

    def command(self, ask: Ask) -> Reply:
        """`/migrate VERB ARGUMENTS…`, with `project:NAME` anywhere among the arguments."""
        verb, named, words = taken_apart(ask.text)
        if verb == "help":
            return Reply(message=help_card())
        if verb not in self._verbs:
            near = get_close_matches(verb, [*self._verbs, "help"], n=1)
            hint = f" Did you mean /migrate {near[0]}?" if near else ""
            return Reply(message=help_card(f"There is no /migrate {verb}.{hint}"))
        project = self._which.project(ask, named, words[:2])
        return self._which.hinted(ask, project.name, lambda: self._verbs[verb](ask, project, tuple(words)))

    def _check(self, ask: Ask, project: Project, versions: tuple[str, ...]) -> Reply:
        return Reply(message=check_card(project.name, self._requests.check(ask.user, project, versions)))

    def _history(self, ask: Ask, project: Project, rest: tuple[str, ...]) -> Reply:
        self._promotions.require_member(ask.user, project)
        return Reply(message=history_card(project.name, self._promotions.recent(project)))

    def _stage(self, ask: Ask, project: Project, versions: tuple[str, ...]) -> Reply:
        return self._asked(project, self._requests.stage(ask.user, project, versions, ask.key))

    def _restage(self, ask: Ask, project: Project, versions: tuple[str, ...]) -> Reply:
        return self._asked(project, self._requests.restage(ask.user, project, versions, ask.key))

    def _promote(self, ask: Ask, project: Project, versions: tuple[str, ...]) -> Reply:
        words, emergency = _emergency(versions)
        return self._asked(project, self._requests.promote(ask.user, project, words, ask.key, emergency))

    def _baseline(self, ask: Ask, project: Project, rest: tuple[str, ...]) -> Reply:
        asked = self._requests.baseline(ask.user, project, ask.key)
        said = f"{asked.record} asks for {len(asked.plan.accepts)} differences to be accepted"
        where = project.policy.channels.deploys
        return Reply(message=notice(line(f"{said}. Its card is in ", place(where), ".")), wake=(asked.record,))

    def _asked(self, project: Project, asked: Asked) -> Reply:
        where = project.policy.channels.deploys
        names = [file.label for file in asked.plan.files]
        files = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        said = f"{asked.record} is that very request already" if asked.again else f"{asked.record} is on its way"
        return Reply(message=notice(line(f"{said}: {files}. Its card is in ", place(where), ".")), wake=(asked.record,))

    def _approve(self, ask: Ask) -> Reply:
        return Reply(facts=self._promotions.approve(ask.user, ask.value))

    def _reject(self, ask: Ask) -> Reply:
        return Reply(facts=self._promotions.reject(ask.user, ask.value, ""))

    def _cancel(self, ask: Ask) -> Reply:
        return Reply(facts=self._promotions.cancel(ask.user, ask.value))

    def _resume(self, ask: Ask) -> Reply:
        _, promotion = self._promotions.read(ask.user, ask.value)
        project = self._promotions.project(promotion.plan.project)
        return self._asked(project, self._requests.resume(ask.user, ask.value, ask.key))

    def _attend(self, ask: Ask) -> Reply:
        return Reply(facts=self._promotions.attend(ask.user, ask.value))

    def _confirm(self, ask: Ask) -> Reply:
        record, _, label = ask.value.partition(":")
        return Reply(facts=self._promotions.confirm(ask.user, record, label))

    def _waive(self, ask: Ask) -> Reply:
        record, _, gate = ask.value.partition(":")
        return Reply(view=waive_modal(record, self._promotions.waivable(ask.user, record, gate)))

    def _waive_because(self, ask: Ask) -> Reply:
        record, _, gate = ask.metadata.partition(":")
        return Reply(facts=self._promotions.waive(ask.user, record, gate, str(ask.fields.get(REASON, ""))))

    def _sql(self, ask: Ask) -> Reply:
        _, promotion = self._promotions.read(ask.user, ask.value)
        return Reply(view=sql_modal(promotion, self._view.sql(promotion)))

    def _rollback_plan(self, ask: Ask) -> Reply:
        _, promotion = self._promotions.read(ask.user, ask.value)
        return Reply(view=rollback_modal(promotion, self._view.ways_back(promotion)))


def _emergency(words: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
    """The words before `--emergency`, and the reason after it."""
    if EMERGENCY not in words:
        return words, None
    place = words.index(EMERGENCY)
    return words[:place], " ".join(words[place + 1:])


def _reason_given(ask: Ask) -> dict[str, str]:
    return {} if str(ask.fields.get(REASON, "")).strip() else {REASON: "Say why it may be waived."}

