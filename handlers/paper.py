"""`stagedoor checklist` and `stagedoor report`: documents from the journal, without Slack and without a running bot."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from bot.adapters.system_clock import SystemClock
from bot.errors import Unknown
from bot.policy import load_policy
from bot.promotions.requests import SERIES
from bot.reporting.checklist import written
from bot.reporting.names import names
from bot.scrub import Scrubber
from bot.settings import store_address
from bot.stores import Store, store_at
from handlers.incidents.reports import in_form
from templates.documents import checklist_markdown


def promotion_checklist(record: str, environ: Mapping[str, str] = os.environ) -> str:
    """A promotion's checklist as Markdown. Raises `Unknown`, `Unreachable` or `ConfigurationError`."""
    policy = load_policy(Path(environ.get("STAGEDOOR_POLICY", "stagedoor.toml")))

    def write(store: Store) -> str:
        known = store.load(record)
        if known is None or known.kind not in SERIES:
            newest = ", ".join(each.id for each in store.find(kind="promotion", limit=100_000)[-3:])
            raise Unknown(f"There is no promotion {record}. The newest: {newest or 'none yet'}.")
        rules = policy.for_project(known.project) if known.project in policy.projects else policy
        return checklist_markdown(written(store, record, rules.gates.after), names(store))

    return from_journal(environ, write)


def incident_report(record: str, form: str, environ: Mapping[str, str] = os.environ) -> str:
    """An incident's report as `md`, `html` or `json`. Raises like the above."""
    return from_journal(environ, lambda store: in_form(store, store, record, form))


def from_journal(environ: Mapping[str, str], write: Callable[[Store], str]) -> str:
    """What `write` makes of the journal that the environment names; secrets stay out of it."""
    place = store_at(store_address(environ))
    if not place.exists():
        raise Unknown(f"There is no journal in {place.name}; STAGEDOOR_STORE_URL says where it is.")
    scrub = Scrubber(())
    with closing(place.open(SystemClock(), scrub)) as store:
        return scrub(write(store))
