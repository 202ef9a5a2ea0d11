"""The small checks that the rules of Block Kit are put together from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} [json-pointer:{self.pointer}]"


Check = Callable[[Any, str], Iterator[Problem]]


def string(longest: int, shortest: int = 1) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem(at, "must be a string")
        elif len(value) > longest:
            yield Problem(at, f"must be less than {longest + 1} characters, has {len(value)}")
        elif len(value) < shortest:
            yield Problem(at, f"must be more than {shortest - 1} characters")

    return check


def number(least: float = float("-inf"), most: float = float("inf")) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield Problem(at, "must be a number")
        elif not least <= value <= most:
            yield Problem(at, f"must be between {least:g} and {most:g}")

    return check


def flag(value: Any, at: str) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem(at, "must be a boolean")


def anything(value: Any, at: str) -> Iterator[Problem]:
    return iter(())


def one_of(*choices: str) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        if value not in choices:
            yield Problem(at, f"must be one of {', '.join(choices)}")

    return check


def many(check_one: Check, most: int, least: int = 1) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(at, "must be an array")
            return
        if len(value) > most:
            yield Problem(at, f"no more than {most} items allowed, has {len(value)}")
        if len(value) < least:
            yield Problem(at, f"no fewer than {least} items allowed")
        for index, one in enumerate(value):
            yield from check_one(one, f"{at}/{index}")

    return check


def shape(required: dict[str, Check] | None = None, optional: dict[str, Check] | None = None) -> Check:
    """An object with these fields and no others."""
    must, may = required or {}, optional or {}

    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(at, "must be an object")
            return
        for name in must.keys() - value.keys():
            yield Problem(at, f"missing required field: {name}")
        for name, inner in value.items():
            known = must.get(name) or may.get(name)
            if known is None:
                yield Problem(f"{at}/{name}", f"invalid additional property: {name}")
            else:
                yield from known(inner, f"{at}/{name}")

    return check


def typed(kinds: dict[str, Check], what: str) -> Check:
    """An object whose `type` says which rules hold for it."""

    def check(value: Any, at: str) -> Iterator[Problem]:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in kinds:
            yield Problem(f"{at}/type", f"unsupported type for {what}: {kind}")
        else:
            yield from kinds[kind](value, at)

    return check
