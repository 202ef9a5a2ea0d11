"""What a person reads: messages and views flattened to plain text, and the whole workspace as a transcript."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from rehearsal.slack.markup import date_token, plain
from rehearsal.slack.state import Workspace
from rehearsal.slack.things import Json, Message, View


class Reader:
    """One reader's eyes: names of people and channels, and a time zone."""

    def __init__(self, workspace: Workspace, zone: tzinfo = UTC) -> None:
        self.workspace = workspace
        self.zone = zone

    def text_of(self, seen: Message | View) -> str:
        """Blocks where there are any, the text otherwise, then files and reactions."""
        if isinstance(seen, View):
            return "\n".join(self._view(seen))
        lines = list(self.blocks(seen.blocks)) if seen.blocks else [self.mrkdwn(seen.text)] if seen.text else []
        for attachment in seen.attachments:
            lines += [self.mrkdwn(str(attachment[part])) for part in ("pretext", "title", "text") if part in attachment]
            lines += self.blocks(attachment.get("blocks", []))
        for name in seen.files:
            lines.append(f"[file {self.workspace.files[name].name}: {self.workspace.files[name].title}]")
        return "\n".join(lines)

    def fallback(self, message: Message) -> str:
        """What a notification or a screen reader says."""
        return self.mrkdwn(message.text)

    def mrkdwn(self, text: str) -> str:
        now = datetime.fromtimestamp(self.workspace.clock(), UTC)
        return plain(text, self.workspace.name_of, self.zone, now)

    def blocks(self, blocks: list[Json]) -> Iterator[str]:
        for block in blocks:
            yield from self._block(block)

    def _view(self, view: View) -> Iterator[str]:
        if view.title:
            yield view.title
        for block in view.blocks:
            yield from self._block(block)
            if block.get("block_id") in view.errors:
                yield f"! {view.errors[block['block_id']]}"
        if "" in view.errors:
            yield f"! {view.errors['']}"
        ends = [view.content[part]["text"] for part in ("submit", "close") if view.content.get(part)]
        if ends:
            yield " ".join(f"[{words}]" for words in ends)

    def _block(self, block: Json) -> Iterator[str]:
        kind = str(block.get("type"))
        several = {
            "section": self._section,
            "alert": self._section,
            "input": self._input,
            "rich_text": self._rich,
            "table": self._table,
        }
        if kind in several:
            yield from several[kind](block)
        else:
            yield self._line(kind, block)

    def _line(self, kind: str, block: Json) -> str:
        if kind == "header":
            return self._text(block["text"])
        if kind == "context":
            return " ".join(self._text(e) if "text" in e else f"({e.get('alt_text', '')})" for e in block["elements"])
        if kind == "actions":
            return " ".join(self._control(element) for element in block["elements"])
        if kind == "image":
            return f"[picture: {block.get('alt_text', '')}]"
        return {"divider": "────", "markdown": str(block.get("text", ""))}.get(kind, f"[{kind}]")

    def _input(self, block: Json) -> Iterator[str]:
        yield f"{self._text(block['label'])}: {self._control(block['element'])}"
        if "hint" in block:
            yield self._text(block["hint"])

    def _section(self, block: Json) -> Iterator[str]:
        line = self._text(block["text"]) if "text" in block else ""
        if "accessory" in block:
            line = f"{line} {self._control(block['accessory'])}".strip()
        if line:
            yield line
        for field in block.get("fields", []):
            yield self._text(field)

    def _text(self, text: Json) -> str:
        words = str(text.get("text", ""))
        return self.mrkdwn(words) if text.get("type") == "mrkdwn" else words

    def _control(self, element: Json) -> str:
        kind = element.get("type")
        if kind == "button":
            return f"[{self._text(element['text'])}]"
        if kind == "overflow":
            return f"[⋯ {', '.join(self._text(option['text']) for option in element['options'])}]"
        if kind == "image":
            return f"[picture: {element.get('alt_text', '')}]"
        if kind in ("checkboxes", "radio_buttons"):
            chosen = element.get("initial_options", []) or [element.get("initial_option")]
            marks = ["x" if option in chosen else " " for option in element["options"]]
            return " ".join(
                f"({mark}) {self._text(option['text'])}" for mark, option in zip(marks, element["options"], strict=True)
            )
        return f"[{self._entered(element)}]"

    def _entered(self, element: Json) -> str:
        for part in ("initial_value", "initial_date", "initial_time", "initial_user", "initial_channel"):
            if element.get(part):
                return str(element[part])
        for option in [element.get("initial_option"), *element.get("initial_options", [])]:
            if option:
                return self._text(option["text"])
        if element.get("placeholder"):
            return self._text(element["placeholder"])
        return "…"

    def _rich(self, block: Json) -> Iterator[str]:
        number = 0
        for element in block["elements"]:
            kind = element["type"]
            if kind == "rich_text_list":
                indent = "  " * element.get("indent", 0)
                for number, item in enumerate(element["elements"], start=element.get("offset", 0) + 1):
                    sign = f"{number}." if element["style"] == "ordered" else "•"
                    yield f"{indent}{sign} {self._pieces(item['elements'])}"
            else:
                words = self._pieces(element["elements"])
                lines = words.rstrip("\n").split("\n")
                yield from (f"> {line}" for line in lines) if kind == "rich_text_quote" else lines

    def _pieces(self, pieces: list[Json]) -> str:
        return "".join(self._piece(piece) for piece in pieces)

    def _piece(self, piece: Json) -> str:
        kind = piece["type"]
        if kind in ("user", "usergroup", "channel"):
            return self.workspace.name_of(str(piece[f"{kind}_id"]))
        if kind == "broadcast":
            return f"@{piece['range']}"
        if kind == "link":
            return f"{piece['text']} ({piece['url']})" if piece.get("text") else str(piece["url"])
        if kind == "emoji":
            return f":{piece['name']}:"
        if kind == "date":
            return date_token(f"!date^{piece['timestamp']}^{piece['format']}", piece.get("fallback", ""), self.zone)
        return str(piece.get("text", piece.get("value", "")))

    def _table(self, block: Json) -> Iterator[str]:
        rows = [[self._cell(cell) for cell in row] for row in block["rows"]]
        widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
        for row in rows:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()

    def _cell(self, cell: Json) -> str:
        if cell["type"] == "rich_text":
            return " ".join(self._rich(cell))
        return str(cell.get("text", cell.get("value", "")))


