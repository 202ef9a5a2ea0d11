"""Names of people for documents, which are read where Slack's ids mean nothing: as Slack last knew them."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.person import Person
from bot.ports import People, Put, Shelves

SHELF = "names"


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

