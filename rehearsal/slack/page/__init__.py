"""The page on which people play the rehearsal by hand, and the JSON doors behind it."""

from __future__ import annotations

from rehearsal.slack.page.doors import Page

__all__ = ["Page"]
