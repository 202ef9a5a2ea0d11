"""Where logs come from, as the settings say: drains that deliver, projects that are polled, one funnel for both."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

import httpx
import structlog

from bot.adapters.supabase import ManagementLogs
from bot.adapters.trust import authorities
from bot.domain.project import Environment
from bot.domain.record import Status
from bot.domain.sighting import Batch, Folded, Gap
from bot.errors import StagedoorError
from bot.policy import DEFAULT_PROJECT
from bot.ports import Clock, Put
from bot.settings import ProjectSettings, Settings
from bot.sightings.draining import Drain
from bot.sightings.funnel import Funnel
from bot.sightings.hearing import Ears
from bot.sightings.polling import Poller
from bot.sightings.recognising import Recogniser
from bot.sightings.rounds import Rounds
from bot.sightings.shapes import EPOCH
from bot.stores import Store
from bot.telling.notices import tell_gap
from bot.watch.sight import HEARD, sentences, unseen

log = structlog.get_logger(__name__)

DOWN_AFTER: Final = timedelta(seconds=60)
"""A shorter absence is no gap worth a sentence: a restart takes as long."""

Where = tuple[str, Environment]


class Listening:
    """`drains` are for the HTTP door, each with the secret it asks for; `rounds` for a loop."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, on_folded: Callable[[Folded], None]) -> None:
        self._store, self._clock = store, clock
        self._key = hashlib.sha256(b"stagedoor: addresses in logs" + settings.link_key).digest()
        self._refs = {
            where: ref for project in settings.projects.values() for where, ref in _refs(project) if ref
        }
        self._funnel = Funnel(store, on_folded)
        self._client = httpx.Client(
            verify=authorities(), limits=httpx.Limits(max_connections=16, max_keepalive_connections=16),
        )
        self.drains = {
            where: (self._drain(project, where), secret)
            for project in settings.projects.values() for where, secret in _secrets(project)
        }
        self.rounds = Rounds(dict(self._pollers(settings)), clock)
        self._names = names = list(settings.projects)
        self.sole = names[0] if len(names) == 1 else DEFAULT_PROJECT if DEFAULT_PROJECT in names else None
        """The project that is meant where none is named."""

    def begin(self) -> None:
        """Say which spans of drains nobody heard while no process ran; what is polled is read again instead."""
        now, last = self._clock.now(), self._store.get("watch", "alive")
        since = datetime.fromisoformat(str(last["at"])) if last else now
        if now - since > DOWN_AFTER:
            why = "Stagedoor was not running, and a log drain does not send again."
            gaps = [
                Gap(project=project, environment=environment, begin=since, end=now, why=why)
                for project, environment in self.drains
                if (project, environment) not in self.rounds.pollers
                and "drain" in self._store.reached(project, environment)
            ]
            if gaps:
                self._funnel.fold(Batch(gaps=gaps))
        self.alive()

    def alive(self) -> None:
        """Note that somebody is listening now, and tell of spans that nobody saw."""
        self._store.put([Put(shelf="watch", key="alive", doc={"at": self._clock.now().isoformat()})])
        for where in {*self.drains, *self.rounds.pollers}:
            self._tell_gaps(*where)
        for name in self._names:
            self._note_hearing(name)

    def _note_hearing(self, project: str) -> None:
        """What is wrong with the reading of production's logs, for all who ask, whichever process they are in."""
        where, before = (project, Environment.PRODUCTION), self._store.get(HEARD, project) or {}
        poller = self.rounds.pollers.get(where)
        ears = Ears(
            drained=where in self.drains, polled=poller.trouble if poller else None,
            reached=self._store.reached(*where),
        )
        if (said := ears.said(before, self._clock.now())) != before:
            self._store.put([Put(shelf=HEARD, key=project, doc=said)])

    def _tell_gaps(self, project: str, environment: Environment) -> None:
        key = f"gaps told/{project}/{environment}"
        told = self._store.get("watch", key)
        since = datetime.fromisoformat(str(told["end"])) if told else EPOCH
        for gap in self._store.gaps(project, environment, since):
            tell_gap(self._store, gap, Put(shelf="watch", key=key, doc={"end": gap.end.isoformat()}))

    def notes(self) -> list[str]:
        """What is not watched, and why, as sentences."""
        staging = [
            f"Logs of {project} {environment} are not read: {poller.trouble}"
            for (project, environment), poller in self.rounds.pollers.items()
            if poller.trouble and environment is not Environment.PRODUCTION
        ]
        try:
            return staging + [said for project in self._names for said in self._unwatched(project)]
        except StagedoorError as trouble:
            return [*staging, f"Could not check what is watched: {trouble}"]

    def _unwatched(self, project: str) -> list[str]:
        self._note_hearing(project)
        return [f"Not watched in {project} production: {said}" for said in sentences(unseen(self._store, project))]

    def prune(self) -> None:
        self._store.prune_tallies(self._clock.now())

    def stop(self) -> None:
        self.rounds.stop()
        self._client.close()

    def _drain(self, project: ProjectSettings, where: Where) -> Drain:
        elsewhere = {ref: f"{name} {environment}" for (name, environment), ref in self._refs.items()
                     if (name, environment) != where and ref != self._refs.get(where)}
        return Drain(
            recogniser=self._recogniser(project, where), funnel=self._funnel, clock=self._clock, elsewhere=elsewhere,
            before=lambda: self._brought(where), alone=not (project.supabase_access_token and self._refs.get(where)),
        )

    def _brought(self, where: Where) -> datetime:
        """Up to when the drain brought something to whoever listened before."""
        drain = self._store.reached(*where).get("drain")
        return drain.up_to if drain else EPOCH

    def _recogniser(self, project: ProjectSettings, where: Where) -> Recogniser:
        name, environment = where
        return Recogniser(
            project=name, environment=environment, slow_ms=project.policy.watch.slow_query_ms, key=self._key,
        )

    def _pollers(self, settings: Settings) -> Iterator[tuple[Where, Poller]]:
        for project in settings.projects.values():
            token = project.supabase_access_token
            for where, ref in _refs(project):
                if not ref or token is None:
                    continue
                yield where, Poller(
                    source=ManagementLogs(
                        self._client, settings.supabase_api_url, token.get_secret_value(), ref, self._clock,
                    ),
                    recogniser=self._recogniser(project, where), funnel=self._funnel, tallies=self._store,
                    clock=self._clock, every=project.policy.watch.poll, hurried=self._hurried(where),
                )

    def _hurried(self, where: Where) -> Callable[[], bool]:
        name, environment = where

        def hurried() -> bool:
            return environment is Environment.PRODUCTION and any(
                record.stage == "watch"
                for record in self._store.find(kind="promotion", project=name, status=Status.LIVE)
            )

        return hurried


def _refs(project: ProjectSettings) -> Iterator[tuple[Where, str]]:
    yield (project.name, Environment.STAGING), project.staging_ref
    yield (project.name, Environment.PRODUCTION), project.production_ref


def _secrets(project: ProjectSettings) -> Iterator[tuple[Where, bytes]]:
    production = project.supabase_drain_secret
    staging = project.supabase_staging_drain_secret or production
    for environment, secret in ((Environment.PRODUCTION, production), (Environment.STAGING, staging)):
        if secret is not None and secret.get_secret_value():
            yield (project.name, environment), secret.get_secret_value().encode()
