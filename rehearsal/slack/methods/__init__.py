"""The Web API methods of this Slack, a file a noun; the list is in the order of Slack's own reference."""

from __future__ import annotations

from rehearsal.slack.methods import canvases, chat, conversations, extras, files, users, views
from rehearsal.slack.methods.asked import Asked, Method

METHODS: dict[str, Method] = {
    **extras.METHODS,
    **canvases.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **users.METHODS,
    **views.METHODS,
}

__all__ = ["METHODS", "Asked", "Method"]
