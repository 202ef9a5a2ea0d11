"""Tests for what broke: assertions that were accepted, by project, and what the databases answer to them."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.draft import Measure
from bot.domain.evidence import Asserted
from bot.domain.incident import Incident
from bot.domain.project import Environment
from bot.errors import StagedoorError
from bot.ports import Database, Put, Shelves

SHELF = "assertions"
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
    found = []
    for doc in shelves.all(SHELF).values():
        if doc["project"] != project:
            continue
        for environment in (Environment.STAGING, Environment.PRODUCTION):
            holds, why = _answer(databases[environment], str(doc["sql"]))
            found.append(Asserted(
                measure=str(doc["id"]), incident=str(doc["incident"]), text=str(doc["text"]), where=str(environment),
                holds=holds, why=why,
            ))
    return tuple(found)


def _answer(database: Database, sql: str) -> tuple[bool | None, str]:
    try:
        return database.holds(sql), ""
    except StagedoorError as trouble:
        return None, str(trouble)
