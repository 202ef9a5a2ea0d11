"""The stand-in's Web API answers slack_sdk the way Slack does, refusals included."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from rehearsal.slack import BOT_USER_ID, NotPossible, Slack

DEPLOYS, GENERAL = "C0DEPLOYS", "C0GENERAL"
CARD = {"event_type": "promotion_card", "event_payload": {"id": "P-31"}}


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as running:
        yield running


@pytest.fixture
def client(slack: Slack) -> WebClient:
    return WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])


def error_of(call: Any, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    return str(refused.value.response["error"])


def test_auth_test_tells_who_the_bot_is_and_which_scopes_it_has(client: WebClient) -> None:
    answer = client.auth_test()
    assert answer["user_id"] == BOT_USER_ID
    assert "chat:write" in answer.headers["x-oauth-scopes"]


def test_a_wrong_token_and_an_unknown_method_are_refused(slack: Slack) -> None:
    assert error_of(WebClient(token="xoxb-other", base_url=slack.api_url).auth_test) == "invalid_auth"
    assert httpx.get(f"{slack.api_url}auth.test").json()["error"] == "not_authed"
    known = {"authorization": f"Bearer {slack.bot_token}"}
    assert httpx.get(f"{slack.api_url}nothing.here", headers=known).json()["error"] == "unknown_method"


def test_arguments_come_as_query_form_or_json(slack: Slack) -> None:
    known = {"authorization": f"Bearer {slack.bot_token}"}
    url, given = f"{slack.api_url}conversations.info", {"channel": DEPLOYS}
    answers = [
        httpx.get(url, params=given, headers=known),
        httpx.post(url, data=given, headers=known),
        httpx.post(url, json=given, headers=known),
        httpx.post(url, data={**given, "token": slack.bot_token}),
    ]
    assert [answer.json()["channel"]["name"] for answer in answers] == ["deploys"] * 4


def test_a_missing_argument_is_named(client: WebClient) -> None:
    with pytest.raises(SlackApiError) as refused:
        client.api_call("chat.getPermalink", params={"channel": DEPLOYS})
    assert refused.value.response["error"] == "invalid_arguments"
    assert "message_ts" in refused.value.response["response_metadata"]["messages"][0]


def test_a_missing_scope_is_named() -> None:
    with Slack(scopes=["chat:write"]) as slack:
        client = WebClient(token=slack.bot_token, base_url=slack.api_url)
        assert error_of(client.users_list) == "missing_scope"
        assert error_of(client.chat_postMessage, channel=GENERAL, text="hello") == "not_in_channel"


def test_a_message_is_posted_edited_threaded_and_found_by_its_metadata(slack: Slack, client: WebClient) -> None:
    posted = client.chat_postMessage(channel=DEPLOYS, text="Waiting", metadata=CARD)
    client.chat_postMessage(channel=DEPLOYS, text="Staging verified", thread_ts=posted["ts"])
    client.chat_update(channel=DEPLOYS, ts=posted["ts"], text="Done")
    [card] = slack.messages("#deploys")
    assert slack.text_of(card) == "Done"
    assert [version.text for version in slack.edits(card)] == ["Waiting", "Done"]
    assert [slack.text_of(reply) for reply in slack.thread(card)] == ["Staging verified"]
    full = client.conversations_history(channel=DEPLOYS, include_all_metadata=True)["messages"][0]
    assert (full["metadata"], full["reply_count"]) == (CARD, 1)
    bare = client.conversations_history(channel=DEPLOYS)["messages"][0]
    assert bare["metadata"] == {"event_type": "promotion_card"}
    replies = client.conversations_replies(channel=DEPLOYS, ts=posted["ts"], include_all_metadata=True)["messages"]
    assert [reply["text"] for reply in replies] == ["Done", "Staging verified"]


def test_an_update_keeps_blocks_and_metadata_that_it_does_not_name(slack: Slack, client: WebClient) -> None:
    blocks = [{"type": "divider"}]
    ts = client.chat_postMessage(channel=DEPLOYS, text="one", blocks=blocks, metadata=CARD)["ts"]
    client.chat_update(channel=DEPLOYS, ts=ts, text="two")
    [message] = slack.messages()
    assert (len(message.blocks), message.metadata) == (1, CARD)
    client.chat_update(channel=DEPLOYS, ts=ts, text="three", blocks=[], metadata={})
    [message] = slack.messages()
    assert (message.blocks, message.metadata) == ([], None)


def test_text_comes_back_escaped_and_marks_stay(client: WebClient) -> None:
    message = client.chat_postMessage(channel=DEPLOYS, text="a & b < c <@U0BO00001> &amp;\n> quote")["message"]
    assert message["text"] == "a &amp; b &lt; c <@U0BO00001> &amp;\n> quote"


def test_refusals_have_slacks_names(slack: Slack, client: WebClient) -> None:
    post, update = client.chat_postMessage, client.chat_update
    ts = post(channel=DEPLOYS, text="hello")["ts"]
    slack.say("ana", "#deploys", "typed by a person")
    typed = slack.messages()[-1].ts
    assert error_of(post, channel="C0NOWHERE", text="x") == "channel_not_found"
    assert error_of(client.api_call, api_method="chat.postMessage", json={"channel": DEPLOYS}) == "no_text"
    assert error_of(post, channel=DEPLOYS, text="x", thread_ts="1.000001") == "thread_not_found"
    assert error_of(post, channel=DEPLOYS, text="x", metadata={"event_type": "x"}) == "invalid_metadata_schema"
    assert error_of(update, channel=DEPLOYS, ts="1.000001", text="x") == "message_not_found"
    assert error_of(update, channel=DEPLOYS, ts=typed, text="x") == "cant_update_message"
    assert error_of(update, channel=DEPLOYS, ts=ts, text="x" * 4001) == "msg_too_long"
    assert error_of(client.chat_delete, channel=DEPLOYS, ts=typed) == "cant_delete_message"
    assert error_of(client.conversations_history, channel=GENERAL) == "not_in_channel"
    assert error_of(client.users_info, user="U0NOBODY0") == "user_not_found"
    assert error_of(client.usergroups_users_list, usergroup="S0NOTHING") == "no_such_subteam"
    slack.archive("#deploys")
    assert error_of(post, channel=DEPLOYS, text="x") == "is_archived"


def test_a_thread_that_lost_its_parent_keeps_its_replies(slack: Slack, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=DEPLOYS, text="card")["ts"]
    client.chat_postMessage(channel=DEPLOYS, text="reply", thread_ts=ts)
    client.chat_delete(channel=DEPLOYS, ts=ts)
    assert [reply["text"] for reply in client.conversations_replies(channel=DEPLOYS, ts=ts)["messages"]] == [
        "This message was deleted.",
        "reply",
    ]


def test_people_groups_and_channels_change_while_it_runs(slack: Slack, client: WebClient) -> None:
    members = client.usergroups_users_list
    assert members(usergroup="S0DBAPPR1")["users"] == ["U0BO00001", "U0CY00001"]
    slack.remove_from_group("bo")
    assert members(usergroup="S0DBAPPR1")["users"] == ["U0CY00001"]
    slack.deactivate("bo")
    assert client.users_info(user="U0BO00001")["user"]["deleted"] is True
    assert client.users_info(user="U0GIL0001")["user"]["is_restricted"] is True
    slack.add_channel("#shop-deploys", id="C0SHOP001")
    assert "shop-deploys" in [channel["name"] for channel in client.conversations_list()["channels"]]


def test_lists_come_in_pages(client: WebClient) -> None:
    assert [len(page["channels"]) for page in client.conversations_list(limit=2)] == [2, 1]
    assert error_of(client.conversations_list, cursor="nonsense") == "invalid_cursor"


def test_a_file_goes_up_in_three_steps_into_a_thread(slack: Slack, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=DEPLOYS, text="card")["ts"]
    client.files_upload_v2(
        channel=DEPLOYS,
        thread_ts=ts,
        filename="plan.sql",
        title="The plan",
        content="select 'ä';",
        initial_comment="SQL",
    )
    [file] = slack.files()
    assert (file.name, file.title, file.text) == ("plan.sql", "The plan", "select 'ä';")
    [message] = slack.thread(slack.messages()[0])
    assert slack.text_of(message) == "SQL\n[file plan.sql: The plan]"
    shares = client.files_info(file=file.id)["file"]["shares"]["public"][DEPLOYS]
    assert shares == [{"ts": message.ts, "thread_ts": ts}]
    again = {"files": [{"id": file.id}], "channel_id": DEPLOYS}
    assert error_of(client.files_completeUploadExternal, **again) == "file_not_found"


def test_an_ephemeral_message_is_seen_by_one_person_and_cannot_be_updated(slack: Slack, client: WebClient) -> None:
    ts = client.chat_postEphemeral(channel=DEPLOYS, user="U0ANA0001", text="only you")["message_ts"]
    assert [slack.text_of(seen) for seen in slack.ephemerals("ana")] == ["only you"]
    assert (slack.ephemerals("bo"), slack.messages()) == ([], [])
    assert error_of(client.chat_update, channel=DEPLOYS, ts=ts, text="x") == "message_not_found"
    dee = {"channel": DEPLOYS, "user": "U0DEE0001", "text": "x"}
    assert error_of(client.chat_postEphemeral, **dee) == "user_not_in_channel"


def test_a_message_to_a_person_lands_in_their_direct_messages(slack: Slack, client: WebClient) -> None:
    channel = client.conversations_open(users="U0ERIN001")["channel"]["id"]
    client.chat_postMessage(channel="U0ERIN001", text="report due")
    client.chat_postMessage(channel=channel, text="again")
    assert [message.text for message in slack.messages("@erin")] == ["report due", "again"]


def test_pins_reactions_bookmarks_topics_and_links(slack: Slack, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=DEPLOYS, text="card")["ts"]
    client.pins_add(channel=DEPLOYS, timestamp=ts)
    client.reactions_add(channel=DEPLOYS, timestamp=ts, name="eyes")
    client.bookmarks_add(channel_id=DEPLOYS, title="Runbook", type="link", link="https://example.com")
    client.conversations_setTopic(channel=DEPLOYS, topic="frozen")
    assert error_of(client.pins_add, channel=DEPLOYS, timestamp=ts) == "already_pinned"
    assert error_of(client.reactions_add, channel=DEPLOYS, timestamp=ts, name="eyes") == "already_reacted"
    [message] = slack.messages()
    assert (message.pinned, list(message.reactions)) == (True, ["eyes"])
    assert client.conversations_info(channel=DEPLOYS)["channel"]["topic"]["value"] == "frozen"
    link = client.chat_getPermalink(channel=DEPLOYS, message_ts=ts)["permalink"]
    assert httpx.get(link).headers["location"] == f"/?channel={DEPLOYS}&message={ts}&thread="


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("<@U0BO00001> it is your turn", {"U0BO00001"}),
        ("<!subteam^S0DBAPPR1> it is your turn", {"U0BO00001", "U0CY00001"}),
        ("&lt;@U0BO00001&gt; and @bo are dead", set()),
        ("<@U0DEE0001> cannot be called any more", set()),
    ],
)
def test_mentions_notify_and_escaped_text_stays_dead(
    slack: Slack, client: WebClient, text: str, called: set[str]
) -> None:
    client.chat_postMessage(channel=DEPLOYS, text=text)
    assert slack.messages()[0].notified == called


def test_a_special_mention_calls_the_channel_from_text_and_from_blocks_alike(slack: Slack, client: WebClient) -> None:
    client.chat_postMessage(channel=DEPLOYS, text="<!channel>")
    hot = {"type": "section", "text": {"type": "mrkdwn", "text": "drop table @here"}}
    cold = {"type": "section", "text": {"type": "mrkdwn", "text": "drop table @here", "verbatim": True}}
    plain = {"type": "section", "text": {"type": "plain_text", "text": "<!channel>"}}
    rich = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "<!here>"}]}],
    }
    client.chat_postMessage(channel=DEPLOYS, text="hot", blocks=[hot])
    client.chat_postMessage(channel=DEPLOYS, text="cold", blocks=[cold, plain, rich])
    assert [message.specials for message in slack.messages()] == [{"channel"}, {"here"}, set()]
    assert "U0SAM0001" in slack.messages()[0].notified


def test_an_edit_notifies_nobody_but_shows_that_its_text_is_alive(slack: Slack, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=DEPLOYS, text="card")["ts"]
    client.chat_update(channel=DEPLOYS, ts=ts, text="<@U0BO00001>")
    [message] = slack.messages()
    assert not message.notified
    assert message.live.users == {"U0BO00001"}
    assert slack.notified("bo") == []


def test_a_second_message_in_a_second_is_one_too_many() -> None:
    with Slack(limits="posts", burst=2) as slack:
        client = WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])
        for _ in range(2):
            client.chat_postMessage(channel=DEPLOYS, text="x")
        with pytest.raises(SlackApiError) as refused:
            client.chat_postMessage(channel=DEPLOYS, text="x")
        assert (refused.value.response.status_code, refused.value.response["error"]) == (429, "ratelimited")
        assert refused.value.response.headers["Retry-After"] == "1"
        client.chat_postMessage(channel="C0INCIDEN", text="another channel has its own budget")


def test_tiers_count_each_method_by_itself() -> None:
    with Slack(limits="slack") as slack:
        client = WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])
        for _ in range(20):
            client.usergroups_list()
        assert error_of(client.usergroups_list) == "ratelimited"
        client.users_list()


def test_posts_from_many_threads_get_times_of_their_own(slack: Slack, client: WebClient) -> None:
    threads = [
        threading.Thread(target=lambda n=n: client.chat_postMessage(channel=DEPLOYS, text=str(n))) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stamps = [message.ts for message in slack.messages()]
    assert stamps == sorted(set(stamps))
    assert len(stamps) == 20


def test_every_call_is_on_record(slack: Slack, client: WebClient) -> None:
    client.chat_postMessage(channel=DEPLOYS, text="x")
    error_of(client.users_info, user="U0NOBODY0")
    assert [(call.method, call.ok, call.error) for call in slack.calls] == [
        ("chat.postMessage", True, None),
        ("users.info", False, "user_not_found"),
    ]
    assert slack.calls[0].args["text"] == "x"


def test_canvases_are_a_matter_of_the_plan_and_of_access(slack: Slack, client: WebClient) -> None:
    document = json.dumps({"type": "markdown", "markdown": "# One\n\n- two"})
    free = error_of(client.api_call, api_method="canvases.create", params={"document_content": document})
    assert free == "free_teams_cannot_create_non_tabbed_canvases"
    slack.workspace.plan = "paid"
    made = client.api_call("canvases.create", params={"title": "Report", "document_content": document})["canvas_id"]
    read = client.api_call("canvases.getContent", params={"canvas_id": made})
    assert str(read["content"]).strip() == "# One\n\n* two"
    with pytest.raises(NotPossible, match="may not write"):
        slack.write_canvas("ana", made, "two", "three")
    given = {"canvas_id": made, "access_level": "write", "channel_ids": json.dumps([GENERAL])}
    assert error_of(client.api_call, api_method="canvases.access.set", params=given) == "channel_not_found"
    client.conversations_join(channel=GENERAL)
    client.api_call("canvases.access.set", params=given)
    slack.write_canvas("ana", made, "two", "three")
    assert "three" in client.api_call("canvases.getContent", params={"canvas_id": made})["content"]
    unknown = error_of(client.api_call, api_method="canvases.getContent", params={"canvas_id": "F0NONE"})
    assert unknown == "canvas_not_found"
