"""The rules for what stands inside blocks: text, buttons, menus, inputs and rich text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rehearsal.slack.rules.checks import Check, Problem, anything, flag, many, number, one_of, shape, string, typed

NAME = string(255)
URL = string(3000)


def plain_text(longest: int) -> Check:
    return shape({"type": one_of("plain_text"), "text": string(longest)}, {"emoji": flag})


def any_text(longest: int) -> Check:
    return typed(
        {
            "plain_text": plain_text(longest),
            "mrkdwn": shape({"type": anything, "text": string(longest)}, {"verbatim": flag}),
        },
        "a text object",
    )


STYLE = one_of("primary", "danger")
CONFIRM = shape(
    {"title": plain_text(100), "text": any_text(300), "confirm": plain_text(30), "deny": plain_text(30)},
    {"style": STYLE},
)
OPTION = shape({"text": any_text(75), "value": string(150)}, {"description": any_text(75), "url": URL})
PLAIN_OPTION = shape({"text": plain_text(75), "value": string(150)}, {"description": plain_text(75), "url": URL})
OPTION_GROUP = shape({"label": plain_text(75), "options": many(PLAIN_OPTION, 100)})
DISPATCH = shape({}, {"trigger_actions_on": many(one_of("on_enter_pressed", "on_character_entered"), 2)})

ACTS: dict[str, Check] = {"type": anything, "action_id": NAME, "confirm": CONFIRM}
ASKS: dict[str, Check] = ACTS | {"placeholder": plain_text(150), "focus_on_load": flag}
TYPES: dict[str, Check] = {
    "type": anything,
    "action_id": NAME,
    "placeholder": plain_text(150),
    "focus_on_load": flag,
    "dispatch_action_config": DISPATCH,
}


def _menu(**own: Check) -> Check:
    return shape({"type": anything}, ASKS | own)


def _options(one: Check, **selected: Check) -> Check:
    fields = shape({}, ASKS | {"options": many(one, 100), "option_groups": many(OPTION_GROUP, 100)} | selected)

    def check(value: Any, at: str) -> Iterator[Problem]:
        yield from fields(value, at)
        if ("options" in value) == ("option_groups" in value):
            yield Problem(at, "exactly one of options and option_groups is needed")

    return check


def _several(**own: Check) -> Check:
    return _menu(max_selected_items=number(1), **own)


BUTTON = shape(
    {"type": anything, "text": plain_text(75)},
    ACTS | {"value": string(2000), "url": URL, "style": STYLE, "accessibility_label": string(75)},
)
IMAGE = shape(
    {"type": anything, "alt_text": string(2000)},
    {"image_url": URL, "slack_file": shape({}, {"id": NAME, "url": URL})},
)
INTERACTIVE: dict[str, Check] = {
    "button": BUTTON,
    "overflow": shape({"type": anything, "options": many(PLAIN_OPTION, 5)}, ACTS),
    "static_select": _options(PLAIN_OPTION, initial_option=PLAIN_OPTION),
    "multi_static_select": _options(
        PLAIN_OPTION, initial_options=many(PLAIN_OPTION, 100), max_selected_items=number(1)
    ),
    "external_select": _menu(min_query_length=number(0), initial_option=PLAIN_OPTION),
    "users_select": _menu(initial_user=NAME),
    "multi_users_select": _several(initial_users=many(NAME, 100)),
    "channels_select": _menu(initial_channel=NAME, response_url_enabled=flag),
    "conversations_select": _menu(
        initial_conversation=NAME, default_to_current_conversation=flag, response_url_enabled=flag, filter=anything
    ),
    "checkboxes": shape(
        {"type": anything, "options": many(OPTION, 10)},
        ACTS | {"initial_options": many(OPTION, 10), "focus_on_load": flag},
    ),
    "radio_buttons": shape(
        {"type": anything, "options": many(OPTION, 10)}, ACTS | {"initial_option": OPTION, "focus_on_load": flag}
    ),
    "datepicker": _menu(initial_date=string(10)),
    "timepicker": _menu(initial_time=string(5), timezone=NAME),
    "datetimepicker": _menu(initial_date_time=number(0)),
}
TYPED_IN: dict[str, Check] = {
    "plain_text_input": shape(
        {"type": anything},
        TYPES
        | {
            "initial_value": string(3000, 0),
            "multiline": flag,
            "min_length": number(0, 3000),
            "max_length": number(1, 3000),
        },
    ),
    "email_text_input": shape({"type": anything}, TYPES | {"initial_value": string(3000, 0)}),
    "url_text_input": shape({"type": anything}, TYPES | {"initial_value": string(3000, 0)}),
    "number_input": shape(
        {"type": anything, "is_decimal_allowed": flag},
        TYPES | {"initial_value": NAME, "min_value": NAME, "max_value": NAME},
    ),
    "file_input": shape(
        {"type": anything}, {"action_id": NAME, "filetypes": many(NAME, 100), "max_files": number(1, 10)}
    ),
}
IN_ACTIONS = typed(INTERACTIVE, "an element of actions")
AS_ACCESSORY = typed(INTERACTIVE | {"image": IMAGE}, "an accessory")
IN_INPUT = typed(
    {kind: rule for kind, rule in INTERACTIVE.items() if kind not in ("button", "overflow")} | TYPED_IN,
    "an element of input",
)
IN_CONTEXT = typed({"image": IMAGE, "plain_text": plain_text(3000), "mrkdwn": any_text(3000)}, "an element of context")

LOOK = shape(
    {}, dict.fromkeys(("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight"), flag)
)
RICH_PIECE = typed(
    {
        "text": shape({"type": anything, "text": string(40000)}, {"style": LOOK}),
        "link": shape({"type": anything, "url": URL}, {"text": string(3000), "unsafe": flag, "style": LOOK}),
        "user": shape({"type": anything, "user_id": NAME}, {"style": LOOK}),
        "usergroup": shape({"type": anything, "usergroup_id": NAME}, {"style": LOOK}),
        "channel": shape({"type": anything, "channel_id": NAME}, {"style": LOOK}),
        "broadcast": shape({"type": anything, "range": one_of("here", "channel", "everyone")}, {"style": LOOK}),
        "emoji": shape({"type": anything, "name": NAME}, {"unicode": NAME, "skin_tone": anything, "style": LOOK}),
        "date": shape(
            {"type": anything, "timestamp": number(0), "format": string(255)},
            {"url": URL, "fallback": string(255), "style": LOOK},
        ),
        "color": shape({"type": anything, "value": NAME}),
    },
    "a piece of rich text",
)
PIECES = many(RICH_PIECE, 1000, 0)
RICH_SECTION = shape({"type": anything, "elements": PIECES})
RICH = typed(
    {
        "rich_text_section": RICH_SECTION,
        "rich_text_preformatted": shape(
            {"type": anything, "elements": PIECES}, {"border": number(0, 1), "language": NAME}
        ),
        "rich_text_quote": shape({"type": anything, "elements": PIECES}, {"border": number(0, 1)}),
        "rich_text_list": shape(
            {
                "type": anything,
                "style": one_of("bullet", "ordered"),
                "elements": many(typed({"rich_text_section": RICH_SECTION}, "an item of a list"), 1000),
            },
            {"indent": number(0, 8), "offset": number(0), "border": number(0, 1)},
        ),
    },
    "an element of rich_text",
)
