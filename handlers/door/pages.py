"""Read-only pages behind signed, expiring links: they show a record while Slack is away, and to those without Slack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from bot.domain.record import Record
from bot.errors import Unknown
from bot.ports import Clock, Journal
from bot.scrub import Scrubber
from bot.signing import Expired, Links
from templates.documents import sorry_page

log = structlog.get_logger(__name__)

HEADERS = {
    # Nothing is loaded from anywhere and nothing runs: what a page shows was written by strangers too.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
                               "frame-ancestors 'none'; base-uri 'none'",
    "cache-control": "private, no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}

Draw = Callable[[Record, str], str]
"""Makes the page of a record; the text says until when its link works."""

Drawn = tuple[tuple[str, ...], Draw]
"""The kinds of record that a page shows, and what draws it."""


class Pages:
    """`GET /promotions/ID` and `/incidents/ID`. Without a good link a stranger learns nothing."""

    def __init__(
        self, journal: Journal, links: Links, clock: Clock, scrub: Scrubber, drawn: Mapping[str, Drawn],
    ) -> None:
        self._journal, self._links, self._clock, self._scrub = journal, links, clock, scrub
        self._drawn = drawn

    def routes(self) -> list[BaseRoute]:
        """A route for each kind; Starlette runs them in threads."""
        return [Route(f"/{name}/{{id}}", self._show, methods=["GET"], name=name) for name in self._drawn]

    def _show(self, request: Request) -> Response:
        name, id = request.url.path.strip("/").split("/")[0], str(request.path_params["id"])
        until, proof = request.query_params.get("until", ""), request.query_params.get("proof", "")
        try:
            good = self._links.prove(f"/{name}/{id}", until, proof, self._clock.now())
        except Expired as over:
            return _sorry(410, "This link has expired", f"It worked until {over}. Stagedoor gives a new one in Slack.")
        if not good:
            return _sorry(404, "There is nothing here", "Pages open with the links that Stagedoor gives, unchanged.")
        kinds, draw = self._drawn[name]
        record = self._journal.load(id)
        if record is None or record.kind not in kinds:
            return _sorry(404, "There is nothing here", "This record is not in the journal that serves this page.")
        try:
            page = draw(record, f"{datetime.fromtimestamp(int(until), UTC):%Y-%m-%d %H:%M} UTC")
        except Unknown as why:
            return _sorry(404, "There is nothing here", str(why))
        except Exception:
            log.exception("page.failed", record=id)
            return _sorry(500, "This page cannot be drawn", "What it would show is not affected. The log says why.")
        return HTMLResponse(self._scrub(page), headers=HEADERS)


def _sorry(status: int, title: str, said: str) -> Response:
    return HTMLResponse(sorry_page(title, said), status, headers=HEADERS)
