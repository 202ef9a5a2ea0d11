"""Logs: one form for every logger, what is bound on every line, and no secret in any of them."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
import structlog

from bot import logs

HUSH = "hush-hush-hush"


def scrub(text: str) -> str:
    return text.replace(HUSH, "[secret]")


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `configure` does to the process is undone."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in logs.CHATTY}
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def said(level: str = "INFO", form: Literal["json", "console"] | None = "json") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(scrub, form=form, level=level, stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_logger_and_what_is_bound() -> None:
    stream = said()
    with logs.bound(promotion="P-31", ref="7K3Q"):
        structlog.get_logger("bot.here").info("walk.begun", stage="gates", tries=2)
    structlog.get_logger("bot.here").info("idle")
    begun, idle = lines(stream)
    at = datetime.fromisoformat(begun.pop("timestamp"))
    assert at.tzinfo is not None
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert begun == {
        "event": "walk.begun", "promotion": "P-31", "ref": "7K3Q", "stage": "gates", "tries": 2, "level": "info",
        "logger": "bot.here",
    }
    assert "promotion" not in idle


@pytest.mark.parametrize("name", ["uvicorn.error", "slack_bolt.App", "apscheduler.scheduler", "anything"])
def test_the_libraries_loggers_come_out_the_same(name: str) -> None:
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    logging.getLogger(name).setLevel(logging.CRITICAL if name.startswith("uvicorn") else logging.NOTSET)
    stream = said()
    with logs.bound(ref="7K3Q"):
        logging.getLogger(name).warning("token %s", HUSH)
    [line] = lines(stream)
    assert (line["event"], line["level"], line["logger"], line["ref"]) == ("token [secret]", "warning", name, "7K3Q")


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_gets_out_wherever_it_stands(form: Literal["json", "console"]) -> None:
    class Thing:
        def __str__(self) -> str:
            return HUSH

    stream = said(form=form)
    log = structlog.get_logger("bot")
    log.info(HUSH, text=f"a {HUSH}", deep={"list": [HUSH, {HUSH: 1}], "pair": (HUSH,)}, raw=HUSH.encode())
    log.info("odd", thing=Thing())
    log.info("bad %s", HUSH)
    try:
        raise ValueError(HUSH)
    except ValueError:
        log.exception("failed")
        logging.getLogger("slack_bolt").exception("failed")
    log.info("stack", stack_info=True)
    assert HUSH not in stream.getvalue()
    assert stream.getvalue().count("[secret]") >= 9


def test_values_stay_what_they_are_and_odd_ones_become_text() -> None:
    stream = said()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    structlog.get_logger("bot").info("x", n=1, f=1.5, yes=True, none=None, many={3}, at=at)
    [line] = lines(stream)
    assert (line["n"], line["f"], line["yes"], line["none"], line["many"]) == (1, 1.5, True, None, [3])
    assert line["at"] == "2026-01-01 00:00:00+00:00"


def test_an_exception_is_data_and_holds_no_local_variables() -> None:
    stream = said()
    local = "kept to itself"
    try:
        try:
            int("x" * len(local))
        except ValueError as cause:
            raise RuntimeError("broken") from cause
    except RuntimeError:
        structlog.get_logger("bot").exception("failed")
    [line] = lines(stream)
    assert [each["exc_type"] for each in line["exception"]] == ["RuntimeError", "ValueError"]
    assert line["exception"][0]["exc_value"] == "broken"
    assert local not in stream.getvalue()


def test_one_line_stays_one_line_and_escape_codes_do_nothing() -> None:
    stream = said()
    structlog.get_logger("bot").info("a\nb", text="\x1b[2Jc\nd")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    stream = said(form="console")
    structlog.get_logger("bot").info("a", text="\x1b[2J")
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(("level", "heard"), [
    ("DEBUG", ["debug", "info", "warning", "httpx"]), ("INFO", ["info", "warning"]), ("WARNING", ["warning"]),
])
def test_the_level_decides_what_is_heard(level: str, heard: list[str]) -> None:
    stream = said(level)
    log = structlog.get_logger("bot")
    log.debug("debug")
    log.info("info")
    log.warning("warning")
    logging.getLogger("httpx").info("httpx")
    assert [line["event"] for line in lines(stream)] == heard


def test_without_a_terminal_lines_are_json() -> None:
    stream = said(form=None)
    structlog.get_logger("bot").info("hello")
    assert lines(stream)[0]["event"] == "hello"


def test_on_a_terminal_lines_are_for_people() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    logs.configure(scrub, stream=stream)
    structlog.get_logger("bot").info("hello")
    assert "hello" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_what_nobody_caught_is_logged_and_scrubbed_in_threads_too() -> None:
    def fail() -> None:
        raise ValueError(HUSH)

    stream = said()
    logs.catch_uncaught()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    sys.excepthook(ValueError, ValueError(HUSH), None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert [(line["event"], line["level"]) for line in lines(stream)] == [("uncaught", "critical")] * 2
    assert HUSH not in stream.getvalue()
