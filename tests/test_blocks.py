"""Cards: whatever text comes in, what goes out stays within Slack's limits, and plain text does nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from templates.blocks import (
    Mark,
    Message,
    actions,
    bold,
    button,
    choice,
    code,
    confirm,
    context,
    divider,
    fields,
    header,
    line,
    lines,
    link,
    mention,
    modal,
    notice,
    overflow,
    plain,
    preformatted,
    rich,
    section,
    speech,
    table,
    text_input,
    when,
)
from templates.text import clamp_mark, clean, size, unmarked, width
from templates.words import place

PIECES = [
    "<!channel>", "<!here>", "<@U0ANA0001>", "<!subteam^S1>", "<https://evil.example|good>", "@here", "@channel",
    "@everyone", "*", "_", "~", "`", "```", "&lt;!channel&gt;", "&amp;", "&", "<", ">", "|", "\n", "\r\n", "> quote",
    " ", "a", "user_profiles", "\u202e", "\u200b", "\ud800", "\x00", "日本", "👩\u200d🚒", "<!date^1^{time}|x>",
    "https://x.example/?a=1&b=2", ":shipit:",
]
LONG = ["x" * 10_000, "<!channel>" * 1_200, "👩\u200d🚒" * 1_500, "\n" * 5_000, " " * 4_000, "ab\n" * 4_000]
NASTY = st.one_of(
    st.text(max_size=400), st.lists(st.sampled_from(PIECES), max_size=60).map("".join), st.sampled_from(LONG),
)
DEAD = {
    None, "text", "rich_text", "rich_text_section", "rich_text_preformatted", "section", "context", "header", "actions",
    "button",
}
LIVE = re.compile("<[^>]*>")
SHOUT = re.compile("@(?:here|channel|everyone)\\b", re.IGNORECASE)


def texts(value: Any) -> Iterator[dict[str, Any]]:
    """Every text object of a message."""
    if isinstance(value, dict):
        if value.get("type") in ("mrkdwn", "plain_text"):
            yield value
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def live(value: Any) -> list[str]:
    """Everything in a message that notifies or links, and every rich element but text."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            assert value["verbatim"] is True
            return LIVE.findall(value["text"]) + SHOUT.findall(value["text"])
        if value.get("type") == "plain_text":
            return []
        own = [str(value["type"])] if value.get("type") not in DEAD else []
        return own + [found for part in value.values() for found in live(part)]
    return [found for part in value for found in live(part)] if isinstance(value, list) else []


def strict(value: JsonObject) -> None:
    """Slack's own models look at the block and at everything in it."""
    value.validate_json()
    for part in vars(value).values():
        for one in part if isinstance(part, list | tuple) else [part]:
            if isinstance(one, JsonObject):
                strict(one)


