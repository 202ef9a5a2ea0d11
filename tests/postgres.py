"""What tests need of a real Postgres: one server a test session, a fresh database a test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from rehearsal.postgres import Postgres

_numbers = itertools.count(1)


@contextmanager
def embedded_server() -> Iterator[Postgres]:
    """A fast embedded server for a whole test session."""
    with Postgres(fast=True) as server:
        yield server


@dataclass(frozen=True)
class Fresh:
    """A fresh database like a Supabase project, and a few words to speak with it."""

    server: Postgres
    name: str

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def connect(self, user: str = "postgres", **options: Any) -> psycopg.Connection:
        return psycopg.connect(self.server.url(self.name, user), autocommit=True, **options)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query, parameters or None).fetchall()

    def run(self, *statements: str, user: str = "postgres") -> None:
        with self.connect(user) as connection:
            for statement in statements:
                connection.execute(statement)


@contextmanager
def fresh_database(server: Postgres) -> Iterator[Fresh]:
    """A database of its own, about 50 ms; it is dropped afterwards, whoever is still connected."""
    fresh = Fresh(server, f"fresh{next(_numbers)}")
    server.project(fresh.name)
    try:
        yield fresh
    finally:
        server.drop(fresh.name)
