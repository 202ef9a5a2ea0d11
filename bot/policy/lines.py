"""On which line of a TOML file each key stands, for errors that can be found at once.

The text has already passed `tomllib`, so this scanner need not judge it: it only has to know
where strings, lists and inline tables end.
"""

from __future__ import annotations

import re
import tomllib
from typing import Final

Path = tuple[str | int, ...]

STRING: Final = re.compile(
    r'"""(?:\\.|(?!""").)*"{3,5}' r"|'''(?:(?!''').)*'{3,5}" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'", re.DOTALL,
)
BLANK: Final = re.compile(r"(?:\s|#[^\n]*)*")
BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
SCALAR: Final = re.compile(r"[^,\]}\n#]+")


def key_lines(text: str) -> dict[Path, int]:
    """The line, counted from 1, of every table, key and list item, by its path: `("windows", 0, "start")`."""
    return _Scanner(text).document()


def line_of(lines: dict[Path, int], path: Path) -> int:
    """The line of a path, or of the nearest table around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.items: dict[Path, int] = {}

    def document(self) -> dict[Path, int]:
        table: Path = ()
        while self.blank() < len(self.text):
            table = self.header() if self.text[self.at] == "[" else self.pair(table)
        return self.lines

    def header(self) -> Path:
        line, is_item = self.line(), self.text.startswith("[[", self.at)
        self.at += 2 if is_item else 1
        path = self.inside_items(self.key(), last=is_item)
        self.at += 2 if is_item else 1
        self.note(path, line)
        return path

    def pair(self, table: Path) -> Path:
        line = self.line()
        path = table + self.key()
        self.note(path, line)
        self.at += 1  # the equals sign
        self.value(path)
        return table

    def key(self) -> tuple[str, ...]:
        """A dotted key; stops at what follows it."""
        parts = []
        while True:
            self.blank()
            found = STRING.match(self.text, self.at) or BARE_KEY.match(self.text, self.at)
            assert found, "tomllib accepts no other key"
            self.at = found.end()
            quoted = found[0][0] in "\"'"
            parts.append(next(iter(tomllib.loads(f"{found[0]} = 0"))) if quoted else found[0])
            self.blank()
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def value(self, path: Path) -> None:
        self.blank()
        opening = self.text[self.at]
        if opening in "\"'":
            found = STRING.match(self.text, self.at)
            assert found, "tomllib accepts no open string"
            self.at = found.end()
        elif opening == "[":
            self.list(path)
        elif opening == "{":
            self.inline_table(path)
        else:
            self.at += len(SCALAR.match(self.text, self.at)[0])  # type: ignore[index]  # tomllib accepts no missing value

    def list(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self.text[self.blank()] != "]":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self.note((*path, index), self.line())
            self.value((*path, index))
            index += 1
        self.at += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        while self.text[self.blank()] != "}":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self.pair(path)
        self.at += 1

    def inside_items(self, key: tuple[str, ...], *, last: bool) -> Path:
        """The path of a header, through the newest item of every list of tables on the way."""
        path: Path = ()
        for depth, part in enumerate(key, 1):
            path = (*path, part)
            if last and depth == len(key):
                self.items[path] = self.items.get(path, -1) + 1
            if path in self.items:
                self.lines.setdefault(path, self.line())
                path = (*path, self.items[path])
        return path

    def note(self, path: Path, line: int) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)

    def blank(self) -> int:
        found = BLANK.match(self.text, self.at)
        assert found, "an empty match at least"
        self.at = found.end()
        return self.at

    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1
