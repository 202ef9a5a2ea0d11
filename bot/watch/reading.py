"""Readings as people may see them: statements and messages without the values that customers wrote."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.domain.reading import Reading
from bot.ports import Vitals
from bot.sightings.messages import template
from bot.sightings.statements import shown

_NAME = r'(?:"[^"]{1,140}"|[\w.]{1,140}(?:\([\w, \[\]]*\))?)'
_SERVERS = re.compile(
    rf"(?:relation|table|column|schema|type|function|procedure|extension|sequence) {_NAME}(?: of relation {_NAME})? "
    rf"(?:does not exist|already exists)|permission denied for \w+ {_NAME}|must be owner of \w+ {_NAME}|"
    rf"duplicate key value violates unique constraint {_NAME}|"
    rf"null value in column {_NAME} of relation {_NAME} violates not-null constraint"
)
_LEVEL = re.compile(r"\A(?:ERROR|FATAL|PANIC):\s+")


def read(vitals: Vitals, slow_ms: int) -> Reading:
    """One look, every literal taken out of it before anything is made of it. Raises `Unreachable`."""
    found = vitals.read(slow_ms)
    return replace(
        found,
        sessions=tuple(replace(each, query=shown(each.query)) for each in found.sessions),
        statements={id: replace(each, text=shown(each.text)) for id, each in found.statements.items()},
        failed_jobs=tuple(replace(each, said=_failure(each.said)) for each in found.failed_jobs),
    )


def _failure(said: str) -> str:
    """A job's message. pg_cron keeps no state of it: what is surely the server's own keeps its names, no other does."""
    said = _LEVEL.sub("", said).strip().partition("\n")[0]
    return template("XX000" if _SERVERS.fullmatch(said) else "", said)
