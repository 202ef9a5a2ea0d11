"""`POST /hooks/supabase/logs…`: where log drains deliver. Nothing is answered 202 before it is in the store."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.domain.project import Environment
from bot.errors import StagedoorError
from bot.sightings.draining import Drain, Misdirected, Taken, TooLarge
from bot.sightings.wire import Malformed
from handlers.door.http import body_of

log = structlog.get_logger(__name__)

LARGEST_BODY: Final = 8 << 20
BODY_TIME: Final = 15.0    # seconds; the sender itself gives up after five
AT_WORK: Final = 2         # batches of one source that are read or folded at once: behind them others get their turn
WAITING: Final = 24        # and that wait, body and all; more are told to come again
WAITING_BYTES: Final = 32 << 20
LOST: Final = (408, 413, 415, 429, 503)    # answers to what may have been a batch, and was not taken
PATH: Final = "/hooks/supabase/logs"

Result = TypeVar("Result")


@dataclass(eq=False)
class Mouth:
    """One drain with its secret, and what of it is in the house."""

    drain: Drain
    secret: bytes
    waiting: int = 0
    bytes: int = 0
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_WORK))


class DrainDoor:
    """Threads of its own: one that reads, since reading needs the interpreter anyway, and some that wait for the disk.

    `sole` is the project that the address without a name means, if there is one.
    """

    def __init__(
        self, mouths: Mapping[tuple[str, Environment], Mouth], sole: str | None, registry: CollectorRegistry,
    ) -> None:
        self.mouths, self._sole, self.registry = mouths, sole, registry
        self._reading, self._folding = ThreadPoolExecutor(1, "drain-read"), ThreadPoolExecutor(8, "drain-fold")
        self._events = Counter(
            "stagedoor_log_events", "Events that drains delivered: taken, of those counted, bad, stale (too old to be "
            "counted) or ahead (their clock is).", ["project", "environment", "what"], registry=registry,
        )
        self._turned_away = Counter(
            "stagedoor_log_batches_turned_away", "Batches of drains that were not taken, by the status they got.",
            ["status"], registry=registry,
        )

    def routes(self) -> list[Route]:
        return [Route(path, self.__call__, methods=["POST"]) for path in (PATH, PATH + "/{project}")]

    async def __call__(self, request: Request) -> Response:
        answer = await self._answer(request)
        if answer.status_code in LOST and (mouth := self._mouth(request)):
            mouth.drain.missed()
        if answer.status_code != 202:
            self._turned_away.labels(str(answer.status_code)).inc()
        return answer

    async def _answer(self, request: Request) -> Response:
        mouth = self._mouth(request)
        if mouth is None:
            return _told(404, "no log drain is set up here: see docs/logs.md")
        if not entitled(request.headers.get("authorization", ""), mouth.secret):
            return _told(401, "the Authorization header does not hold this drain's secret")
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", ""):
            return _told(415, "only gzip is understood as content-encoding")
        if mouth.waiting >= WAITING or mouth.bytes >= WAITING_BYTES:
            return _told(429, "too many batches of this drain are waiting", wait=1)
        mouth.waiting += 1
        try:
            body = await body_of(request, LARGEST_BODY, BODY_TIME)
            if isinstance(body, Response):
                return body
            mouth.bytes += len(body)
            try:
                async with mouth.turn:
                    return await self._take(mouth, body, gzipped=encoding == "gzip")
            finally:
                mouth.bytes -= len(body)
        finally:
            mouth.waiting -= 1

    def _mouth(self, request: Request) -> Mouth | None:
        project = request.path_params.get("project") or self._sole
        environment = request.query_params.get("environment", "production")
        if project is None or environment not in [*Environment]:
            return None
        return self.mouths.get((project, Environment(environment)))

    async def _take(self, mouth: Mouth, body: bytes, *, gzipped: bool) -> Response:
        try:
            taken, batch = await _in(self._reading, lambda: mouth.drain.read(body, gzipped=gzipped))
            if batch is not None:
                await _in(self._folding, partial(mouth.drain.funnel.fold, batch))
        except Malformed as error:
            return _told(400, str(error))
        except Misdirected as error:
            return _told(400, str(error))
        except TooLarge:
            return _told(413, "the unpacked body is too large")
        except StagedoorError as trouble:
            log.warning("drain.not_taken", why=str(trouble))
            return _told(503, "the store is out of reach; nothing of this batch was counted", wait=5)
        self._count(mouth, taken)
        return _answered(taken)

    def _count(self, mouth: Mouth, taken: Taken) -> None:
        one = mouth.drain.recogniser
        counts = {
            "taken": taken.taken, "counted": taken.counted, "bad": len(taken.bad), "stale": taken.stale,
            "ahead": taken.ahead,
        }
        for what, count in counts.items():
            if count:
                self._events.labels(one.project, one.environment, what).inc(count)


def entitled(authorization: str, secret: bytes) -> bool:
    """Whether the header holds this secret; it takes as long to find out where it does not."""
    scheme, _, given = authorization.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), secret)


async def _in(threads: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def _answered(taken: Taken) -> Response:
    if not taken.bad:
        return JSONResponse({"taken": taken.taken, **({"test": True} if taken.test else {})}, 202)
    first = taken.bad[0]
    log.warning("drain.bad_events", bad=len(taken.bad), taken=taken.taken, index=first.index, why=first.why)
    return JSONResponse({
        "error": f"event {first.index} is bad: {first.why}; the {taken.taken} good ones were taken",
        "taken": taken.taken, "bad": len(taken.bad), "first_bad": {"index": first.index, "why": first.why},
    }, 400)


def _told(status: int, why: str, wait: int = 0) -> Response:
    return JSONResponse({"error": why, "taken": 0}, status, headers={"retry-after": str(wait)} if wait else None)
