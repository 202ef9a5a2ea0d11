"""canvases.*: documents that people and the bot write; on a plan without them every one of these refuses.

What comes back is not what was put in, letter by letter: a canvas is no text file, and Slack writes its Markdown anew.
"""

from __future__ import annotations

import html
import re

from rehearsal.slack.methods.asked import Asked, Method
from rehearsal.slack.people import BOT_USER_ID
from rehearsal.slack.refusals import Refusal, invalid_arguments
from rehearsal.slack.things import Canvas, Json

LONGEST = 1_048_576


def create(asked: Asked) -> Json:
    workspace = asked.workspace
    if workspace.plan == "free" and "channel_id" not in asked.args:
        raise Refusal("free_teams_cannot_create_non_tabbed_canvases")
    canvas = Canvas(
        id=asked.workspace.new_id("F"), title=asked.args.text("title"), markdown=_content(asked), at=workspace.clock(),
    )
    with workspace.change():
        workspace.canvases[canvas.id] = canvas
    return {"canvas_id": canvas.id}


def edit(asked: Asked) -> Json:
    canvas = _canvas(asked)
    changes = asked.args.structure("changes")
    if not isinstance(changes, list) or len(changes) != 1:
        raise invalid_arguments("must hold one change [json-pointer:/changes]")
    change = changes[0]
    document = change.get("document_content") or {}
    if change.get("operation") != "replace" or change.get("section_id") or document.get("type") != "markdown":
        raise Refusal("canvas_editing_failed")    # this Slack knows only what the bot does
    with asked.workspace.change():
        canvas.markdown = str(document.get("markdown", ""))
    return {}


def content(asked: Asked) -> Json:
    canvas, form = _canvas(asked), asked.args.text("content_type", "markdown")
    if form not in ("markdown", "html"):
        raise invalid_arguments("must be one of markdown, html [json-pointer:/content_type]")
    return {"content": as_read(canvas.markdown) if form == "markdown" else f"<p>{html.escape(canvas.markdown)}</p>"}


def give_access(asked: Asked) -> Json:
    canvas, level = _canvas(asked), asked.args.text("access_level")
    channels, people = asked.args.structure("channel_ids"), asked.args.structure("user_ids")
    if bool(channels) == bool(people):
        raise Refusal("invalid_parameters")
    if level not in ("read", "write"):
        raise invalid_arguments("must be one of read, write [json-pointer:/access_level]")
    for name in channels or ():
        channel = asked.workspace.channels.get(str(name))
        if channel is None or BOT_USER_ID not in channel.members:
            raise Refusal("channel_not_found")
    with asked.workspace.change():
        canvas.access |= {str(name): level for name in channels or people}
    return {}


def as_read(markdown: str) -> str:
    """The same words in Slack's own hand: bullets, emphasis and blank lines of its kind, and what it escapes."""
    said = re.sub(r"^- ", "* ", markdown, flags=re.MULTILINE)
    said = re.sub(r"(?<!\w)_([^_\n]+)_(?!\w)", r"*\1*", said)
    said = re.sub(r"(?<=\w)_(?=\w)", r"\\_", said)
    return re.sub(r"\n{2,}", "\n\n", said).strip() + "\n\n"


def _content(asked: Asked) -> str:
    given = asked.args.structure("document_content")
    if given is None:
        return ""
    if not isinstance(given, dict) or given.get("type") != "markdown":
        raise invalid_arguments("must be of type markdown [json-pointer:/document_content/type]")
    said = str(given.get("markdown", ""))
    if len(said) > LONGEST:
        raise invalid_arguments("must be less than 1048577 characters [json-pointer:/document_content/markdown]")
    return said


def _canvas(asked: Asked) -> Canvas:
    if asked.workspace.plan == "free":
        raise Refusal("canvas_disabled_user_team")
    canvas = asked.workspace.canvases.get(asked.args.text("canvas_id"))
    if canvas is None:
        raise Refusal("canvas_not_found")
    return canvas


METHODS = {
    "canvases.create": Method(run=create, scopes=("canvases:write",), tier=2),
    "canvases.edit": Method(run=edit, needs=("canvas_id", "changes"), scopes=("canvases:write",), tier=3),
    "canvases.getContent": Method(run=content, needs=("canvas_id",), scopes=("canvases:read",), tier=3),
    "canvases.access.set": Method(
        run=give_access, needs=("canvas_id", "access_level"), scopes=("canvases:write",), tier=3,
    ),
}
