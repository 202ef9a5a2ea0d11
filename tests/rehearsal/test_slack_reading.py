"""A message is flattened to what a person reads, in that person's time zone."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient

from rehearsal.slack import Slack
from rehearsal.slack.markup import live_in_text, plain
from rehearsal.slack.people import zone

DEPLOYS = "C0DEPLOYS"
AT_NOON = 1796126400  # 2026-12-01 12:00 UTC


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("*Waiting*, 1 of _2_, ~not~ 3", "Waiting, 1 of 2, not 3"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
        ("`a*b*c` and ```select *\nfrom t```", "a*b*c and select *\nfrom t"),
        ("<@U1> in <#C1|deploys> <!here>", "name:U1 in name:C1 @here"),
        ("<https://example.com/48|#48> <https://example.com>", "#48 (https://example.com/48) https://example.com"),
        ("a &lt;b&gt; &amp;amp;", "a <b> &amp;"),
        (f"<!date^{AT_NOON}^{{date_num}} {{time}}|later>", "2026-12-01 13:00"),
        ("<!date^soon^{time}|later>", "later"),
    ],
)
def test_markup_reads_as_words(text: str, read: str) -> None:
    assert plain(text, lambda identity: f"name:{identity}", zone("Europe/Berlin")) == read


def test_only_brackets_are_alive_in_text() -> None:
    live = live_in_text("<@U1> <!subteam^S1|@x> <!channel> &lt;!here&gt; @everyone <https://e.com|https://good.com>")
    seen = [set(each) for each in (live.users, live.groups, live.specials, live.links)]
    assert seen == [{"U1"}, {"S1"}, {"channel"}, {"https://e.com"}]


def plain_text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": plain_text("Promote 2 migrations")},
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": f"*Waiting* until <!date^{AT_NOON}^{{time}}|noon>"},
        "fields": [plain_text("one"), plain_text("two")],
        "accessory": {"type": "button", "action_id": "a", "text": plain_text("Confirm")},
    },
    {"type": "divider"},
    {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U0BO00001"}]},
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "<!channel>"}]},
                ],
            }
        ],
    },
    {
        "type": "table",
        "rows": [
            [{"type": "raw_text", "text": "shop"}, {"type": "raw_text", "text": "staging"}],
            [{"type": "raw_text", "text": "add_subtitle"}, {"type": "raw_text", "text": "✓"}],
        ],
    },
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "a", "text": plain_text("Approve")},
            {
                "type": "overflow",
                "action_id": "b",
                "options": [{"text": plain_text("Cancel"), "value": "c"}, {"text": plain_text("Plan"), "value": "p"}],
            },
        ],
    },
    {"type": "context", "elements": [plain_text("P-31"), {"type": "mrkdwn", "text": "`9f3c2a`"}]},
]
READ = """\
Promote 2 migrations
Waiting until 12:00 [Confirm]
one
two
────
• @bo
• <!channel>
shop          staging
add_subtitle  ✓
[Approve] [⋯ Cancel, Plan]
P-31 9f3c2a"""


def test_blocks_threads_and_ephemerals_read_as_plain_text() -> None:
    with Slack(clock=lambda: AT_NOON + 60) as slack:
        client = WebClient(token=slack.bot_token, base_url=slack.api_url)
        ts = client.chat_postMessage(channel=DEPLOYS, text="Promote &amp; wait", blocks=BLOCKS)["ts"]
        [card] = slack.messages()
        assert slack.text_of(card) == READ
        assert "Waiting until 07:00" in slack.text_of(card, reader="bo")
        assert slack.fallback_of(card) == "Promote & wait"
        client.chat_update(channel=DEPLOYS, ts=ts, text="Done", blocks=[])
        client.chat_postMessage(channel=DEPLOYS, thread_ts=ts, text="Verified")
        client.chat_postEphemeral(channel=DEPLOYS, user="U0ANA0001", text="Not you")
        assert slack.transcript(reader="ana").splitlines() == [
            "#deploys",
            "  13:01 stagedoor (edited)",
            "    Done",
            "      13:01 stagedoor",
            "        Verified",
            "  13:01 stagedoor (only @ana sees this)",
            "    Not you",
        ]
