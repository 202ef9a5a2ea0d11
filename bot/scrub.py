"""Takes secrets out of text: known shapes of tokens and keys, passwords in addresses, and the settings' own secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from bot.domain.entry import Json

MARK = "[secret]"
"""What stands where a secret stood."""

SHORTEST = 12
"""A shorter setting is not replaced by value: `postgres` as a password would black out every other sentence."""

Rule = tuple[str, re.Pattern[str], "str | Callable[[re.Match[str]], str]"]


def _jwt(found: re.Match[str]) -> str:
    return MARK if "." in found[0] else found[0]


# Each rule: a hint (lower case) without which its pattern need not run, the pattern, what to put there. No pattern may
# scan far and then fail: it consumes what it scanned or is bounded, which keeps hostile text linear.
RULES: tuple[Rule, ...] = (
    ("://", re.compile(r'''(://[^\s:/@"<>]{0,256}:)[^\s/"<>]{1,256}@'''), rf"\1{MARK}@"),
    # A slash inside a password is wrong in an address, but gets typed.
    ("postgres", re.compile(r'''(postgres(?:ql)?://[^\s:/@"<>]{0,256}:)[^\s@"<>]{1,128}@'''), rf"\1{MARK}@"),
    ("eyj", re.compile(r"eyJ[\w-]*(?:\.[\w-]+)*", re.ASCII), _jwt),
    ("sb_secret_", re.compile(r"sb_secret_[\w-]+", re.ASCII), MARK),
    ("sbp_", re.compile(r"sbp_[\w-]{16,}", re.ASCII), MARK),
    ("xox", re.compile(r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{6,}"), MARK),
    ("xapp-", re.compile(r"xapp-[A-Za-z0-9-]{6,}"), MARK),
    ("github_pat_", re.compile(r"github_pat_\w{16,}", re.ASCII), MARK),
    *((hint, re.compile(hint + r"[A-Za-z0-9]{16,}"), MARK) for hint in ("gho_", "ghp_", "ghr_", "ghs_", "ghu_")),
    *((hint.lower(), re.compile(hint + r"[0-9A-Z]{16}"), MARK) for hint in ("AKIA", "ASIA")),
    (
        "secret",
        re.compile(r"""(?i)(aws_?secret_?access_?key["']?\s{0,8}[=:]\s{0,8}["']?)[a-z0-9/+=]{16,}"""),
        rf"\1{MARK}",
    ),
    ("age-secret-key-", re.compile(r"(?i)age-secret-key-[a-z0-9-]+"), MARK),
    ("bearer", re.compile(r"(?i)(bearer\s{1,8})[a-z0-9._~+/=-]{16,}"), rf"\1{MARK}"),
    ("basic", re.compile(r"(?i)(authorization:\s{0,8}basic\s{1,8})[a-z0-9+/=]{4,}"), rf"\1{MARK}"),
    # libpq's `password=…`, PGPASSWORD=…, and its quoted kin in JSON and in ALTER ROLE … PASSWORD '…'
    ("password", re.compile(r"(?i)(password=)[^\s'\"&;,)]+"), rf"\1{MARK}"),
    ("password", re.compile(r"""(?i)(password\\?["']?\s{0,8}[=:]?\s{0,8})'(?:[^'\\]|\\.|'')*'"""), rf"\1'{MARK}'"),
    ("password", re.compile(r"""(?i)(password["']?\s{0,8}[=:]\s{0,8})"(?:[^"\\]|\\.)*\""""), rf'\1"{MARK}"'),
    (
        "private key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s\\:,.]|-(?!----))*"
            r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
        ),
        MARK,
    ),
)


class Scrubber:
    """Replaces secrets in text and in JSON. Scrubbing twice changes nothing more; nothing makes it raise."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spelled = {spelling for secret in secrets if len(secret) >= SHORTEST for spelling in _spellings(secret)}
        self._secrets = tuple((secret, json.dumps(secret, ensure_ascii=False)[1:-1]) for secret in sorted(spelled))

    def __call__(self, text: str) -> str:
        """The text without its secrets."""
        return _scrubbed(text, [secret for secret, _ in self._secrets if secret in text], _rules_for(text))

    def json(self, value: Json | Mapping[str, Json]) -> Json:
        """The same JSON with every string scrubbed, keys included."""
        try:
            return _each(value, *self._worth_looking_for(value))
        except RecursionError:
            return MARK

    def _worth_looking_for(self, value: object) -> tuple[Sequence[str], Sequence[Rule]]:
        # One look at the whole tells what to look for in each of its strings: most often next to nothing.
        try:
            whole = json.dumps(value, ensure_ascii=False, default=dict)
        except (TypeError, ValueError):
            return [secret for secret, _ in self._secrets], RULES
        return [secret for secret, inside in self._secrets if inside in whole], _rules_for(whole)


def _each(value: object, secrets: Sequence[str], rules: Sequence[Rule]) -> Json:
    if isinstance(value, str):
        return _scrubbed(value, secrets, rules)
    if isinstance(value, Mapping):
        return {
            _scrubbed(key, secrets, rules) if isinstance(key, str) else key: _each(inner, secrets, rules)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_each(inner, secrets, rules) for inner in value]
    return value  # type: ignore[return-value]  # numbers, booleans, null: nothing to hide in them


def _rules_for(text: str) -> list[Rule]:
    lowered = text.lower()
    return [rule for rule in RULES if rule[0] in lowered]


def _scrubbed(text: str, secrets: Sequence[str], rules: Sequence[Rule]) -> str:
    text = _without(secrets, text)
    for hint, pattern, instead in rules:
        if hint in text.lower():
            text = pattern.sub(instead, text)
    return text


def _without(secrets: Sequence[str], text: str) -> str:
    # Spans are merged before they are replaced: where two secrets overlap, nothing of either stays.
    spans: list[tuple[int, int]] = []
    for secret in secrets:
        at = text.find(secret)
        while at >= 0:
            spans.append((at, at + len(secret)))
            at = text.find(secret, at + 1)
    if not spans:
        return text
    pieces, end = list[str](), 0
    for start, stop in sorted(spans):
        if start > end or not pieces:
            pieces += [text[end:start], MARK]
        end = max(end, stop)
    return "".join([*pieces, text[end:]])


def _spellings(secret: str) -> set[str]:
    encoded = quote(secret, safe="", errors="surrogatepass")
    return {
        secret, encoded, re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), encoded),
        quote(secret, errors="surrogatepass"), quote_plus(secret, errors="surrogatepass"), json.dumps(secret)[1:-1],
    }
