"""The arguments of a Web API call, whether they came as a query, a form or JSON."""

from __future__ import annotations

import base64
import json
from typing import Any, TypeVar

from rehearsal.slack.refusals import Refusal, invalid_arguments


class Arguments:
    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given

    def __contains__(self, name: str) -> bool:
        return self.given.get(name) not in (None, "")

    def need(self, names: tuple[str, ...]) -> None:
        missing = [name for name in names if name not in self]
        if missing:
            raise invalid_arguments(*(f"missing required field: {name}" for name in missing))

    def text(self, name: str, default: str = "") -> str:
        value = self.given.get(name)
        return default if value is None else str(value)

    def maybe(self, name: str) -> str | None:
        return self.text(name) if name in self else None

    def flag(self, name: str, *, default: bool = False) -> bool:
        return self.text(name).lower() in ("1", "true") if name in self else default

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name)) if name in self else default
        except ValueError:
            raise invalid_arguments(f"must be an integer [json-pointer:/{name}]") from None

    def words(self, name: str) -> list[str]:
        value = self.given.get(name)
        if isinstance(value, list):
            return [str(one) for one in value]
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def structure(self, name: str, broken: str = "invalid_arguments") -> Any:
        """An argument that is itself JSON; forms and queries carry it as a string."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        if value == "":
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise Refusal(broken) from None


Item = TypeVar("Item")


def page_of(items: list[Item], args: Arguments, default: int, most: int) -> tuple[list[Item], str]:
    """One page of a list and the cursor of the next one, empty at the end."""
    start = 0
    if "cursor" in args:
        try:
            start = int(base64.b64decode(args.text("cursor"), validate=True).removeprefix(b"next:"))
        except ValueError:
            raise Refusal("invalid_cursor") from None
    limit = args.number("limit", default) or default
    if not 0 < limit <= most:
        raise Refusal("invalid_limit")
    end = start + limit
    following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return items[start:end], following
