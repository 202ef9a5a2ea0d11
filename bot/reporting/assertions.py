"""Tests for what broke: assertions that were accepted, by project, and what the databases answer to them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from bot.domain.draft import Measure
from bot.domain.evidence import Asserted
from bot.domain.incident import Incident
from bot.domain.project import Environment
from bot.errors import StagedoorError
from bot.ports import Database, Put, Shelves

SHELF = "assertions"
AT_ONCE = 4
"""Questions that are asked side by side; each has a connection of its own, since it is somebody's SQL."""
PRIVATE = "a private measure"


def assertion_put(incident: Incident, measure: Measure, *, gone: bool = False) -> Put:
    """The document by which the gate finds a test, or that takes it away; everybody sees the gate's words."""
    doc = None if gone else {
        "project": incident.project, "incident": incident.id, "id": measure.id,
        "text": PRIVATE if incident.private else measure.text,
        "sql": measure.assertion,
    }
    return Put(shelf=SHELF, key=f"{incident.project}:{measure.id}", doc=doc)


def asserted(shelves: Shelves, project: str, databases: Mapping[Environment, Database]) -> tuple[Asserted, ...]:
    """Ask both databases every test of a project; an answer that could not be had says why."""
    questions = [
        (doc, environment) for doc in shelves.all(SHELF).values() if doc["project"] == project
        for environment in (Environment.STAGING, Environment.PRODUCTION)
    ]
    if not questions:
        return ()
    with ThreadPoolExecutor(AT_ONCE, "ask") as at_once:
        answers = at_once.map(lambda asked: _answer(databases[asked[1]], str(asked[0]["sql"])), questions)
        return tuple(
            Asserted(
                measure=str(doc["id"]), incident=str(doc["incident"]), text=str(doc["text"]), where=str(environment),
                holds=holds, why=why,
            )
            for (doc, environment), (holds, why) in zip(questions, answers, strict=True)
        )


def _answer(database: Database, sql: str) -> tuple[bool | None, str]:
    try:
        return database.holds(sql), ""
    except StagedoorError as trouble:
        return None, str(trouble)
