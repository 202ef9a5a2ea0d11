"""Names of people for documents, which are read where Slack's ids mean nothing: as Slack last knew them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress

from bot.domain.person import Person
from bot.domain.report import IncidentReport
from bot.errors import StagedoorError
from bot.ports import People, Put, Shelves

SHELF = "names"
MOST = 50
"""How many people Slack is asked about for one report at most."""

_MENTIONED = re.compile(r"<@([UW][A-Z0-9]{2,30})")
_ID = re.compile(r"[UW][A-Z0-9]{5,30}")


class Remembering:
    """The port `People`, which keeps the name of everybody that was asked about."""

    def __init__(self, people: People, shelves: Shelves) -> None:
        self._people = people
        self._shelves = shelves
        self._known: dict[str, str] = {}

    def find(self, user: str) -> Person:
        person = self._people.find(user)
        if person.name and self._known.get(user) != person.name:
            self._shelves.put([Put(shelf=SHELF, key=user, doc={"name": person.name})])
            self._known[user] = person.name
        return person


def names(shelves: Shelves) -> Mapping[str, str]:
    """Everybody's name by id."""
    return {id: str(doc["name"]) for id, doc in shelves.all(SHELF).items()}


def learned(people: People, shelves: Shelves, report: IncidentReport) -> Mapping[str, str]:
    """Everybody's name; those who stand in a report and whom nobody asked about yet are asked about now."""
    known = names(shelves)
    for person in [each for each in dict.fromkeys(_in(report)) if each not in known][:MOST]:
        with suppress(StagedoorError):      # then the id stands there
            people.find(person)
    return names(shelves)


def _in(report: IncidentReport) -> Iterable[str]:
    for line in report.timeline:
        yield from (line.who,) if _ID.fullmatch(line.who) else ()
        for text in (line.what, *line.was):
            yield from _MENTIONED.findall(text)
    yield from (each.owner for each in report.measures if each.owner)
