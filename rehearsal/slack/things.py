"""What this Slack remembers: messages with their history, views, files, triggers and answers still allowed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rehearsal.slack.markup import Live
from rehearsal.slack.people import APP_ID, BOT_ID, BOT_USER_ID, TEAM_ID

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Version:
    """What a message said from that moment on."""

    at: float
    text: str
    blocks: list[Json]
    live: Live = field(default_factory=Live)


@dataclass(kw_only=True)
class Message:
    channel: str
    ts: str
    user: str
    text: str
    at: float
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    subtype: str | None = None
    edited_at: float | None = None
    files: list[str] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    pinned: bool = False
    only_for: str | None = None  # the one person who sees it, where it is ephemeral
    problem: bool = False  # Slack's own words to a person whose command or click failed
    live: Live = field(default_factory=Live)
    notified: frozenset[str] = frozenset()  # people in whom this raised a badge; edits never do
    specials: frozenset[str] = frozenset()  # channel, here, everyone: who was called when it was posted
    versions: list[Version] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        return self.channel, self.ts

    @property
    def by_bot(self) -> bool:
        return self.user == BOT_USER_ID

    @property
    def in_thread(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    def payload(self) -> Json:
        """The message as chat.postMessage, payloads and history show it; metadata is added where it was asked for."""
        shown: Json = {"type": "message", "user": self.user, "ts": self.ts, "team": TEAM_ID, "text": self.text}
        if self.by_bot:
            shown |= {"bot_id": BOT_ID, "app_id": APP_ID}
        if self.subtype:
            shown["subtype"] = self.subtype
        if self.blocks:
            shown["blocks"] = self.blocks
        if self.attachments:
            shown["attachments"] = self.attachments
        if self.thread_ts:
            shown["thread_ts"] = self.thread_ts
        if self.edited_at is not None:
            shown["edited"] = {"user": self.user, "ts": f"{self.edited_at:.6f}"}
        if self.reactions:
            shown["reactions"] = [
                {"name": name, "users": list(users), "count": len(users)} for name, users in self.reactions.items()
            ]
        if self.pinned:
            shown["pinned_to"] = [self.channel]
        return shown


@dataclass(kw_only=True)
class View:
    id: str
    user: str
    hash: str
    content: Json
    root: str
    previous: str | None = None
    values: Json = field(default_factory=dict)
    typed: Json = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return str(self.content.get("type"))

    @property
    def blocks(self) -> list[Json]:
        return list(self.content.get("blocks", []))

    @property
    def title(self) -> str:
        return str(self.content.get("title", {}).get("text", ""))

    @property
    def callback_id(self) -> str:
        return str(self.content.get("callback_id", ""))

    def payload(self, values: Json | None = None) -> Json:
        filled = {"private_metadata": "", "callback_id": "", "external_id": "", "clear_on_close": False}
        if self.kind == "modal":
            filled |= {"notify_on_close": False, "close": None, "submit": None}
        return {
            **filled,
            **self.content,
            "id": self.id,
            "team_id": TEAM_ID,
            "hash": self.hash,
            "state": {"values": self.values if values is None else values},
            "previous_view_id": self.previous,
            "root_view_id": self.root,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
        }


@dataclass(kw_only=True)
class File:
    id: str
    name: str
    title: str
    size: int
    at: float
    snippet_type: str = ""
    alt_txt: str = ""
    content: bytes | None = None
    mimetype: str = "text/plain"
    user: str = BOT_USER_ID
    channel: str | None = None
    ts: str | None = None
    thread_ts: str | None = None

    @property
    def shared(self) -> bool:
        return self.ts is not None

    @property
    def text(self) -> str:
        return (self.content or b"").decode("utf-8", "replace")


@dataclass(kw_only=True)
class Canvas:
    """A document of the bot's; `access` is what channels and people may do: read or write."""

    id: str
    title: str
    markdown: str
    at: float
    access: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Trigger:
    user: str
    at: float
    used: bool = False


@dataclass(kw_only=True)
class Answer:
    """A response_url: who may still be answered, about what, how often."""

    user: str
    channel: str
    at: float
    message: tuple[str, str] | None = None
    thread_ts: str | None = None
    used: int = 0


@dataclass(frozen=True, kw_only=True)
class Call:
    """One Web API call (or use of a response_url or an upload address), as it was answered."""

    at: float
    method: str
    args: Json
    status: int
    answer: Json
    seconds: float

    @property
    def ok(self) -> bool:
        return bool(self.answer.get("ok"))

    @property
    def error(self) -> str | None:
        return self.answer.get("error")


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """One request to the bot and what became of it."""

    at: float
    kind: str
    status: int | None
    seconds: float
    body: str
    content_type: str = ""
    error: str | None = None  # what the acting person was shown
    retry: int = 0
    payload: Json = field(default_factory=dict)
    copies: tuple[Delivered, ...] = ()  # every copy, this one first, where several were sent

    @property
    def ok(self) -> bool:
        return self.error is None
