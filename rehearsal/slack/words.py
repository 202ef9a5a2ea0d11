"""What Slack makes of the words that people type: escaped, with people, groups, channels and addresses as marks."""

from __future__ import annotations

import re

from rehearsal.slack.markup import escape
from rehearsal.slack.state import Workspace

SIGNS = re.compile(r"(?<![\w&/])([@#])([\w.-]*\w)|(https?://[^\s<>|]+)|&lt;@(U\w+)&gt;")


def as_sent(workspace: Workspace, typed: str) -> str:
    def sign(found: re.Match[str]) -> str:
        kind, name, address, identity = found.groups()
        if address:
            return f"<{address}>"
        if identity:
            # an id in brackets is somebody picked from the list that Slack offers
            return f"<@{identity}>" if identity in workspace.people else found.group()
        return _mark(workspace, kind, name) or found.group()

    return SIGNS.sub(sign, escape(typed))


def _mark(workspace: Workspace, kind: str, name: str) -> str | None:
    if kind == "#":
        channel = next((c for c in workspace.channels.values() if c.name == name), None)
        return f"<#{channel.id}|{channel.name}>" if channel else None
    if name in ("channel", "here", "everyone"):
        return f"<!{name}>"
    person = next((p for p in workspace.people.values() if p.name == name), None)
    group = next((g for g in workspace.groups.values() if g.handle == name), None)
    if person:
        return f"<@{person.id}>"
    return f"<!subteam^{group.id}|@{group.handle}>" if group else None
