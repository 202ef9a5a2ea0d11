"""A catalog: what a database's user schemas hold, by name, so that two moments or two databases can be compared."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from bot.domain.entry import Json, canonical

Key: TypeAlias = tuple[str, str]
"""An object's kind and its name as SQL writes it: `("column", "public.books.title")`."""

Doc: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Every object with what defines it. Two catalogs are equal when `objects` are; the rest helps to read them.

    `order` holds the columns of each table in their order, `parents` what an object goes away with, `needs` what it is
    built on. `ids` says which objects of one database are the same although their names differ; it is no part of any
    comparison between databases.
    """

    server: int
    objects: Mapping[Key, Doc]
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parents: dict[Key, tuple[Key, ...]] = field(default_factory=dict)
    needs: Mapping[Key, tuple[Key, ...]] = field(default_factory=dict)
    ids: Mapping[Key, str] = field(default_factory=dict)
    inherited: frozenset[Key] = frozenset()
    """What a partition or child table has from its parent: made and dropped with that."""

    @property
    def major(self) -> int:
        return self.server // 10000

    def of_kind(self, *kinds: str) -> list[Key]:
        return [key for key in self.objects if key[0] in kinds]

    def taking(self, keys: Iterable[Key], other: Snapshot) -> Snapshot:
        """This catalog with some objects as they are in another one."""
        objects, parents, needs = dict(self.objects), dict(self.parents), dict(self.needs)
        order, inherited = dict(self.order), set(self.inherited)
        for key in keys:
            objects.pop(key, None)
            inherited.discard(key)
            if key in other.objects:
                objects[key] = other.objects[key]
                parents[key], needs[key] = other.parents.get(key, ()), other.needs.get(key, ())
                inherited |= {key} & other.inherited
            if key[0] in ("table", "column"):
                table = key[1] if key[0] == "table" else (self.parents | other.parents)[key][0][1]
                order[table] = other.order.get(table, ())
        return replace(self, objects=objects, parents=parents, needs=needs, order=order, inherited=frozenset(inherited))

    def only(self, keys: Collection[Key]) -> Snapshot:
        """A few objects of this catalog, for comparing them and nothing else."""
        return Snapshot(
            server=self.server, objects={key: self.objects[key] for key in keys if key in self.objects},
            parents={key: self.parents[key] for key in keys if key in self.parents},
        )

    def encoded(self) -> bytes:
        """Plain JSON, the same bytes for the same catalog."""
        return canonical(self._json()).encode()

    def _json(self) -> dict[str, Json]:
        links = {"parents": self.parents, "needs": self.needs}
        return {
            "server": self.server,
            "objects": {_name(key): dict(doc) for key, doc in self.objects.items()},
            "order": {table: list(columns) for table, columns in self.order.items()},
            **{
                what: {_name(key): [_name(to) for to in tos] for key, tos in all_.items()}
                for what, all_ in links.items()
            },
            "ids": {_name(key): id for key, id in self.ids.items()},
            "inherited": list[Json](sorted(_name(key) for key in self.inherited)),
        }

    @classmethod
    def decoded(cls, content: bytes) -> Snapshot:
        return cls.of_json(json.loads(content))

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Snapshot:
        return cls(
            server=data["server"],
            objects={_key(name): doc for name, doc in data["objects"].items()},
            order={table: tuple(columns) for table, columns in data["order"].items()},
            parents=_links(data["parents"]),
            needs=_links(data["needs"]),
            ids={_key(name): id for name, id in data["ids"].items()},
            inherited=frozenset(_key(name) for name in data["inherited"]),
        )


def _name(key: Key) -> str:
    return " ".join(key)


def _key(name: str) -> Key:
    kind, _, rest = name.partition(" ")
    return kind, rest


def _links(data: Mapping[str, Iterable[str]]) -> dict[Key, tuple[Key, ...]]:
    return {_key(name): tuple(map(_key, names)) for name, names in data.items()}
