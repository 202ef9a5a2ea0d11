"""From a file's bytes to its statements, with those inside DO blocks and function bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.migrations.splitter import split
from bot.migrations.sql.parse import parse
from bot.migrations.sql.rule import Source, Statement, Trouble, Unparsable
from bot.migrations.sql.tree import opened

AT_ONCE = 1 << 18
"""Bytes that are parsed in one go; longer files go statement by statement, or their tree would fill the memory."""

_BEFORE = re.compile(rb"(?:\s+|--[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+")


def statements(raw: bytes, source: Source, troubles: list[Trouble]) -> Iterator[Statement]:
    """The statements of a file in order. Where one cannot be parsed, the others are read all the same."""
    if len(raw) <= AT_ONCE:
        try:
            yield from _parsed(raw, source, 1)
            return
        except Unparsable:
            pass
    yield from _singly(raw, source, troubles)


def _singly(raw: bytes, source: Source, troubles: list[Trouble]) -> Iterator[Statement]:
    for one in split(raw.decode("utf-8")):
        sql = one.text.encode()
        try:
            yield from _parsed(sql, source, one.begins)
        except Unparsable as wrong:
            line = one.begins + sql.count(b"\n", 0, wrong.at) if wrong.at > 0 else one.line
            troubles.append(Trouble(str(wrong), line, one.text))


def _parsed(raw: bytes, source: Source, first_line: int) -> Iterator[Statement]:
    """The statements of a text that begins at that line; places in their trees count from its beginning."""
    line, counted = first_line, 0
    for item in parse(raw):
        start = item.get("stmt_location", 0)
        end = start + item["stmt_len"] if "stmt_len" in item else len(raw)
        kind, node = opened(item.get("stmt", {}))
        found = _BEFORE.match(raw, start)
        begin = found.end() if found else start
        line += raw.count(b"\n", counted, begin)
        counted = begin
        text = raw[begin:end]
        yield Statement(kind, node, source, text, line, line + text.rstrip().count(b"\n"), begin=begin)
