"""Logs: one line an event, the same for our own and for the libraries' loggers, and nothing secret in any of them.

A module logs by `structlog.get_logger()`; `bound(promotion="P-31", ref="7K3Q")` adds to every line of a block.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.contextvars import bound_contextvars as bound
from structlog.processors import ExceptionRenderer, JSONRenderer, format_exc_info
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, Processor

__all__ = ["bound", "catch_uncaught", "configure"]

Scrub = Callable[[str], str]

CHATTY: Final = ("httpx", "httpcore", "uvicorn.access", "apscheduler", "asyncio", "psycopg.pool")
"""Loggers that tell each request or job run; heard from WARNING on, unless everything is wanted."""


def configure(
    scrub: Scrub, *, form: Literal["json", "console"] | None = None, level: str = "INFO", stream: TextIO | None = None,
) -> None:
    """Send every logger of the process to one stream (stderr) in one form; by default the terminal decides which."""
    stream = stream or sys.stderr
    form = form or ("console" if stream.isatty() else "json")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_exceptions(form), _Scrubbing(scrub),
            _renderer(form, stream),
        ],
    ))
    _route(handler, level)


def catch_uncaught() -> None:
    """Log what no one caught, in threads too, instead of Python's own printout, which nobody scrubs."""
    sys.excepthook = _uncaught
    threading.excepthook = lambda failed: _uncaught(
        failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback,
    )


def _uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, (KeyboardInterrupt, SystemExit)):
        return
    structlog.get_logger("bot").critical("uncaught", exc_info=(kind, error, traceback))


def _route(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger(name).propagate = True
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else logging.WARNING)


def _exceptions(form: str) -> list[Processor]:
    """Tracebacks as data or as text; never with local variables, which hold what must not be logged."""
    return [ExceptionRenderer(ExceptionDictTransformer(show_locals=False)) if form == "json" else format_exc_info]


def _renderer(form: str, stream: TextIO) -> Processor:
    if form == "json":
        return JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)


class _Scrubbing:
    """Takes secrets out of every text of an event before it is rendered, while nothing is escaped yet."""

    def __init__(self, scrub: Scrub) -> None:
        self.scrub = scrub

    def __call__(self, logger: object, method: str, event: EventDict) -> MutableMapping[str, Any]:
        return {key: self.clean(value) for key, value in event.items()}

    def clean(self, value: object) -> object:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.scrub(value).replace("\x1b", "␛")
            case Mapping():
                return {self.scrub(str(key)): self.clean(inner) for key, inner in value.items()}
            case bytes() | bytearray():
                return self.clean(bytes(value).decode(errors="backslashreplace"))
            case Sequence() | set() | frozenset():
                return [self.clean(inner) for inner in value]
            case _:
                return self.clean(str(value))
