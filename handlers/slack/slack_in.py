"""What is read from Slack: a message, a thread, and the images that came with them."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.adapters.trust import authorities
from bot.domain.notes import Kept
from bot.errors import Unreachable
from bot.ports import Shelves
from handlers.failures import code

LARGEST = 20_000_000
"""Bytes of an image that is kept; a larger one stays in Slack alone, and its note says so."""

GONE = frozenset({"thread_not_found", "message_not_found", "channel_not_found", "not_in_channel", "is_archived"})
_PAGE, _PAGES = 200, 100


class SlackIn:
    """Reads messages with the bot's own rights. `home` is the workspace's address, for permalinks."""

    def __init__(self, client: WebClient, shelves: Shelves, home: str) -> None:
        self._client = client
        self._shelves = shelves
        self._home = home.rstrip("/")

    def permalink(self, channel: str, ts: str, thread: str = "") -> str:
        """Slack's own form of a link to a message; nothing where the workspace's address is not known."""
        if not self._home:
            return ""
        link = f"{self._home}/archives/{channel}/p{ts.replace('.', '')}"
        return f"{link}?thread_ts={thread}&cid={channel}" if thread and thread != ts else link

    def message(self, channel: str, ts: str) -> Mapping[str, Any] | None:
        """A message, also a reply in a thread; None when it is not there or not for us. Raises `Unreachable`."""
        for found in self._replies(channel, ts, oldest=ts):
            if found.get("ts") == ts:
                return found
        return None

    def thread(self, channel: str, ts: str, oldest: str) -> tuple[Mapping[str, Any], ...] | None:
        """The replies of a thread since then, all of them; None when it is gone. Raises `Unreachable`."""
        try:
            return tuple(reply for reply in self._replies(channel, ts, oldest, strict=True) if reply.get("ts") != ts)
        except LookupError:
            return None

    def kept(self, files: object) -> list[Kept]:
        """The files of a message; images are fetched and kept here, privately."""
        return [self._kept(file) for file in files if isinstance(file, dict)] if isinstance(files, list) else []

    def _kept(self, file: Mapping[str, Any]) -> Kept:
        kept = Kept(id=str(file.get("id", "")), name=str(file.get("name", "")), kind=str(file.get("mimetype", "")))
        url = str(file.get("url_private_download") or file.get("url_private") or "")
        if not kept.kind.startswith("image/"):
            return Kept(id=kept.id, name=kept.name, kind=kept.kind, why="only images are kept")
        if int(file.get("size") or 0) > LARGEST:
            return Kept(id=kept.id, name=kept.name, kind=kept.kind, why="larger than 20 MB")
        content, why = self._fetched(url)
        sha256 = self._shelves.keep(content) if content else ""
        return Kept(id=kept.id, name=kept.name, kind=kept.kind, sha256=sha256, why=why)

    def _fetched(self, url: str) -> tuple[bytes, str]:
        """The bytes behind a private address of Slack's, asked with our token; or why they are not there."""
        if not self._ours(url):
            return b"", "its address is not Slack's"
        try:
            with httpx.stream(
                "GET", url, headers={"Authorization": f"Bearer {self._client.token}"}, timeout=10,
                verify=authorities(),
            ) as answer:
                if not answer.is_success:
                    return b"", f"Slack answered {answer.status_code}"
                if answer.headers.get("content-type", "").startswith("text/html"):
                    return b"", "Slack asked to sign in: the scope files:read is missing"
                content = b""
                for piece in answer.iter_bytes():
                    content += piece
                    if len(content) > LARGEST:
                        return b"", "larger than 20 MB"
                return content, ""
        except httpx.HTTPError as trouble:
            return b"", f"Slack did not answer ({type(trouble).__name__})"

    def _ours(self, url: str) -> bool:
        """Whether our token may go there: Slack's own file host, or the stand-in that speaks for all of Slack."""
        there, api = urlsplit(url), urlsplit(self._client.base_url)
        if there.scheme == "https" and there.hostname in ("files.slack.com", "files.slack-gov.com"):
            return True
        stand_in = not (api.hostname or "").endswith(("slack.com", "slack-gov.com"))
        return stand_in and (there.scheme, there.netloc) == (api.scheme, api.netloc)

    def _replies(self, channel: str, ts: str, oldest: str, *, strict: bool = False) -> Iterator[Mapping[str, Any]]:
        cursor = ""
        for _ in range(_PAGES):
            try:
                page = self._client.conversations_replies(
                    channel=channel, ts=ts, oldest=oldest, inclusive=True, limit=_PAGE, cursor=cursor or None,
                )
            except SlackApiError as exc:
                if code(exc) in GONE:
                    if strict:
                        raise LookupError(code(exc)) from exc
                    return
                raise Unreachable(f"Slack answered {code(exc)} when it was asked for a message.") from exc
            except (SlackClientError, OSError, http.client.HTTPException, ValueError) as exc:
                raise Unreachable("Slack did not answer when it was asked for a message.") from exc
            yield from page.get("messages") or ()
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return
        if strict:
            raise Unreachable("The thread is longer than can be read at once.")
