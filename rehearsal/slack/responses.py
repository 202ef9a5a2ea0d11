"""Answers to a person: what came in the reply to a command or through a response_url."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.slack.methods.chat import content_of
from rehearsal.slack.people import BOT_USER_ID
from rehearsal.slack.refusals import Refusal
from rehearsal.slack.state import Workspace
from rehearsal.slack.things import Answer, Json, Message

USES = 5
LIVES = 30 * 60


def answer_through(workspace: Workspace, name: str, given: Any) -> None:
    """A post to a response_url."""
    answer = workspace.answers.get(name)
    if answer is None:
        raise Refusal("no_such_url", status=404)
    if not isinstance(given, dict):
        raise Refusal("invalid_payload", status=400)
    try:
        with workspace.lock:
            if workspace.clock() - answer.at > LIVES:
                raise Refusal("expired_url", status=404)
            if answer.used >= USES:
                raise Refusal("used_url", status=404)
            answer.used += 1
            _answer(workspace, answer, given)
    except Refusal as refusal:
        refusal.status = 400 if refusal.status == 200 else refusal.status
        raise


def _answer(workspace: Workspace, answer: Answer, given: Json) -> None:
    source = workspace.find(*answer.message) if answer.message else None
    if given.get("delete_original"):
        if source is not None:
            workspace.remove(source)
    elif given.get("replace_original") and source is not None:
        # it may change words, never who sees them
        workspace.edit(source, **content_of(given))
    else:
        tell(workspace, answer, given)


def tell(workspace: Workspace, answer: Answer, given: Json) -> Message:
    """A new message to the person who acted, or to the whole channel where the answer says so."""
    public = given.get("response_type") == "in_channel"
    thread_ts = given.get("thread_ts") if public else answer.thread_ts
    message = Message(
        channel=answer.channel,
        ts=workspace.new_ts(),
        user=BOT_USER_ID,
        at=workspace.clock(),
        thread_ts=thread_ts or answer.thread_ts,
        only_for=None if public else answer.user,
        metadata=given.get("metadata"),
        **content_of(given),
    )
    return workspace.post(message)


def reply_in_body(workspace: Workspace, answer: Answer, body: str, content_type: str) -> None:
    """What a command was answered in the HTTP reply itself: nothing, plain text, or a message as JSON."""
    if not body.strip():
        return
    given: Any = {"text": body}
    if "json" in content_type:
        try:
            given = json.loads(body)
        except ValueError:
            raise Refusal("invalid_json") from None
        if not isinstance(given, dict):
            raise Refusal("invalid_json")
        if not given:
            return
    tell(workspace, answer, given)
