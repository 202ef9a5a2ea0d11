"""The Management API's logs endpoint as documented and as people met it: limits, refusals, failures with status 200."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from rehearsal.supabase.table import LogTable, QueryFailed, moment

MINUTE = 60.0
RANDOM_ERROR = "Backend error! Retry your query. Please contact support if this continues."


@dataclass(kw_only=True)
class Api:
    """What is asked and answered. `down` is a status with which everything is answered; 0 for none.

    `backend_errors` is the share of good queries that fail at random; `limit` counts requests a minute and project.
    """

    table: LogTable
    token: str
    refs: set[str] = field(default_factory=set)
    limit: int = 30
    down: int = 0
    silent: float = 0.0
    backend_errors: float = 0.0
    refusals: deque[int] = field(default_factory=deque)
    asked: Counter[str] = field(default_factory=Counter)
    hits: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    now: datetime | None = None
    """The time that the endpoint goes by; the real one unless a test sets it."""
    backups: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What `GET …/database/backups` answers, by project; a project without one has none."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/v1/projects/{ref}/analytics/endpoints/logs", self._logs, methods=["GET"]),
            Route("/v1/projects/{ref}/database/backups", self._backups, methods=["GET"]),
            Route("/v1/projects/{ref}/analytics/endpoints/logs.all", self._gone, methods=["GET"]),
        ]

    async def _backups(self, request: Request) -> Response:
        ref = request.path_params["ref"]
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"message": "Unauthorized"}, 401)
        if self.down:
            return JSONResponse({"message": "made to order"}, self.down)
        if ref not in self.refs:
            return JSONResponse({"message": "Project not found"}, 404)
        none = {"region": "eu-central-1", "walg_enabled": True, "pitr_enabled": False, "backups": [],
                "physical_backup_data": {}}
        return JSONResponse({**none, **self.backups.get(ref, {})})

    async def _gone(self, request: Request) -> Response:
        return JSONResponse({"message": "This endpoint was removed. Use analytics/endpoints/logs."}, 410)

    async def _logs(self, request: Request) -> Response:
        return await run_in_threadpool(self._answer, request)

    def _answer(self, request: Request) -> Response:
        ref = request.path_params["ref"]
        with self.lock:
            self.asked[ref] += 1
            refused = self.refusals.popleft() if self.refusals else self.down
        if self.silent:
            time.sleep(self.silent)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"message": "Unauthorized"}, 401)
        if refused:
            return JSONResponse({"message": "made to order"}, refused)
        if ref not in self.refs:
            return JSONResponse({"message": "Project not found"}, 404)
        headers, over = self._limited(ref)
        if over:
            return JSONResponse({"message": "ThrottlerException: Too Many Requests"}, 429, headers=headers)
        return self._result(ref, request, headers)

    def _limited(self, ref: str) -> tuple[dict[str, str], bool]:
        with self.lock:
            now, hits = time.monotonic(), self.hits[ref]
            while hits and now - hits[0] > MINUTE:
                hits.popleft()
            over = len(hits) >= self.limit
            if not over:
                hits.append(now)
            reset = str(int(MINUTE - (now - hits[0])) + 1 if hits else 60)
            left = str(self.limit - len(hits))
        headers = {"x-ratelimit-limit": str(self.limit), "x-ratelimit-remaining": left, "x-ratelimit-reset": reset}
        return headers, over

    def _result(self, ref: str, request: Request, headers: dict[str, str]) -> Response:
        try:
            begin, end = self._span(request)
        except ValueError as wrong:
            return JSONResponse({"message": f"Validation error: {wrong}"}, 400, headers=headers)
        if self.chance.random() < self.backend_errors:
            return JSONResponse({"result": [], "error": RANDOM_ERROR}, headers=headers)
        try:
            rows = self.table.ask(ref, request.query_params.get("sql", "select * from logs"), begin, end)
        except QueryFailed as error:
            if str(error) == RANDOM_ERROR:
                return JSONResponse({"result": [], "error": RANDOM_ERROR}, headers=headers)
            told = {"code": 400, "message": str(error), "status": "INVALID_ARGUMENT", "errors": []}
            return JSONResponse({"result": [], "error": told}, headers=headers)
        return JSONResponse({"result": rows}, headers=headers)

    def _span(self, request: Request) -> tuple[datetime, datetime]:
        given = [request.query_params.get(f"iso_timestamp_{edge}") for edge in ("start", "end")]
        minute, now = timedelta(minutes=1), self.now or datetime.now(UTC)
        begin, end = (moment(text) if text else None for text in given)
        begin = begin or (end - minute if end else now - minute)
        end = end or begin + minute
        begin, end = begin.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
        if end - begin > timedelta(hours=24):
            raise ValueError("the span is longer than 24 hours")
        return begin, end + minute
