"""The name says version and purpose: `YYYYMMDDHHMMSS_what_it_does.sql`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Analysis, Rule, Source

RULE = Rule(
    name="file-name", level=Level.BLOCK,
    why="The Supabase CLI passes over files whose name it does not know, without a word, and takes a version only once",
    effect="The migration would never run, or in an order that nobody meant.",
    safe="-- in the shell: stagedoor new what_it_does",
)
_TAKEN = re.compile(r"(\d+)_.*\.sql", re.DOTALL)
_NAME = re.compile(r"(\d{14})_[a-z0-9_]+\.sql")


def text(source: Source) -> Iterator[Finding]:
    """A version of fourteen digits that is a real time and not in the future, and a plain name."""
    name = source.name.rpartition("/")[2]
    if not (found := _NAME.fullmatch(name)):
        said = f"{name} does not read YYYYMMDDHHMMSS_what_it_does.sql"
        if taken := _TAKEN.fullmatch(name):
            which = "its version is no time" if len(taken[1]) != 14 else "its name has other signs than a-z, 0-9 and _"
            yield RULE.on(
                source.name, why=f"{said}: {which}. The Supabase CLI takes it all the same.",
                effect="Versions of another length sort otherwise than people expect." if len(taken[1]) != 14
                else "Nobody can tell from it what it does, or has to quote it everywhere.",
            )
        else:
            yield RULE.on(source.name, why=f"{said}. {RULE.why}.")
        return
    try:
        datetime.fromisoformat(f"{found[1][:8]}T{found[1][8:]}+00:00")
    except ValueError:
        yield RULE.on(source.name, why=f"{found[1]} is no time that there is: YYYYMMDDHHMMSS.")


def across(pending: Sequence[Analysis]) -> Iterator[Finding]:
    """Every version is there once, and none lies in the future."""
    seen: dict[str, str] = {}
    latest = f"{datetime.now(UTC) + timedelta(days=1):%Y%m%d%H%M%S}"
    for file in pending:
        version = file.file.rpartition("/")[2].partition("_")[0]
        if not version.isdigit():
            continue
        if version in seen:
            yield RULE.on(file.file, why=f"It has the version of {seen[version]}, and the history can hold one once.")
        seen.setdefault(version, file.file.rpartition("/")[2])
        if len(version) == 14 and version > latest:
            yield RULE.on(
                file.file, level=Level.WARN,
                why=f"{version} lies in the future: migrations written until then would count as out of order.",
            )
