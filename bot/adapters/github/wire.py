"""The one place that talks to GitHub: conditional requests, pages, limits, and what each refusal means."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bot.adapters.trust import authorities
from bot.domain.entry import Json
from bot.errors import Refused, StagedoorError, Unknown, Unreachable
from bot.ports import Clock

TIMEOUT = 5.0
REMEMBERED = 2_000
"""Answers that are kept for conditional requests; one that GitHub confirms does not count against its limit."""
MOST_PAGES = 30
BREATH = timedelta(seconds=2)
"""How long after silence nobody asks again: a stage asks many things, and each would wait for the time-out."""
SECONDARY = timedelta(seconds=60)
"""How long to wait after a limit that names no time, as GitHub's documentation advises."""
RIGHTS = "docs/github.md lists the rights that it needs."


class NotThere(StagedoorError):
    """GitHub answered 404; whoever asked knows what that means."""


@dataclass(frozen=True)
class _Kept:
    etag: str
    body: Any
    following: str


class Wire:
    """Requests to one GitHub. Its errors never hold the token, nor an address with one."""

    def __init__(self, api_url: str, token: str, clock: Clock) -> None:
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._base = api_url.rstrip("/")
        self._clock = clock
        self._client = httpx.Client(verify=authorities(), timeout=TIMEOUT, headers=headers, follow_redirects=False)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._guard = threading.Lock()
        self._silent: tuple[datetime, str] | None = None

    def get(self, path: str, /, **query: str | int) -> Any:
        """The answer as JSON. Raises `NotThere`, `Refused` or `Unreachable`."""
        return self._conditional(self._address(path, query))[0]

    def once(self, path: str, /) -> Any:
        """The same for what never changes and is kept by whoever asks."""
        return self._read(self._ask("GET", self._address(path, {})))

    def pages(self, path: str, /, part: str = "", **query: str | int) -> list[Any]:
        """Every item of a list that comes in pages; `part` is where an answer keeps its list."""
        items: list[Any] = []
        address = self._address(path, {"per_page": 100, **query})
        for _ in range(MOST_PAGES):
            body, following = self._conditional(address)
            items += body[part] if part else body
            if not following:
                return items
            address = following
        raise Refused(f"GitHub's list at {path} has more than {MOST_PAGES * 100} items; Stagedoor reads no further.")

    def post(self, path: str, body: dict[str, Json]) -> Any:
        return self._ask("POST", self._address(path, {}), json=body).json()

    def put(self, path: str, body: dict[str, Json]) -> Any:
        return self._ask("PUT", self._address(path, {}), json=body).json()

    def patch(self, path: str, body: dict[str, Json]) -> Any:
        return self._ask("PATCH", self._address(path, {}), json=body).json()

    def close(self) -> None:
        self._client.close()

    def _address(self, path: str, query: dict[str, str | int]) -> str:
        return str(httpx.URL(self._base + path, params=query or None))

    def _conditional(self, address: str) -> tuple[Any, str]:
        with self._guard:
            kept = self._kept.get(address)
        answer = self._ask("GET", address, headers={"If-None-Match": kept.etag} if kept else {})
        if answer.status_code == 304 and kept:
            return kept.body, kept.following
        body = self._read(answer)
        following = str(answer.links.get("next", {}).get("url", ""))
        if following and not following.startswith(f"{self._base}/"):
            raise Refused("GitHub's answer goes on at another address, where the token does not belong.")
        if etag := answer.headers.get("ETag"):
            with self._guard:
                self._kept[address] = _Kept(etag, body, following)
                self._kept.move_to_end(address)
                while len(self._kept) > REMEMBERED:
                    self._kept.popitem(last=False)
        return body, following

    def _read(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise self._quiet("GitHub answered something that is not JSON.") from None

    def _ask(self, method: str, address: str, **more: Any) -> httpx.Response:
        if self._silent and self._clock.now() < self._silent[0]:
            raise Unreachable(self._silent[1])
        try:
            answer = self._client.request(method, address, **more)
        except httpx.TimeoutException:
            raise self._quiet(f"GitHub did not answer within {TIMEOUT:g} s.") from None
        except httpx.HTTPError as trouble:
            raise self._quiet(f"GitHub does not answer ({type(trouble).__name__}).") from None
        if answer.status_code in (200, 201, 304):
            return answer
        raise self._refusal(answer)

    def _refusal(self, answer: httpx.Response) -> StagedoorError:
        status, says = answer.status_code, _message(answer)
        if limited := self._limited(answer, says):
            return limited
        if status == 404:
            return NotThere("GitHub has nothing there.")
        if status == 401:
            return Refused(f"GitHub does not take GITHUB_TOKEN ({says}). Put a valid one there; {RIGHTS}")
        if status == 403:
            needs = answer.headers.get("X-Accepted-GitHub-Permissions", "")
            return Refused(f"GITHUB_TOKEN lacks a right{f' ({needs})' if needs else ''}: {says}. {RIGHTS}")
        if status in (301, 302, 307, 308):
            return Unknown("GitHub says that the repository has moved. Put its new name into GITHUB_REPOSITORY.")
        if status >= 500:
            return self._quiet(f"GitHub answered {status}.")
        return Refused(f"GitHub refused it with {status} ({says}).")

    def _limited(self, answer: httpx.Response, says: str) -> Unreachable | None:
        """A limit of GitHub's, with the time until which it holds; until then nothing is asked."""
        if answer.status_code not in (403, 429):
            return None
        now, headers = self._clock.now(), answer.headers
        if headers.get("Retry-After", "").isdigit():
            until = now + timedelta(seconds=int(headers["Retry-After"]))
        elif headers.get("X-RateLimit-Remaining") == "0" and headers.get("X-RateLimit-Reset", "").isdigit():
            until = datetime.fromtimestamp(int(headers["X-RateLimit-Reset"]), UTC)
        elif answer.status_code == 429 or "rate limit" in says.lower():
            until = now + SECONDARY
        else:
            return None
        return self._quiet(f"GitHub's limit for requests is used up until {until:%H:%M:%S} UTC.", until)

    def _quiet(self, why: str, until: datetime | None = None) -> Unreachable:
        self._silent = (until or self._clock.now() + BREATH, why)
        return Unreachable(why)


def _message(answer: httpx.Response) -> str:
    """GitHub's own short message."""
    try:
        said = answer.json().get("message", "")
    except (ValueError, AttributeError):
        said = ""
    return str(said)[:200].rstrip(".") or f"status {answer.status_code}"
