"""One request to the other side, and what its silence means: whether it may have acted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from bot.adapters.trust import authorities
from bot.errors import StagedoorError
from bot.ports import Turned

TIMEOUT = 10.0
SHORT = 200


class Silent(StagedoorError):
    """No answer. `sent` tells whether the request may have arrived."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class No(StagedoorError):
    """The other side refused; the message holds its status and its own short words."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """A good answer: its status and its JSON (empty where it is none)."""

    status: int
    body: Any
    text: str
    location: str = ""


class Asking:
    """Requests to one address book entry. `called` is how messages name the other side."""

    def __init__(self, called: str, base: str = "", token: str = "") -> None:
        self.called = called
        self._base = base.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(verify=authorities(), timeout=TIMEOUT, headers=headers, follow_redirects=False)

    def get(self, path: str, **query: str | int) -> Any:
        return self.send("GET", path, query=query).body

    def send(
        self, method: str, path: str, json: Any = None, *, query: dict[str, str | int] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Raises `Silent` or `No`, whose words never hold an address or a token."""
        try:
            answer = self._client.request(
                method, self._base + path, json=json, params=query or None, headers=headers,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL, httpx.UnsupportedProtocol) as trouble:
            raise Silent(f"{self.called} cannot be reached ({type(trouble).__name__}).", sent=False) from None
        except httpx.TimeoutException:
            raise Silent(f"{self.called} did not answer within {TIMEOUT:g} s.", sent=True) from None
        except httpx.HTTPError as trouble:
            raise Silent(f"{self.called} broke off ({type(trouble).__name__}).", sent=True) from None
        said = _body(answer)
        if not answer.is_success:
            raise No(f"{self.called} answered {answer.status_code}{_why(said, answer)}.", answer.status_code)
        return Answer(answer.status_code, said, answer.text[:SHORT], answer.headers.get("Location", ""))


def trouble(exc: Silent | No, *, acted: bool) -> Turned:
    """What a failed request comes to. `acted`: it was one that changes something, so silence leaves doubt."""
    if isinstance(exc, Silent) and exc.sent and acted:
        return Turned(state="unknown", answer=f"{exc} It may have acted: look there before you press again.")
    return Turned(state="failed", answer=f"{exc} Nothing was switched.")


def _body(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return {}


def _why(said: Any, answer: httpx.Response) -> str:
    """The other side's own short words."""
    error = said.get("error") if isinstance(said, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    if not message and isinstance(said, dict):
        message = said.get("message")
    words = " ".join(str(message or "").split())[:SHORT]
    return f" ({words})" if words else ""
