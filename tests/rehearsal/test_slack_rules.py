"""Block Kit is refused where Slack refuses it, with a pointer to the place."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.slack.rules import problems_in_blocks, problems_in_view

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain("Approve"), "action_id": "approve", **more}


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def section(text: Any, **more: Any) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


CONFIRM = {"title": plain("Sure?"), "text": plain("It locks books."), "confirm": plain("Yes"), "deny": plain("No")}
OPTION = {"text": plain("One"), "value": "1"}
CARD: list[Json] = [
    {"type": "header", "text": plain("Promote")},
    section("*Waiting*", accessory=button(confirm=CONFIRM, style="danger"), fields=[plain("one")]),
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "P-31"}]},
    actions(button(value="P-31"), {"type": "overflow", "action_id": "more", "options": [OPTION]}),
    {"type": "divider"},
    {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]},
    {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "select 1"}]}],
    },
]
REASON = {
    "type": "input",
    "block_id": "why",
    "label": plain("Why"),
    "element": {"type": "plain_text_input", "action_id": "reason", "multiline": True},
}
MODAL = {"type": "modal", "title": plain("Reject"), "submit": plain("Reject"), "blocks": [REASON]}


def test_a_card_that_slack_takes_is_taken() -> None:
    assert problems_in_blocks(CARD) == []
    assert problems_in_view(MODAL, "modal") == []


@pytest.mark.parametrize(
    ("block", "pointer", "words"),
    [
        (section("x" * 3001), "/blocks/0/text/text", "less than 3001"),
        (section(""), "/blocks/0/text/text", "more than 0"),
        ({"type": "section"}, "/blocks/0", "text"),
        (section("x", fields=[plain("y" * 2001)]), "/blocks/0/fields/0/text", "less than 2001"),
        (section("x", fields=[plain("y")] * 11), "/blocks/0/fields", "no more than 10"),
        (section("x", colour="red"), "/blocks/0/colour", "additional property"),
        ({"type": "header", "text": plain("x" * 151)}, "/blocks/0/text/text", "less than 151"),
        ({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}, "/blocks/0/text/type", "plain_text"),
        ({"type": "context", "elements": [plain("x")] * 11}, "/blocks/0/elements", "no more than 10"),
        (actions(*[button(action_id=str(n)) for n in range(26)]), "/blocks/0/elements", "no more than 25"),
        (actions(button(text=plain("x" * 76))), "/blocks/0/elements/0/text/text", "less than 76"),
        (actions(button(value="x" * 2001)), "/blocks/0/elements/0/value", "less than 2001"),
        (actions(button(style="loud")), "/blocks/0/elements/0/style", "primary"),
        (actions(button(action_id="x" * 256)), "/blocks/0/elements/0/action_id", "less than 256"),
        (
            actions(button(confirm={**CONFIRM, "text": plain("x" * 301)})),
            "/blocks/0/elements/0/confirm/text/text",
            "less than 301",
        ),
        (
            actions({"type": "overflow", "options": [OPTION] * 6}),
            "/blocks/0/elements/0/options",
            "no more than 5",
        ),
        (
            actions({"type": "static_select", "options": [{**OPTION, "value": "x" * 151}]}),
            "/blocks/0/elements/0/options/0/value",
            "less than 151",
        ),
        (actions({"type": "static_select"}), "/blocks/0/elements/0", "exactly one of"),
        (actions(button(), button()), "/blocks/0/elements/1/action_id", "already exists"),
        ({"type": "image", "image_url": "https://x"}, "/blocks/0", "alt_text"),
        ({"type": "alert", "text": plain("x")}, "/blocks/0/type", "not allowed in a message"),
        ({"type": "newsflash"}, "/blocks/0/type", "unsupported"),
        ({"type": "markdown", "text": "x" * 12001}, "/blocks/0/text", "less than 12001"),
    ],
)
def test_what_slack_refuses_is_refused(block: Json, pointer: str, words: str) -> None:
    found = problems_in_blocks([block])
    assert any(problem.pointer == pointer and words in problem.message for problem in found), found


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([{"type": "divider"}] * 51, "no more than 50"),
        ([{"type": "divider", "block_id": "a"}] * 2, "block_id already exists"),
        ([CARD[5], CARD[5]], "only one table"),
        ("text", "must be an array"),
    ],
)
def test_the_list_of_blocks_has_its_own_limits(blocks: Any, words: str) -> None:
    assert any(words in problem.message for problem in problems_in_blocks(blocks))


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": plain("x" * 25)}, "/view/title/text"),
        ({"submit": plain("x" * 25)}, "/view/submit/text"),
        ({"private_metadata": "x" * 3001}, "/view/private_metadata"),
        ({"callback_id": "x" * 256}, "/view/callback_id"),
        ({"type": "home"}, "/view/type"),
        ({"blocks": []}, "/view/blocks"),
        ({"blocks": [CARD[5]]}, "/view/blocks/0/type"),
        ({"blocks": [{"type": "divider"}] * 101}, "/view/blocks"),
    ],
)
def test_a_view_has_its_own_limits(change: Json, pointer: str) -> None:
    assert pointer in [problem.pointer for problem in problems_in_view({**MODAL, **change}, "modal")]


def test_a_view_that_asks_needs_a_submit_button() -> None:
    view = {name: value for name, value in MODAL.items() if name != "submit"}
    assert [problem.pointer for problem in problems_in_view(view, "modal")] == ["/view/submit"]
