"""The app's manifest: what Slack takes, what the subjects say, and no scope more than that needs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import app
from handlers import manifest as made
from handlers.conversation import Ask, Reply, Subject
from handlers.manifest import EVENT_SCOPES, SCOPES, manifest, scopes
from handlers.subjects import vocabulary
from rehearsal.slack.methods import METHODS
from tests.stories.house import BO, FEATURE, House

ROOT = Path(__file__).parent.parent
URL = "https://bot.example"

# Slack's schema, version 2, as far as this manifest reaches: type, longest text or most items, and what lies inside.
TEXT, FLAG = str, bool
SCHEMA: dict[str, Any] = {
    "_metadata": {"major_version": int, "minor_version": int},
    "display_information": {
        "name!": (TEXT, 35), "description": (TEXT, 140), "background_color": TEXT, "long_description": (TEXT, 4000),
    },
    "features": {
        "app_home": {"home_tab_enabled": FLAG, "messages_tab_enabled": FLAG, "messages_tab_read_only_enabled": FLAG},
        "bot_user": {"display_name!": (TEXT, 80), "always_online": FLAG},
        "slash_commands": ([{
            "command!": (TEXT, 32), "description!": (TEXT, 2000), "usage_hint": (TEXT, 1000), "should_escape": FLAG,
            "url": (TEXT, 3000),
        }], 50),
        "shortcuts": ([{
            "name!": (TEXT, 24), "type!": TEXT, "callback_id!": (TEXT, 255), "description!": (TEXT, 150),
        }], 10),
    },
    "oauth_config": {"scopes": {"bot": ([TEXT], 255)}},
    "settings": {
        "event_subscriptions": {"request_url": TEXT, "bot_events": ([TEXT], 100)},
        "interactivity": {"is_enabled!": FLAG, "request_url": TEXT},
        "org_deploy_enabled": FLAG, "socket_mode_enabled": FLAG, "token_rotation_enabled": FLAG,
    },
}


def faults(found: Any, shape: Any, where: str = "") -> list[str]:
    """What Slack's schema would refuse."""
    most = None
    if isinstance(shape, tuple):
        shape, most = shape
    if isinstance(shape, dict):
        if not isinstance(found, dict):
            return [f"{where} is no object"]
        known = {name.rstrip("!"): inner for name, inner in shape.items()}
        missing = [f"{where}.{name[:-1]} is missing" for name in shape if name.endswith("!") and name[:-1] not in found]
        unknown = [f"{where}.{name} is unknown" for name in found if name not in known]
        return missing + unknown + [
            fault for name, value in found.items() if name in known
            for fault in faults(value, known[name], f"{where}.{name}")
        ]
    if most is not None and len(found) > most:
        return [f"{where} is longer than {most}"]
    if isinstance(shape, list):
        return [fault for number, each in enumerate(found) for fault in faults(each, shape[0], f"{where}[{number}]")]
    return [] if type(found) is shape else [f"{where} is no {shape.__name__}"]


def _nothing(ask: Ask) -> Reply:
    return Reply()


LATER = Subject(
    commands={"/migrate": _nothing, "/deploy": _nothing, "/rehearse-everything": _nothing},
    shortcuts={"incident.add_to_the_timeline_of_it": _nothing},
    events={"app_home_opened": _nothing, "message": _nothing, "reaction_added": _nothing},
)


@pytest.mark.parametrize("subject", [vocabulary(), LATER])
@pytest.mark.parametrize("url", [URL, ""])
def test_slack_takes_it(subject: Subject, url: str) -> None:
    document: Any = manifest(subject, url)
    assert faults(document, SCHEMA) == []
    assert all(each["command"].startswith("/") for each in document["features"]["slash_commands"])
    assert len(document["display_information"]["long_description"]) >= 175
    assert re.fullmatch("#[0-9a-f]{6}", document["display_information"]["background_color"])


def test_the_check_finds_what_slack_refuses() -> None:
    document: Any = manifest(vocabulary(), URL)
    document["settings"]["surprise"] = True
    document["display_information"]["name"] = "x" * 36
    del document["features"]["bot_user"]["display_name"]
    assert len(faults(document, SCHEMA)) == 3


def test_every_word_of_the_subjects_is_in_it() -> None:
    document: Any = manifest(LATER, URL)
    assert [each["command"] for each in document["features"]["slash_commands"]] == list(LATER.commands)
    assert [each["callback_id"] for each in document["features"]["shortcuts"]] == list(LATER.shortcuts)
    assert document["settings"]["event_subscriptions"]["bot_events"] == [
        "app_home_opened", "app_mention", "message.channels", "message.groups", "reaction_added",
    ]
    assert document["features"]["app_home"]["home_tab_enabled"]
    assert "reactions:read" in document["oauth_config"]["scopes"]["bot"]


