"""The buttons of an alert."""

from __future__ import annotations

from bot.watch.verbs import Alerts
from handlers.conversation import Ask, Reply, Subject
from templates.alert import ACKNOWLEDGE, ERASE, MUTE, SAMPLE, samples_card


class Alarm:
    """The conversation about alerts."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    def subject(self) -> Subject:
        return Subject(actions={
            ACKNOWLEDGE: self._acknowledge, MUTE: self._mute, SAMPLE: self._sample, ERASE: self._erase,
        })

    def _acknowledge(self, ask: Ask) -> Reply:
        return Reply(facts=self._alerts.acknowledge(ask.user, ask.value))

    def _mute(self, ask: Ask) -> Reply:
        facts, puts = self._alerts.mute(ask.user, ask.value)
        return Reply(facts=facts, puts=puts)

    def _sample(self, ask: Ask) -> Reply:
        found = self._alerts.samples(ask.user, ask.value)
        shown = [(each.at, each.expires, each.text) for each in found.samples]
        return Reply(message=samples_card(found.alert, shown))

    def _erase(self, ask: Ask) -> Reply:
        return Reply(facts=self._alerts.erase(ask.user, ask.value))
