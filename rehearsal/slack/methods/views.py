"""views.*: modals and App Home."""

from __future__ import annotations

from rehearsal.slack.methods.asked import Asked, Method, person_of
from rehearsal.slack.refusals import Refusal, invalid_arguments
from rehearsal.slack.rules import problems_in_view
from rehearsal.slack.rules.views import too_large
from rehearsal.slack.state import filled
from rehearsal.slack.things import Json, View

TRIGGER_LIVES = 3.0
TALLEST_PILE = 3


def open_view(asked: Asked) -> Json:
    user = _spend_trigger(asked)
    content = checked_view(asked, "modal")
    return {"view": asked.workspace.new_view(user, content).payload()}


def push_view(asked: Asked) -> Json:
    user = _spend_trigger(asked)
    content = checked_view(asked, "modal")
    pile = asked.workspace.stacks.get(user, [])
    if len(pile) >= TALLEST_PILE:
        raise Refusal("push_limit_reached")
    return {"view": asked.workspace.new_view(user, content, under=asked.workspace.top_view(user)).payload()}


def update_view(asked: Asked) -> Json:
    view = _found(asked)
    if "hash" in asked.args and asked.args.text("hash") != view.hash:
        raise Refusal("hash_conflict")
    asked.workspace.update_view(view, checked_view(asked, "modal", updating=view))
    return {"view": view.payload()}


def publish(asked: Asked) -> Json:
    person = person_of(asked, "user_id")
    content = checked_view(asked, "home")
    workspace = asked.workspace
    with workspace.change():
        home = workspace.homes.get(person.id)
        if home is None:
            identity = workspace.new_id("V")
            home = View(id=identity, user=person.id, hash="", content={}, root=identity)
            workspace.homes[person.id] = home
        elif "hash" in asked.args and asked.args.text("hash") != home.hash:
            raise Refusal("hash_conflict")
        home.content, home.hash = filled(content), workspace.new_hash()
    return {"view": home.payload()}


def _spend_trigger(asked: Asked) -> str:
    """The person whose click allows this view; a trigger lives three seconds and works once."""
    with asked.workspace.lock:
        trigger = asked.workspace.triggers.get(asked.args.text("trigger_id"))
        if trigger is None:
            raise Refusal("invalid_trigger_id")
        if asked.workspace.clock() - trigger.at > TRIGGER_LIVES:
            raise Refusal("expired_trigger_id")
        if trigger.used:
            raise Refusal("exchanged_trigger_id")
        trigger.used = True
        return trigger.user


def checked_view(asked: Asked, surface: str, updating: View | None = None) -> Json:
    return refuse_bad_view(asked, asked.args.structure("view"), surface, updating)


def refuse_bad_view(asked: Asked, view: object, surface: str, updating: View | None = None) -> Json:
    if too_large(view):
        raise Refusal("view_too_large")
    problems = problems_in_view(view, surface)
    if problems:
        raise invalid_arguments(*map(str, problems))
    assert isinstance(view, dict)
    external = view.get("external_id")
    others = [v for v in asked.workspace.views.values() if v is not updating]
    if external and any(other.content.get("external_id") == external for other in others):
        raise Refusal("duplicate_external_id")
    return view


def _found(asked: Asked) -> View:
    identity, external = asked.args.maybe("view_id"), asked.args.maybe("external_id")
    if identity is None and external is None:
        raise invalid_arguments("either view_id or external_id is needed")
    for view in asked.workspace.views.values():
        if view.id == identity or (external and view.content.get("external_id") == external):
            return view
    raise Refusal("not_found")


METHODS = {
    "views.open": Method(run=open_view, needs=("trigger_id", "view"), tier=4),
    "views.push": Method(run=push_view, needs=("trigger_id", "view"), tier=4),
    "views.update": Method(run=update_view, needs=("view",), tier=4),
    "views.publish": Method(run=publish, needs=("user_id", "view"), tier=4),
}
