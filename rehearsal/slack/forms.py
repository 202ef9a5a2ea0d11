"""Filling in what blocks ask for: the values of inputs, and the buttons by the words on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rehearsal.slack.refusals import NotPossible
from rehearsal.slack.rules.blocks import elements_of
from rehearsal.slack.things import Json

LINES = {"plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input"}
ONE_ID = {
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
MANY = {"checkboxes", "multi_static_select"}
ONE = {"static_select", "radio_buttons", "external_select", "overflow"}


@dataclass(frozen=True, kw_only=True)
class Control:
    """Something a person can press, choose or write into."""

    block: Json
    element: Json

    @property
    def kind(self) -> str:
        return str(self.element.get("type"))

    @property
    def label(self) -> str:
        """The words beside or on it."""
        for part in (self.element.get("text"), self.block.get("label"), self.element.get("placeholder")):
            if isinstance(part, dict):
                return str(part.get("text", ""))
        return ""

    @property
    def names(self) -> set[str]:
        section = self.block.get("text") if self.block.get("type") == "section" else None
        words = {str(section.get("text"))} if isinstance(section, dict) else set()
        block_id, action_id = str(self.block.get("block_id")), str(self.element.get("action_id"))
        return words | {self.label, action_id, block_id, f"{block_id}/{action_id}"}

    def press(self) -> Json:
        """What a click on a button carries."""
        return {"value": self.element["value"]} if "value" in self.element else {}

    def value(self, chosen: Any) -> Json:
        """`chosen` the way state.values and actions show it; options go by their words or their value."""
        kind = self.kind
        if kind in LINES:
            return {"type": kind, "value": None if chosen in (None, "") else str(chosen)}
        if kind in ONE_ID:
            return {"type": kind, ONE_ID[kind]: chosen}
        if kind == "multi_users_select":
            return {"type": kind, "selected_users": list(chosen or [])}
        if kind in MANY:
            wanted = [chosen] if isinstance(chosen, str) else list(chosen or [])
            return {"type": kind, "selected_options": [self.option(one) for one in wanted]}
        if kind in ONE:
            return {"type": kind, "selected_option": None if chosen is None else self.option(chosen)}
        return {"type": kind, "value": chosen}

    def initial(self) -> Json:
        """What is there before anybody touched it."""
        element, kind = self.element, self.kind
        if kind in LINES:
            return self.value(element.get("initial_value"))
        if kind in MANY:
            return {"type": kind, "selected_options": list(element.get("initial_options", []))}
        if kind in ONE:
            return {"type": kind, "selected_option": element.get("initial_option")}
        if kind == "multi_users_select":
            return self.value(element.get("initial_users"))
        return self.value(element.get(ONE_ID.get(kind, "").replace("selected", "initial")))

    def options(self) -> list[Json]:
        grouped = [option for group in self.element.get("option_groups", []) for option in group["options"]]
        return [*self.element.get("options", []), *grouped]

    def option(self, chosen: Any) -> Json:
        for option in self.options():
            if chosen in (option["text"]["text"], option["value"]):
                return option
        offered = ", ".join(option["text"]["text"] for option in self.options())
        raise NotPossible(f"There is no option “{chosen}”; there are: {offered}.")


def controls(blocks: list[Json]) -> Iterator[Control]:
    for block in blocks:
        for _, element in elements_of(block):
            if element.get("type") != "image":
                yield Control(block=block, element=element)


def pressed(blocks: list[Json], words: str, near: str | None = None) -> tuple[Control, Json]:
    """The button with these words, or the line of an overflow menu, and what a press on it sends."""
    found: list[tuple[Control, Json]] = []
    offered: list[str] = []
    for control in controls(blocks):
        if near is not None and near not in str(_around(blocks, control)):
            continue
        if control.kind == "button":
            offered.append(control.label)
            if control.label == words:
                found.append((control, control.press()))
        elif control.kind == "overflow":
            offered += [option["text"]["text"] for option in control.options()]
            found += [
                (control, {"selected_option": option})
                for option in control.options()
                if option["text"]["text"] == words
            ]
    if not found:
        raise NotPossible(f"There is no button “{words}”; there are: {', '.join(offered) or 'none'}.")
    if len(found) > 1:
        raise NotPossible(f"{len(found)} buttons say “{words}”: say near which text.")
    return found[0]


def _around(blocks: list[Json], control: Control) -> list[Json]:
    """The block of a control; for a row of buttons also the block above, which says what they are about."""
    place = next(i for i, block in enumerate(blocks) if block is control.block)
    return blocks[max(0, place - 1) : place + 1] if control.block.get("type") == "actions" else [control.block]


def action(control: Control, sent: Json, at: float) -> Json:
    """One entry of `actions` in a block_actions payload."""
    shown: Json = {
        "action_id": control.element["action_id"],
        "block_id": control.block["block_id"],
        "type": control.kind,
        "action_ts": f"{at:.6f}",
        **sent,
    }
    if control.kind == "button":
        shown["text"] = control.element["text"]
        if "style" in control.element:
            shown["style"] = control.element["style"]
    return shown


def values_of(blocks: list[Json], given: dict[str, Any] | None = None) -> Json:
    """state.values of these blocks, with what a person filled in by label, action_id or block_id."""
    left = dict(given or {})
    values: Json = {}
    for control in controls(blocks):
        if control.kind in ("button", "overflow"):
            continue
        name = next((name for name in left if name in control.names), None)
        value = control.initial() if name is None else control.value(left.pop(name))
        values.setdefault(control.block["block_id"], {})[control.element["action_id"]] = value
    if left:
        there = ", ".join(c.label or c.element["action_id"] for c in controls(blocks))
        raise NotPossible(f"Nothing here is called {', '.join(left)}; there are: {there}.")
    return values


def missing(blocks: list[Json], values: Json) -> dict[str, str]:
    """The inputs that Slack itself would not let a person submit, by block_id."""
    found = {}
    for control in controls(blocks):
        if control.block.get("type") != "input":
            continue
        value = values.get(control.block["block_id"], {}).get(control.element["action_id"], {})
        entered = next((inner for key, inner in value.items() if key != "type"), None)
        if not entered and not control.block.get("optional", False):
            found[control.block["block_id"]] = "Please complete this required field."
        elif isinstance(entered, str) and control.kind == "plain_text_input":
            least, most = control.element.get("min_length", 0), control.element.get("max_length", 3000)
            if not least <= len(entered) <= most:
                found[control.block["block_id"]] = f"Between {least} and {most} characters."
    return found
