"""The ways in which this Slack says no, by the names the real one uses."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A Web API answer with ok: false."""

    def __init__(self, error: str, *, status: int = 200, retry_after: int | None = None, **details: Any) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.retry_after = retry_after
        self.details = details

    def answer(self) -> dict[str, Any]:
        return {"ok": False, "error": self.error, **self.details}


def invalid_arguments(*messages: str) -> Refusal:
    """Slack's answer to missing or malformed arguments, with its way of pointing at the culprit."""
    return Refusal("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}" for message in messages]})


class NotPossible(Exception):
    """A person cannot do this in Slack at all, for example press a button that is not there."""
