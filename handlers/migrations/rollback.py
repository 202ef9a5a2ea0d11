"""Everything a person can say about rollbacks: `/migrate rollback`, `Roll back`, and the buttons of its card."""

from __future__ import annotations

from collections.abc import Callable

from bot.rollbacks.verbs import Rollbacks, Sketch
from bot.world import Project
from handlers.conversation import Ask, Reply, Subject
from templates.blocks import line, notice
from templates.promotion.way_back import ROLL_BACK, data_line
from templates.rollback.card import APPROVE, CANCEL, REJECT
from templates.rollback.modals import (
    ASK,
    GLASS,
    GLASS_BECAUSE,
    REASON,
    REVIEWED,
    SEVERITY,
    glass_modal,
    rollback_ask_modal,
    step_line,
)
from templates.rollback.rows import rows_line


class Rollback:
    """The conversation about rollbacks."""

    def __init__(self, rollbacks: Rollbacks, clean: Callable[[str], str]) -> None:
        self._rollbacks = rollbacks
        self._clean = clean

    def subject(self) -> Subject:
        return Subject(
            actions={
                ROLL_BACK: self._button, APPROVE: self._approve, REJECT: self._reject, CANCEL: self._cancel,
                GLASS: self._glass, REVIEWED: self._reviewed,
            },
            views={ASK: self._asked, GLASS_BECAUSE: self._glass_because},
            checks={ASK: _filled_in, GLASS_BECAUSE: _reason_given},
        )

    def verb(self, ask: Ask, project: Project, words: tuple[str, ...]) -> Reply:
        """`/migrate rollback [PROMOTION]`: the modal that asks for severity and reason."""
        return self._modal(ask, self._rollbacks.sketch(ask.user, project, words[0] if words else ""))

    def _button(self, ask: Ask) -> Reply:
        return self._modal(ask, self._rollbacks.sketch_of(ask.user, ask.value))

    def _modal(self, ask: Ask, sketch: Sketch) -> Reply:
        steps = [step_line(step.label, step.source, step.schema) for step in sketch.steps] or [sketch.why_not]
        data = data_line(sketch.lost, sketch.given_up, sketch.stays, sketch.promotion)
        return Reply(view=rollback_ask_modal(sketch.promotion, steps, data, rows_line(sketch.counted), ask.channel))

    def _asked(self, ask: Ask) -> Reply:
        severity, reason = str(ask.fields.get(SEVERITY, "")), self._clean(str(ask.fields.get(REASON, "")))
        asked = self._rollbacks.ask(ask.user, ask.metadata, severity, reason, ask.key)
        said = (
            f"{asked.record} is about {asked.promotion.id} already. Where it waits for a word, press Approve on it"
            if asked.again
            else f"{asked.record} rolls {asked.promotion.id} back now" if asked.pressed
            else f"{asked.record} asks for {asked.promotion.id} to be rolled back"
        )
        return Reply(message=notice(line(f"{said}. Its card says how far it is.")), wake=(asked.record,))

    def _approve(self, ask: Ask) -> Reply:
        return Reply(facts=self._rollbacks.approve(ask.user, ask.value))

    def _reject(self, ask: Ask) -> Reply:
        return Reply(facts=self._rollbacks.reject(ask.user, ask.value))

    def _cancel(self, ask: Ask) -> Reply:
        return Reply(facts=self._rollbacks.cancel(ask.user, ask.value))

    def _reviewed(self, ask: Ask) -> Reply:
        return Reply(facts=self._rollbacks.review(ask.user, ask.value))

    def _glass(self, ask: Ask) -> Reply:
        self._rollbacks.require_breakable(ask.user, ask.value)
        return Reply(view=glass_modal(ask.value, ask.channel))

    def _glass_because(self, ask: Ask) -> Reply:
        return Reply(facts=self._rollbacks.break_glass(ask.user, ask.metadata, str(ask.fields.get(REASON, ""))))


def _filled_in(ask: Ask) -> dict[str, str]:
    missing = {} if ask.fields.get(SEVERITY) else {SEVERITY: "Say how bad it is."}
    return missing | _reason_given(ask)


def _reason_given(ask: Ask) -> dict[str, str]:
    return {} if str(ask.fields.get(REASON, "")).strip() else {REASON: "Say why."}
