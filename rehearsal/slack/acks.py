"""What a submitted modal does next, as the bot's answer says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from rehearsal.slack.refusals import Refusal, invalid_arguments
from rehearsal.slack.rules import problems_in_view
from rehearsal.slack.state import Workspace
from rehearsal.slack.things import Delivered, Json, View

TROUBLE = "We had some trouble connecting. Try again?"


def after_submission(workspace: Workspace, view: View, delivered: Delivered) -> Delivered:
    """Close, change or keep the view; a bad answer keeps it open with an error, as Slack does."""
    if delivered.error is None:
        try:
            _follow(workspace, view, _answer(delivered))
            return delivered
        except Refusal as refusal:
            details = refusal.details.get("response_metadata", {}).get("messages", [])
            delivered = replace(delivered, error=" ".join([refusal.error, *details]))
    with workspace.change():
        view.errors = {"": f"{TROUBLE} ({delivered.error})"}
    return delivered


def _answer(delivered: Delivered) -> Json:
    if not delivered.body.strip():
        return {}
    try:
        answer: Any = json.loads(delivered.body)
    except ValueError:
        raise Refusal("invalid_response") from None
    if not isinstance(answer, dict):
        raise Refusal("invalid_response")
    return answer


def _follow(workspace: Workspace, view: View, answer: Json) -> None:
    match answer.get("response_action"):
        case None:
            if answer:
                raise Refusal("invalid_response")
            workspace.close_view(view)
        case "clear":
            workspace.close_view(view, whole_pile=True)
        case "errors":
            _show_errors(workspace, view, answer.get("errors"))
        case "update":
            workspace.update_view(view, _checked(answer.get("view")))
        case "push":
            if len(workspace.stacks.get(view.user, [])) >= 3:
                raise Refusal("push_limit_reached")
            workspace.new_view(view.user, _checked(answer.get("view")), under=view)
        case other:
            raise Refusal(f"invalid_response_action: {other}")


def _show_errors(workspace: Workspace, view: View, errors: Any) -> None:
    inputs = {block["block_id"] for block in view.blocks if block.get("type") == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
        # Slack has nowhere to show an error that belongs to no input
        raise Refusal("invalid_errors_block_ids")
    with workspace.change():
        view.errors = {str(name): str(text) for name, text in errors.items()}


def _checked(view: Any) -> Json:
    problems = problems_in_view(view, "modal")
    if problems:
        raise invalid_arguments(*map(str, problems))
    assert isinstance(view, dict)
    return view
