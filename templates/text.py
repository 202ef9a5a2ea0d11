"""Text for people: what is Slack markup already, what is plain, and how one becomes safe inside the other.

Slack's markup can escape `& < >` only; `* _ ~` and backticks have no escape. So plain text
stays exact wherever Slack offers a plain element (`plain_text`, `rich_text`), and inside a
line of markup the characters that could restyle it become look-alikes: asterisk, tilde and
backtick always, an underscore only at the edge of a word (inside `user_profiles` it means
nothing and stays). A zero-width character would not do: Slack takes some of them for the edge
of a word, where styles begin. What people will copy goes into `code(…)`, where only the
backtick is replaced, or into `rich(…)`.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import quote

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad"        # controls, soft hyphen
    "\u061c\u115f\u1160\u180e\u200b\u200e\u200f"      # direction marks, fillers, zero-width space
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"    # bidi overrides and isolates, other invisibles
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"  # annotations, lone surrogates, tag characters
)
_BREAKS = re.compile("\r\n?|[\u2028\u2029\x85]")
_LOOKALIKES = str.maketrans({"*": "\u2217", "~": "\u223c", "`": "\u02cb"})
_BACKTICK = str.maketrans({"`": "\u02cb"})
_EDGE_UNDERSCORE = re.compile("(?<![A-Za-z0-9_])_+|_+(?![A-Za-z0-9_])")
_SHOUT = re.compile("@(?=(?:here|channel|everyone|group)\\b)", re.IGNORECASE)
_QUOTE = re.compile("^(?=&gt;)", re.MULTILINE)
_TOKEN = re.compile("<[^<>]*>|&(?:amp|lt|gt);|.", re.DOTALL)
_WORD_JOINER = "\u2060"

NOTHING = "\u2013"
"""A dash, where Slack wants at least one character and there is none."""

_ENDS_A_LINK = re.compile("[\\s<>|\"`*]")
_ID = re.compile("(?:[UW]|(S))[A-Z0-9]{2,30}")


class Mark(str):
    """Text that is Slack markup already."""

    __slots__ = ()


def clean(text: str) -> str:
    """The text without what cannot be seen or turns the reading direction; every line break becomes a newline."""
    return _INVISIBLE.sub("", _BREAKS.sub("\n", text))


def one_line(text: str) -> str:
    """The text cleaned and on one line, each run of white space a single space."""
    return " ".join(clean(text).split())


def size(text: str) -> int:
    """The length as Slack may count it at worst: UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def escape(text: str) -> Mark:
    """Plain text as markup that shows the text and does nothing: no mention, no link, no style."""
    safe = _EDGE_UNDERSCORE.sub(lambda run: "\u02cd" * len(run[0]), clean(text).translate(_LOOKALIKES))
    return Mark(_SHOUT.sub("@" + _WORD_JOINER, _QUOTE.sub(_WORD_JOINER, _entities(safe))))


def line(*parts: str) -> Mark:
    """Parts side by side: plain ones are escaped, marks pass as they are."""
    return Mark("".join(part if isinstance(part, Mark) else escape(part) for part in parts))


def lines(*parts: str) -> Mark:
    """Parts one below the other; empty ones are left out."""
    return Mark("\n".join(line(part) for part in parts if part))


def bold(text: str) -> Mark:
    """The text in bold; on one line, since bold ends at a line break."""
    inner = " ".join(line(text).split())
    return Mark(f"*{inner}*") if inner else Mark("")


def code(text: str) -> Mark:
    """The text as code, exact but for backticks; on one line, since an inline span ends at a line break."""
    inner = _SHOUT.sub("@" + _WORD_JOINER, _entities(one_line(unmarked(text)).translate(_BACKTICK)))
    return Mark(f"`{inner}`") if inner else Mark("")


def speech(sentence: str) -> Mark:
    """A sentence of ours, plain but for what stands between backticks: that is shown as code."""
    parts = sentence.split("`")
    if len(parts) % 2 == 0:
        return escape(sentence)
    return line(*(code(part) if position % 2 else part for position, part in enumerate(parts)))


def mention(user_or_group: str) -> Mark:
    """A mention by id, which notifies: a user (U…, W…) or a user group (S…). Refuses anything else."""
    if not (shape := _ID.fullmatch(user_or_group)):
        raise ValueError(f"{user_or_group!r} is not the id of a Slack user or user group")
    return Mark(f"<!subteam^{user_or_group}>" if shape[1] else f"<@{user_or_group}>")


def when(moment: datetime) -> Mark:
    """A moment in each reader's own zone, as Slack's date token; UTC where tokens are not understood."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone cannot be shown")
    fallback = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return Mark(f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>")


def clock(moment: datetime) -> Mark:
    """The clock time of a moment in each reader's own zone, for a day that was said already."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone cannot be shown")
    return Mark(f"<!date^{int(moment.timestamp())}^{{time}}|{moment.astimezone(UTC):%H:%M} UTC>")


def link(url: str, text: str) -> Mark:
    """A link with a label. Only http and https; whatever could end the link early is percent-encoded."""
    if not re.match("https?://[^/]", url, re.IGNORECASE):
        raise ValueError("a link needs an http or https address")
    address = _entities(_ENDS_A_LINK.sub(lambda found: quote(found[0]), clean(url)))
    return Mark(f"<{address}|{escape(one_line(unmarked(text)) or url)}>")


def unmarked(text: str) -> str:
    """What a reader sees of a mark, as plain text; plain text itself stays as it is."""
    if not isinstance(text, Mark):
        return text
    seen = "".join(_shown(token) for token in _TOKEN.findall(text.replace(_WORD_JOINER, "")))
    return re.sub("`([^`\n]+)`", "\\1", re.sub("\\*([^*\n]+)\\*", "\\1", seen))


def clamp(text: str, limit: int) -> str:
    """The text within a limit; where something had to go, the end says so."""
    return text if size(text) <= limit else _cut(text, list(text), limit)


def clamp_mark(mark: Mark, limit: int) -> Mark:
    """Markup within a limit, never cut inside a mention, a link or an entity, and with its last style closed."""
    if size(mark) <= limit:
        return mark
    return Mark(_cut(mark, _TOKEN.findall(mark), limit, markup=True))


def width(text: str) -> int:
    """How many columns of a fixed-width font the text takes."""
    return sum(_columns(character) for character in text)


def shorten(text: str, columns: int) -> str:
    """The text within so many columns, ending in an ellipsis when it was longer."""
    if width(text) <= columns:
        return text
    kept, room = "", columns - 1
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return kept + "…"


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _shown(token: str) -> str:
    if not (token.startswith("<") and len(token) > 1):
        return {"&amp;": "&", "&lt;": "<", "&gt;": ">"}.get(token, token)
    target, bar, label = token[1:-1].partition("|")
    shown = label if bar else target.removeprefix("!subteam^").lstrip("!")
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _cut(text: str, tokens: list[str], limit: int, *, markup: bool = False) -> str:
    tail = f" … ({len(text):,} characters, cut here)" if limit >= 300 else "…"
    room, kept = limit - size(tail) - (2 if markup else 0), []
    for token in tokens:
        room -= size(token)
        if room < 0:
            break
        kept.append(token)
    head = "".join(kept)
    return head + (_closing(head) if markup else "") + tail


def _closing(markup: str) -> str:
    if markup.count("`") % 2:
        return "`"
    return "*" if re.sub("`[^`]*`", "", markup).count("*") % 2 else ""


def _columns(character: str) -> int:
    if unicodedata.combining(character) or character in "\u200c\u200d\ufe0e\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