def transcript(workspace: Workspace, zone: tzinfo = UTC) -> str:
    """The whole workspace in readable plain text: threads indented, ephemerals marked."""
    reader = Reader(workspace, zone)
    with workspace.lock:
        return "\n".join(
            line
            for channel in workspace.channels.values()
            for line in _channel_lines(reader, channel.id, workspace.name_of(channel.id))
        )


def _channel_lines(reader: Reader, channel: str, name: str) -> Iterator[str]:
    messages = [m for m in reader.workspace.messages if m.channel == channel]
    if not messages:
        return
    yield name
    for message in messages:
        if message.in_thread:
            continue
        yield from _message_lines(reader, message, "  ")
        for answer in messages:
            if answer.in_thread and answer.thread_ts == message.ts:
                yield from _message_lines(reader, answer, "      ")
    yield ""


def _message_lines(reader: Reader, message: Message, indent: str) -> Iterator[str]:
    time = datetime.fromtimestamp(message.at, UTC).astimezone(reader.zone).strftime("%H:%M")
    author = reader.workspace.name_of(message.user).lstrip("@")
    marks = "".join(
        (
            f" (only {reader.workspace.name_of(message.only_for)} sees this)" if message.only_for else "",
            " (edited)" if message.edited_at is not None else "",
        )
    )
    yield f"{indent}{time} {author}{marks}"
    for line in reader.text_of(message).split("\n"):
        yield f"{indent}  {line}".rstrip()
