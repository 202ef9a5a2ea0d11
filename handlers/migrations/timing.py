"""`Schedule` and `Run now` on a promotion's card."""

from __future__ import annotations

from bot.windows.timing import Timing
from bot.windows.verbs import Deploys
from handlers.conversation import Ask, Reply, Subject
from templates.promotion.timing import (
    REASON,
    RUN_NOW,
    RUN_NOW_BECAUSE,
    SCHEDULE,
    SCHEDULE_INTO,
    WINDOW,
    run_now_modal,
    schedule_modal,
)


class Clockwork:
    """The buttons that choose when a promotion goes in."""

    def __init__(self, timing: Timing, deploys: Deploys) -> None:
        self._timing = timing
        self._deploys = deploys

    def subject(self) -> Subject:
        return Subject(
            actions={SCHEDULE: self._schedule, RUN_NOW: self._run_now},
            views={SCHEDULE_INTO: self._schedule_into, RUN_NOW_BECAUSE: self._run_now_because},
            checks={RUN_NOW_BECAUSE: _reason_given},
        )

    def _schedule(self, ask: Ask) -> Reply:
        choices = self._timing.choices(ask.user, ask.value)
        return Reply(view=schedule_modal(ask.value, choices, self._deploys.zone(ask.user), ask.channel))

    def _schedule_into(self, ask: Ask) -> Reply:
        return Reply(facts=self._timing.schedule(ask.user, ask.metadata, str(ask.fields.get(WINDOW, ""))))

    def _run_now(self, ask: Ask) -> Reply:
        promotion, enough = self._timing.startable(ask.user, ask.value)
        return Reply(view=run_now_modal(promotion, enough, ask.channel))

    def _run_now_because(self, ask: Ask) -> Reply:
        return Reply(facts=self._timing.run_now(ask.user, ask.metadata, str(ask.fields.get(REASON, ""))))


def _reason_given(ask: Ask) -> dict[str, str]:
    return {} if str(ask.fields.get(REASON, "")).strip() else {REASON: "Say why it cannot wait for a window."}
