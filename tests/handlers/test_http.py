"""The shell: whatever arrives, only what Slack signed reaches Bolt, and nothing ends in a 500."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk import WebClient

from bot.errors import Unreachable
from bot.metrics import Metrics
from handlers.conversation import Reply, Subject
from handlers.door import http as shell
from tests.handlers.slack_side import FORM, JSON, Slack, TestClock, eventually, open_door, pressed, signed, submitted


class Pigeonhole:
    """An inbox that only remembers what it was given."""

    def __init__(self) -> None:
        self.rows: dict = {}

    def receive(self, delivery) -> bool:
        new = delivery.key not in self.rows
        self.rows.setdefault(delivery.key, delivery)
        json.dumps(delivery.payload, ensure_ascii=False, allow_nan=False).encode()  # as every store must
        return new


SUBJECT = Subject(
    commands={"/migrate": lambda ask: Reply()}, actions={"promotion.approve": lambda ask: Reply()},
    views={"reject": lambda ask: Reply()}, events={"message": lambda ask: Reply()},
)


@pytest.fixture(scope="module")
def clock():
    return TestClock()


@pytest.fixture(scope="module")
def inbox():
    return Pigeonhole()


@pytest.fixture(scope="module")
def slack(clock, inbox):
    with open_door(inbox, [SUBJECT], clock) as slack:
        yield slack


BODY = "command=%2Fmigrate&user_id=U1&trigger_id=1.1&text=help"


def test_a_signed_command_is_answered_with_an_empty_200(slack: Slack) -> None:
    answer = slack.command("/migrate", "status")
    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize("seconds", [-299, 0, 299])
def test_a_timestamp_of_the_last_five_minutes_is_fresh(slack: Slack, clock: TestClock, seconds: int) -> None:
    other = TestClock()
    other.moment = clock.moment
    other.forward(seconds=seconds)
    assert slack.http.post("/slack/events", content=BODY, headers=signed(BODY, other, FORM)).status_code == 200


def unsigned_headers(clock: TestClock) -> dict[str, dict[str, Any]]:
    good: dict[str, Any] = signed(BODY, clock, FORM)
    at, mac = "x-slack-request-timestamp", "x-slack-signature"
    old, new = TestClock(), TestClock()
    old.moment = new.moment = clock.moment
    old.forward(seconds=-301)
    new.forward(seconds=301)
    return {
        "no headers": {"content-type": FORM},
        "no signature": {k: v for k, v in good.items() if k != mac},
        "no timestamp": {k: v for k, v in good.items() if k != at},
        "empty signature": good | {mac: ""},
        "another secret": signed(BODY, clock, FORM, "another"),
        "another body": signed(BODY + "x", clock, FORM),
        "stale": signed(BODY, old, FORM),
        "from the future": signed(BODY, new, FORM),
        "words for a timestamp": good | {at: "yesterday"},
        "a fraction": good | {at: good[at] + ".0"},
        "a sign": good | {at: "-" + good[at]},
        "other digits": good | {at: "\N{ARABIC-INDIC DIGIT ONE}".encode()},
        "far too many digits": good | {at: "1" * 5000},
        "v1": good | {mac: good[mac].replace("v0", "v1")},
        "not ascii": good | {mac: "v0=é".encode("latin-1")},
    }


@pytest.mark.parametrize("case", list(unsigned_headers(TestClock())))
def test_what_slack_did_not_sign_is_401(slack: Slack, clock: TestClock, inbox: Pigeonhole, case: str) -> None:
    before = len(inbox.rows)
    answer = slack.http.post("/slack/events", content=BODY, headers=unsigned_headers(clock)[case])
    assert answer.status_code == 401
    assert len(inbox.rows) == before


EVENT = b'{"type":"event_callback","event_id":"E","event":{"type":"message","x":%s}}'
DEEP = "[" * 100_000 + "]" * 100_000
PRESS = pressed("promotion.approve", "P-1", "U1", "1.5")


def form(payload: dict) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


MALFORMED = {
    "empty": (b"", FORM), "empty json": (b"", JSON), "half json": (b'{"type":"event_callback"', JSON),
    "a list": (b"[]", JSON), "a number": (b"7", JSON), "null": (b"null", JSON), "no type": (b"{}", JSON),
    "type is a list": (b'{"type":[]}', JSON), "not utf-8": (b'{"type":"\xff"}', JSON),
    "form not utf-8": (b"\xff=\xfe", FORM),
    "escapes that are not utf-8": (b"command=%ff&user_id=U1", FORM), "deep": (DEEP.encode(), JSON),
    "deep payload": (urlencode({"payload": DEEP}).encode(), FORM),
    "NaN": (EVENT % b"NaN", JSON), "half a surrogate pair": (EVENT % b'"\\ud800"', JSON),
    "NUL": (EVENT % b'"\\u0000"', JSON),
    "NUL in a form": (b"command=%2Fmigrate&user_id=U1&text=%00", FORM),
    "a number of 5000 digits": (b'{"type":"event_callback","x":' + b"1" * 5000 + b"}", JSON),
    "payload is no json": (b"payload=hello", FORM), "payload is a list": (b"payload=%5B%5D", FORM),
    "payload is empty": (b"payload=", FORM), "no command, no payload": (b"a=b", FORM),
    "command without user": (b"command=%2Fmigrate", FORM),
    "too many fields": (b"a=b&" * 200 + b"command=%2Fx&user_id=U", FORM),
    "event is a list": (b'{"type":"event_callback","event_id":"E","event":[]}', JSON),
    "event without type": (b'{"type":"event_callback","event_id":"E","event":{"a":1}}', JSON),
    "event without id": (b'{"type":"event_callback","event":{"type":"message"}}', JSON),
    "challenge is a number": (b'{"type":"url_verification","challenge":7}', JSON),
    "action is a string": (form(PRESS | {"actions": ["x"]}), FORM), "no actions": (form(PRESS | {"actions": []}), FORM),
    "user is a string": (form(PRESS | {"user": "U1"}), FORM),
    "view is null": (form(submitted("reject", {}, "U1", "1.6") | {"view": None}), FORM),
}


@pytest.mark.parametrize("case", list(MALFORMED))
def test_signed_nonsense_is_400(slack: Slack, inbox: Pigeonhole, case: str) -> None:
    before = len(inbox.rows)
    body, content_type = MALFORMED[case]
    assert slack.post(body, content_type).status_code == 400
    assert len(inbox.rows) == before


def test_text_that_only_looks_like_half_a_pair_passes(slack: Slack, inbox: Pigeonhole) -> None:
    """An emoji comes as a pair, and people may write about NUL."""
    text = "\N{FIRE} \\u0000 \\ud800"
    assert slack.event({"type": "message", "text": text}).status_code == 200
    assert list(inbox.rows.values())[-1].payload["event"]["text"] == text


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([
    "event_callback", "block_actions", "view_submission", "view_closed", "shortcut", "message_action", "message",
    "block_suggestion", "url_verification", "interactive_message", "dialog_submission", "button",
])
names = st.sampled_from([
    "type", "event", "event_id", "user", "id", "view", "actions", "action_id", "callback_id", "team", "channel",
    "command", "user_id", "enterprise", "authorizations", "state", "values", "container", "message", "response_urls",
    "challenge", "function_data", "bot_access_token", "is_ext_shared_channel", "ssl_check", "edited",
])
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6), max_leaves=20,
)


def about(needed: dict[str, list], optional: str) -> st.SearchStrategy:
    """Objects that are nearly right: what is needed is there, the rest is anything."""
    return st.fixed_dictionaries(
        {name: st.sampled_from(values) for name, values in needed.items()},
        optional=dict.fromkeys(optional.split(), trees),
    )


event = about({"type": ["message", "app_mention", "function_executed"]}, "user channel text bot_id message")
view = about({"id": ["V1"], "type": ["modal"], "callback_id": ["reject"]}, "state hash blocks team_id")
action = about({"action_id": ["promotion.approve"]}, "value type action_ts selected_option")
shaped = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["event_callback", "block_actions", "view_submission", "view_closed", "shortcut", "message_action"],
        ),
        "event": event, "event_id": st.just("E1"), "user": st.just({"id": "U1"}) | trees, "view": view | trees,
        "callback_id": st.just("reject"), "actions": st.lists(action, max_size=2) | trees,
    },
    optional=dict.fromkeys(
        ["authorizations", "team", "enterprise", "channel", "container", "message", "response_urls", "response_url",
         "trigger_id", "state", "is_ext_shared_channel"], trees,
    ),
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(payload=trees | shaped, as_json=st.booleans())
def test_no_payload_is_answered_5xx(slack: Slack, payload: object, as_json: bool) -> None:
    text = json.dumps(payload)
    body = text if as_json else urlencode({"payload": text})
    assert slack.post(body, JSON if as_json else FORM).status_code < 500


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=300), content_type=st.sampled_from([FORM, JSON, "text/plain", ""]))
def test_no_bytes_are_answered_5xx(slack: Slack, body: bytes, content_type: str) -> None:
    assert slack.post(body, content_type).status_code < 500
    unsigned = slack.http.post("/slack/events", content=body, headers={"content-type": content_type})
    assert unsigned.status_code == 401


@pytest.mark.parametrize(("body", "status"), [
    ("ssl_check=1&token=abc", 200), ("ssl_check=1", 200), ("ssl_check=0", 401), ("ssl_check=1&command=%2Fmigrate", 401),
    ("ssl_check=1&payload=%7B%7D", 401), ("ssl_check", 401), ("token=abc", 401),
])
def test_only_the_exact_probe_of_the_certificate_passes_unsigned(slack: Slack, body: str, status: int) -> None:
    assert slack.http.post("/slack/events", content=body, headers={"content-type": FORM}).status_code == status


def test_url_verification(slack: Slack) -> None:
    body = json.dumps({"type": "url_verification", "token": "t", "challenge": "3eZbrw1aB"})
    assert slack.post(body, JSON).json() == {"challenge": "3eZbrw1aB"}
    assert slack.http.post("/slack/events", content=body, headers={"content-type": JSON}).status_code == 401


def test_wrong_methods_and_paths_are_plain_404_and_405(slack: Slack) -> None:
    for method, path, status in [
        ("GET", "/slack/events", 405), ("PUT", "/slack/events", 405), ("POST", "/healthz", 405),
        ("POST", "/metrics", 405),
        ("GET", "/", 404), ("POST", "/slack/events/", 404), ("GET", "/slack", 404), ("GET", "/../etc/passwd", 404),
    ]:
        answer = slack.http.request(method, path)
        assert answer.status_code == status, (method, path)
        assert answer.headers["content-type"].startswith("text/plain")


def test_a_body_over_the_limit_is_413(slack: Slack) -> None:
    large = b"text=" + b"x" * shell.LARGEST_BODY
    assert slack.post(large).status_code == 413
    with socket.create_connection((slack.http.base_url.host, slack.http.base_url.port)) as whole:
        # A sender that reads nothing before it has sent everything gets the answer, too.
        whole.sendall(b"POST /slack/events HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n" + b"x" * 9_000_000)
        assert whole.recv(4096).startswith(b"HTTP/1.1 413")

    def drip():
        yield from (large[i:i + 65536] for i in range(0, len(large), 65536))

    headers = signed(large, slack.clock, FORM)
    with contextlib.suppress(httpx.WriteError):  # the answer may come before the last piece is sent
        assert slack.http.post("/slack/events", content=drip(), headers=headers).status_code == 413


def test_a_large_body_within_the_limit_passes(slack: Slack) -> None:
    assert slack.event({"type": "message", "text": "x" * 900_000}).status_code == 200


def test_a_body_that_never_arrives_is_given_up(slack: Slack) -> None:
    with socket.create_connection((slack.http.base_url.host, slack.http.base_url.port)) as slow:
        slow.settimeout(10)
        slow.sendall(b"POST /slack/events HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\ncomm")
        begun = time.monotonic()
        answer = slow.recv(4096)
        assert answer.startswith(b"HTTP/1.1 408")
        assert time.monotonic() - begun < shell.BODY_TIME + 2
        eventually(lambda: slow.recv(4096) == b"")  # and the connection ends with it


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nhost"])
def test_a_request_that_does_not_get_to_its_point_is_let_go(
    clock: TestClock, inbox: Pigeonhole, monkeypatch: pytest.MonkeyPatch, begun: bytes,
) -> None:
    monkeypatch.setattr(shell, "HEAD_TIME", 0.2)
    with open_door(inbox, [SUBJECT], clock) as slack, socket.create_connection(
        (slack.http.base_url.host, slack.http.base_url.port),
    ) as slow:
        slow.settimeout(10)
        slow.sendall(begun)
        assert slow.recv(4096) == b""
        assert slack.http.get("/healthz").status_code == 200


def test_a_port_that_another_program_has_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Unreachable, match="another program has it"):
        shell.listening("127.0.0.1", taken.getsockname()[1])


def test_readiness_names_each_part(clock: TestClock, inbox: Pigeonhole) -> None:
    state: dict[str, str | None] = {"slack": None}
    hang = threading.Event()

    def broken() -> str | None:
        raise RuntimeError("password=hunter2")

    parts = {"store": lambda: None, "slack": lambda: state["slack"]}
    with open_door(inbox, [SUBJECT], clock, alive={"process": lambda: None}, ready=parts) as slack:
        assert slack.http.get("/healthz").json() == {"status": "ok", "parts": {"process": "ok"}}
        assert slack.http.get("/readyz").json() == {"status": "ok", "parts": {"store": "ok", "slack": "ok"}}
        state["slack"] = "no answer since 14:02"
        parts["scheduler"] = broken
        answer = slack.http.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["parts"] == {
            "store": "ok", "slack": "no answer since 14:02", "scheduler": "failed (RuntimeError)",
        }
        parts["scheduler"] = lambda: str(hang.wait(30))
        for _ in range(2):
            assert slack.http.get("/readyz").json()["parts"]["scheduler"] == "no answer within 2 s"
        assert sum(thread.name == "part-scheduler" for thread in threading.enumerate()) == 1
        hang.set()


def test_metrics(slack: Slack) -> None:
    slack.command("/migrate")
    text = slack.http.get("/metrics").text
    assert 'stagedoor_deliveries_total{kind="command",outcome="stored"}' in text
    assert 'stagedoor_ack_seconds_bucket{le="0.005",status="200"}' in text


def test_busy_acknowledgements_leave_the_other_doors_open(clock: TestClock) -> None:
    gate = threading.Event()

    class Stuck(Pigeonhole):
        def receive(self, delivery) -> bool:
            gate.wait(20)
            return super().receive(delivery)

    with open_door(Stuck(), [SUBJECT], clock, alive={"process": lambda: None}) as slack:
        answers: list[int] = []
        threads = [
            threading.Thread(target=lambda: answers.append(slack.command("/migrate").status_code)) for _ in range(80)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        assert slack.http.get("/healthz").status_code == 200
        gate.set()
        for thread in threads:
            thread.join()
        assert answers == [200] * 80


def test_without_a_secret_there_is_no_door(clock: TestClock) -> None:
    with pytest.raises(ValueError, match="signing secret"):
        shell.SlackDoor(cast(Any, None), "", clock, Metrics())


def test_in_socket_mode_the_door_is_not_there() -> None:
    web = shell.build(slack=None, alive={}, ready={}, metrics=Metrics())
    assert [getattr(route, "path", "") for route in web.routes] == ["/healthz", "/readyz", "/metrics"]


SERVING = """
import sys, threading
from bot.metrics import Metrics
from handlers.door.http import build, serve
serve(build(slack=None, alive={}, ready={}, metrics=Metrics()), "127.0.0.1", 0, threading.Event(),
      lambda port: print(port, flush=True))
print("drained", flush=True)
"""


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(sig: signal.Signals) -> None:
    root = os.path.dirname(os.path.dirname(shell.__file__))
    process = subprocess.Popen([sys.executable, "-c", SERVING], stdout=subprocess.PIPE, text=True, cwd=root)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with httpx.Client() as client:
        assert client.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        process.send_signal(sig)
        rest, _ = process.communicate(timeout=10)
    assert (process.returncode, rest) == (0, "drained\n")


def test_no_acknowledgement_waits_for_slack(clock: TestClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-in-the-environment")  # with it Bolt would like to ask auth.test
    nowhere = WebClient(token="xoxb-x", base_url="http://127.0.0.1:9/api/", timeout=1)
    with open_door(Pigeonhole(), [SUBJECT], clock, client=nowhere) as slack:
        assert slack.command("/migrate").status_code == 200
        assert slack.press("promotion.approve", "P-1").status_code == 200
        assert slack.event({"type": "message", "user": "U1", "channel": "C1"}).status_code == 200

