"""The one place that writes to Slack: paced, never repeating by itself, each call with an outcome."""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any, TypeAlias
from urllib.error import URLError

import httpx
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.adapters.trust import authorities
from bot.domain.entry import Json
from bot.ports import Clock
from handlers.slack.outcomes import Absent, Doubt, Gone, Later, Outcome, Refusal, Sent
from handlers.slack.pacing import Pacer

EVENT = "stagedoor"
"""The event type of the metadata by which our own messages are found again."""

PNG = b"\x89PNG\r\n"
_SKEW = timedelta(minutes=5)        # how far our clock and Slack's may be apart
_LIST_AGAIN = timedelta(seconds=30)
UNSURE_FOR = timedelta(seconds=1)
_PAGES, _PAGE = 20, 200
_UNSURE = frozenset({"fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org"})
_quiet = logging.getLogger("stagedoor.slack")
_quiet.setLevel(logging.CRITICAL)   # the SDK would print bodies at DEBUG and doubles our own words at ERROR

Body: TypeAlias = Mapping[str, Json]


class SlackOut:
    """Slack's Web API for writing. Nothing here sleeps or repeats: the caller is told when to come back."""

    def __init__(
        self, client: WebClient, clock: Clock, scrub: Callable[[str], str] = str, *, timeout: int = 10,
        serving: Callable[[], bool] = lambda: True,
    ) -> None:
        """`serving` is asked before each call: whoever was frozen while another process took over must say nothing."""
        # A client of our own: the SDK's would send a message twice when the answer to the first was lost.
        self._client = WebClient(
            token=client.token, base_url=client.base_url, timeout=timeout, ssl=client.ssl, proxy=client.proxy,
            team_id=client.default_params.get("team_id"), logger=_quiet, retry_handlers=[],
        )
        self._clock = clock
        self._timeout = timeout
        self._scrub = scrub
        self.serving = serving
        self._pacer = Pacer(clock)
        self._channels: dict[str, str] = {}
        self._listed: datetime | None = None

    def scrubbed(self, body: Body) -> dict[str, Json]:
        """The message without secrets: the last look before it leaves the house."""
        return {name: self._without_secrets(part) for name, part in body.items()}

    def ready(self, channel: str) -> datetime | None:
        """None when a message to the channel would go out now, otherwise when it would."""
        return self._pacer.paused("chat.postMessage") or self._pacer.message(channel, take=False)

    def post(self, channel: str, body: Body, *, key: str, thread: str = "") -> Outcome:
        """Post a message that can be found again by its key."""
        if until := self.ready(channel) or self._pacer.message(channel):
            return Later(until, "pacing")
        answer = self._call("chat.postMessage", {
            **self.scrubbed(body), **_place(channel, thread), "metadata": _metadata(key), "parse": "none",
            "unfurl_links": False, "unfurl_media": False,
        })
        return Sent(str(answer.get("ts", ""))) if isinstance(answer, dict) else answer

    def update(self, channel: str, ts: str, body: Body, *, key: str, urgent: bool = True) -> Outcome:
        """Make a message of ours look like this; saying it twice does no harm, so there is never any doubt."""
        if until := self._pacer.paused("chat.update") or self._pacer.update(urgent=urgent):
            return Later(until, "pacing")
        answer = self._call("chat.update", {
            **self.scrubbed(body), "channel": channel, "ts": ts, "metadata": _metadata(key), "parse": "none",
        })
        if isinstance(answer, dict):
            return Sent(ts)
        return Later(answer.until, answer.why) if isinstance(answer, Doubt) else answer

    def pin(self, channel: str, ts: str, *, off: bool = False) -> Outcome:
        """Pin a message to its channel, or let it go; doing so twice changes nothing."""
        answer = self._call("pins.remove" if off else "pins.add", {"channel": channel, "timestamp": ts}, form=True)
        if isinstance(answer, dict) or answer in (Gone("already_pinned"), Gone("no_pin")):
            return Sent(ts)
        return Later(answer.until, answer.why) if isinstance(answer, Doubt) else answer

    def ephemeral(self, channel: str, user: str, body: Body, *, thread: str = "") -> Outcome:
        """Show a message to one person; Slack neither keeps it nor promises that it arrives."""
        answer = self._call("chat.postEphemeral", {
            **self.scrubbed(body), **_place(channel, thread), "user": user, "parse": "none",
        })
        return Sent(str(answer.get("message_ts", ""))) if isinstance(answer, dict) else answer

    def find(self, channel: str, key: str, *, since: datetime, thread: str = "") -> Sent | Absent | Later | Gone:
        """Our message with this key in the channel, or in the thread, not older than `since`."""
        for message in self._messages(channel, since, thread):
            if isinstance(message, Later | Gone):
                return message
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == EVENT and payload.get("id") == key:
                return Sent(str(message["ts"]))
        return Absent()

    def upload(self, filename: str, content: bytes, alt: str = "") -> str | Refusal:
        """Hand Slack a text file, or a picture (a PNG) with what it shows in words; answers the upload's id."""
        if not content.startswith(PNG):
            content = self._scrub(content.decode("utf-8", "replace")).encode()
        asked = {"filename": filename, "length": len(content), **({"alt_txt": self._scrub(alt)[:1000]} if alt else {})}
        answer = self._call("files.getUploadURLExternal", asked, form=True)
        if not isinstance(answer, dict):
            return answer
        try:
            response = httpx.post(
                str(answer["upload_url"]), content=content, timeout=self._timeout, verify=authorities(),
            )
        except httpx.HTTPError as error:
            return Later(self._pacer.failed(), type(error).__name__)
        if not response.is_success:
            return Later(self._pacer.failed(), f"HTTP {response.status_code}")
        return str(answer["file_id"])

    def share(self, upload: str, title: str, channel: str, thread: str) -> Outcome:
        """Show an uploaded file in a thread."""
        if until := self._pacer.paused("files.completeUploadExternal") or self._pacer.message(channel):
            return Later(until, "pacing")
        answer = self._call("files.completeUploadExternal", {
            "files": json.dumps([{"id": upload, "title": title}]), "channel_id": channel, "thread_ts": thread,
        }, form=True)
        return Sent(upload) if isinstance(answer, dict) else answer

    def find_file(self, upload: str, channel: str, thread: str, *, since: datetime) -> Sent | Absent | Later | Gone:
        """Whether an uploaded file already shows in the thread."""
        for message in self._messages(channel, since, thread):
            if isinstance(message, Later | Gone):
                return message
            if any(file.get("id") == upload for file in message.get("files") or ()):
                return Sent(upload)
        return Absent()

    def call(self, method: str, arguments: Mapping[str, str]) -> dict[str, Any] | Refusal:
        """Any other method, where the caller itself can tell whether it was done before."""
        return self._call(method, {name: self._scrub(value) for name, value in arguments.items()}, form=True)

    def channel(self, name: str, *, afresh: bool = False) -> str | Later | Gone:
        """The id of a channel given as `#name` or as its id; names are asked for once unless `afresh`."""
        if not name.startswith("#"):
            return name
        if (afresh or name not in self._channels) and (trouble := self._list_channels()):
            return trouble
        return self._channels.get(name) or Gone("channel_not_found")

    def _without_secrets(self, part: Json) -> Json:
        if isinstance(part, str):
            return self._scrub(part)
        if isinstance(part, list):
            return [self._without_secrets(one) for one in part]
        if isinstance(part, dict):
            return {name: self._without_secrets(one) for name, one in part.items()}
        return part

    def channel_id(self, name: str) -> str:
        """The id of a channel, or nothing where Slack does not say one now."""
        found = self.channel(name)
        return found if isinstance(found, str) else ""

    def _list_channels(self) -> Later | Gone | None:
        if self._listed is not None and self._clock.now() - self._listed < _LIST_AGAIN:
            return None     # a name that does not exist must not be asked for by every record
        known = dict[str, str]()
        kinds = "public_channel,private_channel"
        for page in self._pages("conversations.list", {"types": kinds, "exclude_archived": True, "limit": 999}):
            if isinstance(page, Later | Gone):
                return page
            known |= {f"#{found['name']}": str(found["id"]) for found in page.get("channels") or ()}
        self._channels, self._listed = known, self._clock.now()
        return None

    def _messages(self, channel: str, since: datetime, thread: str) -> Iterator[dict[str, Any] | Later | Gone]:
        method = "conversations.replies" if thread else "conversations.history"
        oldest = f"{(since - _SKEW).timestamp():.6f}"
        asked = {"channel": channel, "oldest": oldest, "include_all_metadata": True}
        for page in self._pages(method, asked | ({"ts": thread} if thread else {})):
            if isinstance(page, Later | Gone):
                yield page
                return
            yield from page.get("messages") or ()

    def _pages(self, method: str, asked: dict[str, Any]) -> Iterator[dict[str, Any] | Later | Gone]:
        cursor = ""
        for _ in range(_PAGES):
            answer = self._call(method, {"limit": _PAGE, **asked, **({"cursor": cursor} if cursor else {})}, form=True)
            if not isinstance(answer, dict):
                yield Later(answer.until, answer.why) if isinstance(answer, Doubt) else answer
                return
            yield answer
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    def _call(self, method: str, arguments: dict[str, Any], *, form: bool = False) -> dict[str, Any] | Refusal:
        answer = self._once(method, arguments, form=form)
        if answer != Gone("not_in_channel"):
            return answer
        # The operator named this channel; nobody has to invite us into a public one.
        channel = arguments.get("channel") or arguments.get("channel_id")
        joined = self._once("conversations.join", {"channel": channel}, form=True)
        return self._once(method, arguments, form=form) if isinstance(joined, dict) else answer

    def _once(self, method: str, arguments: dict[str, Any], *, form: bool) -> dict[str, Any] | Refusal:
        if until := self._pacer.paused(method):
            return Later(until, "pause")
        if not self.serving():
            return Later(self._clock.now() + UNSURE_FOR, "pause")
        try:
            if form:
                response = self._client.api_call(method, params=arguments)
            else:
                response = self._client.api_call(method, json=arguments)
        except SlackApiError as error:
            return self._refused(method, error)
        except (OSError, HTTPException, ValueError) as error:
            until = self._pacer.failed()
            never_left = isinstance(error, URLError) and isinstance(error.reason, _NEVER_LEFT)
            return Later(until, type(error).__name__) if never_left else Doubt(until, type(error).__name__)
        self._pacer.answered()
        return response.data if isinstance(response.data, dict) else {}

    def _refused(self, method: str, error: SlackApiError) -> Refusal:
        """What a refusal means. Only Slack's own short word is kept: what else the answer held stays out of logs."""
        status, word = int(error.response.status_code), str(error.response.get("error", ""))
        if status == 429 or word in ("ratelimited", "rate_limited"):
            return Later(self._pacer.pause(method, _retry_after(error)), "429")
        if status >= 500 or word in _UNSURE or not re.fullmatch("[a-z0-9_]{1,60}", word):
            return Doubt(self._pacer.failed(), f"HTTP {status}")
        self._pacer.answered()
        return Gone(word)


_NEVER_LEFT = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)


def _place(channel: str, thread: str) -> dict[str, str]:
    return {"channel": channel, "thread_ts": thread} if thread else {"channel": channel}


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": EVENT, "event_payload": {"id": key}}


def _retry_after(error: SlackApiError) -> float:
    headers = {str(name).lower(): value for name, value in dict(error.response.headers).items()}
    try:
        return float(headers.get("retry-after", 30))
    except ValueError:
        return 30.0
