"""What a process that stands by answers: it is alive and not ready, for hosts that look before they end the old one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from bot.metrics import Metrics
from handlers.door.http import build, serve

log = structlog.get_logger(__name__)

LETS_GO = 10.0
"""Seconds at most in which the port is let go."""


@contextmanager
def standing_by(host: str, port: int, holder: Callable[[], object]) -> Iterator[None]:
    """Serve `/healthz` and `/readyz` meanwhile, unless whoever serves the store has this very port."""
    if port and not _free(host, port):
        log.info("no health address meanwhile", why=f"port {port} belongs to another process")
        yield
        return
    over = threading.Event()
    web = build(
        slack=None, alive={"process": lambda: None}, metrics=Metrics(),
        ready={"store": lambda: f"stands by: {holder() or 'another process'} serves this store"},
    )
    thread = threading.Thread(
        target=serve, args=(web, host, port, over, lambda port: log.info("standing by on", port=port)),
        name="standby", daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(LETS_GO)


def _free(host: str, port: int) -> bool:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError:
        return False
    return True