def plainly(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block to reach into, as whoever gets its JSON does."""
    return dict(block)


def accepted(message: Message) -> dict[str, Any]:
    body = message.to_json()
    json.dumps(body).encode()
    assert 1 <= size(str(body["text"])) <= 4000
    blocks = body["blocks"]
    assert isinstance(blocks, list)
    assert 1 <= len(blocks) <= 50
    for block in blocks:
        assert isinstance(block, dict)
        parsed = Block.parse(plainly(block))
        assert parsed is not None
        strict(parsed)
    for text in texts(body):
        assert 1 <= size(text["text"]) <= 3000
        assert text["text"].strip()
    return body


def everything(text: str) -> Message:
    """A message with the text in every place that takes plain text."""
    return Message(text, (
        header(text), section(text), section(line("by ", text, " and ", text)),
        section(line(bold(text), " ", code(text))), fields(text, line(text)), context(text, line(text)),
        rich(text, "and", text), preformatted(text), table([[text, "x"], ["y"]]),
        actions(button(text, "do", "P-1", "danger", confirm(text, text, text, text, "danger"))),
    ))


@settings(deadline=None)
@given(NASTY)
def test_any_text_makes_a_message_that_slack_takes_and_that_does_nothing_by_itself(text: str) -> None:
    body = accepted(everything(text))
    assert live(body) == []
    assert LIVE.findall(str(body["text"])) == []
    assert SHOUT.findall(str(body["text"])) == []


@settings(deadline=None)
@given(NASTY)
def test_plain_text_inside_a_line_brings_no_style(text: str) -> None:
    seen = re.sub("`[^`\n]*`", "", line("a ", text, " z"))
    assert not re.search("[*~`]", seen)
    assert not re.search("(?:^|[^A-Za-z0-9_])_|_(?:$|[^A-Za-z0-9_])", seen)


@settings(deadline=None)
@given(NASTY)
def test_a_mark_survives_being_cut(text: str) -> None:
    mark = line(text, " ", mention("U0ANA0001"), " ", bold(text), code(text), link("https://x.example/a|b", text), text)
    for limit in (1, 5, 30, 75, 300, 3000):
        cut = clamp_mark(mark, limit)
        assert size(cut) <= max(limit, 1) or limit < 5
        assert "<" not in LIVE.sub("", cut)
        assert all(whole in mark for whole in LIVE.findall(cut))
        assert not re.search("&(?!amp;|lt;|gt;)", cut)
        assert cut.count("`") % 2 == 0


@settings(deadline=None)
@given(NASTY)
def test_typed_elements_show_the_text_exactly(text: str) -> None:
    shown = clean(text)
    if shown.strip() and size(shown) < 3000:
        assert plain(text)["text"] == shown
        assert rich(text) == {"type": "rich_text", "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": shown}]},
        ]}


def test_marks_pass_and_plain_text_is_escaped() -> None:
    assert line(bold("waiting"), ", asked by ", mention("U0ANA0001"), ": <!channel> & co") == (
        "*waiting*, asked by <@U0ANA0001>: &lt;!channel&gt; &amp; co"
    )
    assert lines("one", Mark(""), line("two")) == "one\ntwo"


def test_underscores_inside_a_name_stay_as_they_are() -> None:
    assert line("user_profiles.legacy_code") == "user_profiles.legacy_code"
    assert line("_private_") == "\u02cdprivate\u02cd"


def test_code_keeps_everything_but_backticks() -> None:
    assert code("count(*) as _n_, ~x") == "`count(*) as _n_, ~x`"
    assert code("a`b\nc") == "`a\u02cbb c`"
    assert code("") == ""
    assert bold(" ") == ""


def test_a_mention_takes_ids_only() -> None:
    assert mention("W0ABC") == "<@W0ABC>"
    assert mention("S0DBAPPR1") == "<!subteam^S0DBAPPR1>"
    for wrong in ("", "bo", "@bo", "U1> <!channel", "C0DEPLOYS", "!channel", "u0abc", "U0ABC\n"):
        with pytest.raises(ValueError, match="not the id"):
            mention(wrong)


def test_a_moment_is_shown_in_each_readers_zone() -> None:
    moment = datetime(2026, 11, 1, 23, 0, tzinfo=timezone(timedelta(hours=1)))
    assert when(moment) == "<!date^1793570400^{date_short_pretty} {time}|2026-11-01 22:00 UTC>"
    with pytest.raises(ValueError, match="zone"):
        when(moment.replace(tzinfo=None))


def test_a_link_cannot_be_ended_from_inside() -> None:
    assert link("https://x.example/a|b>c?d=1&e=<2", "pull > request") == (
        "<https://x.example/a%7Cb%3Ec?d=1&amp;e=%3C2|pull &gt; request>"
    )
    for wrong in ("javascript:alert(1)", "ftp://x", "https://", "x"):
        with pytest.raises(ValueError, match="http"):
            link(wrong, "x")


def test_what_cannot_be_seen_is_taken_out() -> None:
    assert clean("a\u202eb\u2066c\x1bd\u200be\ufefff\r\ng\u2028h") == "abcdef\ng\nh"
    assert clean("👩\u200d🚒") == "👩\u200d🚒"


def test_a_title_of_ten_thousand_characters_is_cut_and_says_so() -> None:
    body = accepted(Message("x", (header("long " * 2000), section("y" * 10_000), section(line("z" * 10_000)))))
    title, words, marked = (block["text"]["text"] for block in body["blocks"])
    assert title.endswith("…")
    assert words.endswith("(10,000 characters, cut here)")
    assert marked.endswith("(10,000 characters, cut here)")


def test_too_many_parts_keep_the_title_and_the_buttons() -> None:
    parts = [section(str(number)) for number in range(80)]
    body = accepted(Message("x", (header("Title"), *parts, actions(button("Go", "go", "1")), context("P-31"))))
    assert [block["type"] for block in body["blocks"][-2:]] == ["actions", "context"]
    assert body["blocks"][0]["type"] == "header"
    assert "34 more parts" in json.dumps(body)
    assert len(plainly(fields(*map(str, range(14))))["fields"]) == 10
    assert plainly(context(*map(str, range(14))))["elements"][9]["text"] == "… and 5 more"


def test_empty_parts_are_left_out_or_stand_as_a_dash() -> None:
    empty = (actions(), divider(), section(""), header(" "), context(), rich(), preformatted("\n"))
    kinds = [block["type"] for block in accepted(Message("", empty))["blocks"]]
    assert kinds == ["divider", "section", "header", "context", "rich_text", "rich_text"]
    assert accepted(notice("Done."))["blocks"] == [section("Done.")]
    assert accepted(Message("Done."))["blocks"] == [section("Done.")]


def test_ids_and_values_are_never_cut() -> None:
    for wrong in ("", "x" * 2001):
        with pytest.raises(ValueError, match="Slack takes"):
            button("Go", "go", wrong)
    with pytest.raises(ValueError, match="Slack takes"):
        overflow("more", ("Go", "x" * 151))


def test_rich_text_turns_marks_into_elements() -> None:
    moment = datetime(2026, 11, 1, 22, 0, tzinfo=UTC)
    parts = plainly(rich("`raw` <@U9>", line(
        " by ", mention("U0ANA0001"), mention("S0DBAPPR1"), bold("now"), " ", code("a_b*"), when(moment),
        link("https://x.example/?a=1&b=2", "PR > 4"),
    )))
    elements = parts["elements"][0]["elements"]
    assert elements == [
        {"type": "text", "text": "`raw` <@U9>"}, {"type": "text", "text": " by "},
        {"type": "user", "user_id": "U0ANA0001"}, {"type": "usergroup", "usergroup_id": "S0DBAPPR1"},
        {"type": "text", "text": "now", "style": {"bold": True}}, {"type": "text", "text": " "},
        {"type": "text", "text": "a_b*", "style": {"code": True}},
        {"type": "date", "timestamp": 1793570400, "format": "{date_short_pretty} {time}",
         "fallback": "2026-11-01 22:00 UTC"},
        {"type": "link", "url": "https://x.example/?a=1&b=2", "text": "PR > 4"},
    ]


def test_a_mark_in_a_plain_place_is_shown_as_it_reads() -> None:
    mark = line(bold("Promote"), " ", code("a<b"), " & ", link("https://x.example", "PR"), " ", mention("U0ANA0001"))
    assert unmarked(mark) == "Promote a<b & PR @U0ANA0001"
    assert plainly(header(mark))["text"]["text"] == "Promote a<b & PR @U0ANA0001"


def test_long_sql_fills_boxes_cut_between_lines() -> None:
    rows = [f"select {number:04d};" for number in range(500)]
    boxes = plainly(preformatted("\n".join(rows)))["elements"]
    shown = [box["elements"][0]["text"] for box in boxes]
    assert all(len(text) <= 3000 for text in shown)
    assert "\n".join(shown).split("\n") == rows
    cut = preformatted("x" * 20_000)["elements"]
    assert "cut here" in json.dumps(cut)


def test_a_table_is_aligned_also_where_characters_are_wide() -> None:
    rows = [["20261101120000 add_subtitle", "✓", "-"], ["名前を変える", "✓", "✗"], ["n" * 50, "", "ok"]]
    block = plainly(table(rows, ["shop", "local", "staging"]))
    shown = block["elements"][0]["elements"][0]["text"].split("\n")
    assert shown[0] == "shop" + " " * 30 + "local  staging"
    assert {width(row[: row.index("✓")]) for row in shown[1:3]} == {34}
    assert shown[3].startswith("n" * 31 + "…  ")


def test_a_modal_is_taken_by_slacks_own_model() -> None:
    view = plainly(modal(
        "Why is this promotion turned down", [
            text_input("Reason", "reason", "reason", multiline=True, hint="Ana reads it.", initial="x" * 5_000),
            choice("Window", "window", "window", [(f"window {n}", str(n)) for n in range(120)], initial="3"),
            *[section("x") for _ in range(120)],
        ], "promotion.reject", submit="Turn the promotion down", metadata="P-31",
    ))
    parsed = View(**view)
    strict(parsed)
    assert len(view["blocks"]) == 100
    assert view["title"]["text"] == "Why is this promotion t…"
    assert len(json.dumps(modal("T", [section("<" * 3000)] * 100, "c"))) < 250_000 * 6


def test_what_stands_between_backticks_in_a_sentence_of_ours_is_code() -> None:
    assert speech("Next: `/migrate stage 1`.") == "Next: `/migrate stage 1`."
    assert speech("`a` and `<!here>`") == "`a` and `&lt;!here&gt;`"
    assert "`" not in speech("one ` alone")


@given(NASTY)
def test_a_sentence_of_ours_mentions_nobody(text: str) -> None:
    assert not LIVE.findall(speech(text))


def test_a_channel_that_the_policy_gives_by_id_is_read_by_its_name() -> None:
    assert (place("C012DEPLOYS"), place("#deploys")) == ("<#C012DEPLOYS>", "#deploys")