def test_this_release() -> None:
    document: Any = manifest(vocabulary(), URL)
    assert {each["command"] for each in document["features"]["slash_commands"]} == set(vocabulary().commands)
    assert document["oauth_config"]["scopes"]["bot"] == sorted(SCOPES) == list(scopes(vocabulary()))


def test_over_http_every_address_is_the_one_door_and_in_socket_mode_there_is_none() -> None:
    text = json.dumps(manifest(vocabulary(), URL))
    assert text.count(f'"{URL}/slack/events"') == 2 + len(vocabulary().commands)
    assert '"socket_mode_enabled": false' in text
    text = json.dumps(manifest(vocabulary()))
    assert "url" not in text.replace("request_urls", "")
    assert '"socket_mode_enabled": true' in text


def called() -> set[str]:
    """The Web API methods that the handlers call, by either spelling."""
    source = "\n".join(path.read_text() for path in (ROOT / "handlers").rglob("*.py"))
    source += (ROOT / "bot" / "serving.py").read_text()
    spelled = {name.replace(".", "_").lower(): name for name in METHODS}
    words = re.findall(r"\.([a-z]+_[a-z_]+)\(", source)
    return {*re.findall(r'"([a-z]+\.[A-Za-z.]+)"', source)} & set(METHODS) | {
        spelled[word] for word in words if word in spelled
    }


def test_every_method_that_is_called_is_allowed_by_a_scope() -> None:
    assert {"chat.postMessage", "users.info", "usergroups.users.list", "files.completeUploadExternal"} <= called()
    for name in called():
        needed = set(METHODS[name].scopes)
        assert not needed or needed & set(SCOPES), name


def test_every_scope_is_needed_by_a_method_an_event_or_the_commands() -> None:
    used = {scope for name in called() for scope in METHODS[name].scopes}
    # files:read is for the files' own addresses, which are no method of the Web API
    assert set(SCOPES) <= used | set(EVENT_SCOPES.values()) | {"commands", "app_mentions:read", "files:read"}


def test_the_docs_say_why_of_each_scope() -> None:
    rows = re.findall(r"^\| `([a-z_:.]+)` \| (.+) \|$", (ROOT / "docs" / "slack-app.md").read_text(), re.MULTILINE)
    assert dict(rows) == SCOPES


@pytest.mark.slow
def test_the_scopes_suffice_for_a_whole_promotion(house: Callable[..., House]) -> None:
    h = house(slack={"scopes": scopes(vocabulary())})
    h.only(FEATURE)
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    h.thread_says(card, "is done")
    assert not [call.method for call in h.slack.calls if call.error == "missing_scope"]


# The command


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("STAGEDOOR_URL", "SLACK_APP_TOKEN", "SLACK_BOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str, **environ: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["manifest", *arguments], env=environ)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(("arguments", "environ", "expected"), [
    ((), {"STAGEDOOR_URL": f"{URL}/"}, manifest(vocabulary(), URL)),
    (("--url", URL), {}, manifest(vocabulary(), URL)),
    (("--url", URL), {"SLACK_APP_TOKEN": "xapp-1", "STAGEDOOR_URL": "https://x.example"}, manifest(vocabulary(), URL)),
    (("--socket-mode",), {}, manifest(vocabulary())),
    ((), {"SLACK_APP_TOKEN": "xapp-1", "STAGEDOOR_URL": URL}, manifest(vocabulary())),
])
def test_it_prints_json_without_any_token(arguments: tuple[str, ...], environ: dict[str, str], expected: Any) -> None:
    status, printed, _ = run(*arguments, **environ)
    assert status == 0
    assert json.loads(printed) == expected


@pytest.mark.parametrize(("arguments", "environ", "told"), [
    ((), {}, "set STAGEDOOR_URL to an https:// address"),
    ((), {"STAGEDOOR_URL": "http://bot.example"}, "or print the manifest for Socket Mode"),
    (("--url", "bot.example"), {}, "STAGEDOOR_URL is no usable address"),
    ((), {"SLACK_APP_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN is no app-level token"),
])
def test_without_a_way_in_it_says_what_to_do_and_prints_nothing(
    arguments: tuple[str, ...], environ: dict[str, str], told: str,
) -> None:
    status, printed, complained = run(*arguments, **environ)
    assert (status, printed) == (2, "")
    assert told in complained


def test_words_for_every_command_of_this_release() -> None:
    assert set(vocabulary().commands) <= set(made.COMMANDS)
