"""GitHub over its REST API: the port `CodeHost`."""

from __future__ import annotations

from bot.adapters.github.host import GitHub

__all__ = ["GitHub"]
