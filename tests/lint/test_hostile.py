"""No input makes the checker crash or fall silent: whatever it cannot look at is a finding that blocks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.finding import Finding, Level
from bot.migrations import risk
from bot.migrations.checking import analyse, judge
from bot.migrations.sql import guard, squawk
from bot.migrations.sql.rule import Analysis

GOOD = ("20260102000000_good.sql", b"drop table if exists public.books;")
HOSTILE = {
    "50,000 chained operators": b"select 1" + b"||1" * 50_000,
    "20,000 parentheses": b"select " + b"(" * 20_000 + b"1" + b")" * 20_000,
    "5,000 nested CASEs": b"select " + b"case when true then " * 5_000 + b"1" + b" end" * 5_000,
    "a NUL": b"select 1;\n\0drop table public.books;",
    "no UTF-8": b"select '\xe9';",
    "too long": b"select 1;\n" * 1_200_000,
    "an open string": b"select 'never closed;\ndrop table public.books;",
    "an open dollar quote": b"do $x$ begin drop table public.books;",
    "half a statement": b"create table",
}


def told(*files: tuple[str, bytes]) -> list[Finding]:
    return list(judge(analyse(files)).findings)


@pytest.mark.parametrize("raw", [
    pytest.param(raw, id=name, marks=pytest.mark.slow if "chained" in name else ()) for name, raw in HOSTILE.items()
])
def test_a_hostile_file_blocks_and_its_neighbours_are_looked_at(raw: bytes) -> None:
    findings = told(("20260101000000_bad.sql", raw), GOOD)
    bad = [finding for finding in findings if finding.file.endswith("bad.sql")]
    assert any(finding.level is Level.BLOCK for finding in bad), bad
    good = {finding.rule for finding in findings if finding.file.endswith("good.sql")}
    assert "drop-without-backup" in good
    assert "could-not-analyse" not in good


def test_no_text_keeps_an_expression_busy() -> None:
    quotes, many = "'" * 80, 15_000
    body = f"begin execute q || {quotes} -- it's\n; execute format('%s', {quotes}, ((q))) || {quotes}; end"
    head = "create function public.f(q int) returns void language plpgsql security definer set search_path = '' as $x$"
    texts = (f"{head} {body} $x$;", "create role " * many, "password 'x' " * many, "set a." + "token" * many)
    findings = told(*((f"2026010100000{number}_x.sql", text.encode()) for number, text in enumerate(texts)))
    assert not any("took too much time" in finding.why for finding in findings)


def test_statements_within_statements_end_somewhere() -> None:
    text = "delete from public.books;"
    for number in range(200):
        text = f"do $x{number}$ begin {text} end $x{number}$;"
    found = told(("20260101000000_x.sql", text.encode()))
    assert any(finding.rule == "unreadable" and finding.destroys for finding in found)


def test_what_could_not_be_analysed_counts_as_destructive() -> None:
    findings = told(("20260101000000_bad.sql", HOSTILE["20,000 parentheses"]))
    assert any(finding.destroys for finding in findings)


def test_one_bad_statement_hides_no_other() -> None:
    findings = told(("20260101000000_x.sql", b"selec 1;\n\ndrop table if exists public.books;\n"))
    places = {(finding.rule, finding.line) for finding in findings}
    assert places >= {("could-not-analyse", 1), ("drop-without-backup", 3)}


def test_a_process_that_dies_costs_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def dying(given: guard.Given, waiting: guard.Given) -> Iterator[Analysis]:
        given.extend(waiting)
        waiting.clear()
        names = [name for _, (name, _) in given]
        return (Analysis(file=name) for name in takewhile("killer".__ne__, names))

    monkeypatch.setattr(guard, "_answers", dying)
    files = [("a", b""), ("killer", b""), ("b", b""), ("killer", b""), ("c", b"")]
    assert [said and said.file for said in guard.ask(files)] == ["a", None, "b", None, "c"]


def test_a_file_that_takes_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.0)
    assert guard.ask([GOOD]) == [None]


def test_without_room_in_memory_squawk_reads_from_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert squawk._where(1 << 60) is None
    monkeypatch.setattr(squawk, "_SHARED", "/there/is/no/such/folder")
    assert squawk._where(1) is None
    assert squawk.listen([GOOD[1]], "17.0") == [[]]


def test_the_process_sees_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    assert "xoxb-secret" not in "".join(guard._environment().values())


FRAGMENTS = st.sampled_from((
    "create table", "drop", "alter table public.a", "add column", "do $$", "$$", "begin", "commit;", "select", "(", ")",
    "'", '"', ";", "--", "/*", "*/", "policy", "using (true)", "grant all on", "to anon", "execute", "\\echo", "é",
    "\u202e", "create function f() returns void language plpgsql as", "language sql", "$x$", "\n", "1", "E'\\",
    "copy a from stdin;", "-- stagedoor: ignore if-exists because x\n", "-- squawk-ignore-file\n", "if", "then",
    "end", "loop", ":=", "\t",
))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(
    st.lists(FRAGMENTS, max_size=25).map(lambda parts: " ".join(parts).encode()), st.binary(max_size=80),
), min_size=10, max_size=40))
def test_any_bytes_get_an_answer_each(contents: list[bytes]) -> None:
    files = [(f"2026010100{number:04}_x.sql", raw) for number, raw in enumerate(contents)]
    analyses = analyse(files)
    assert [one.file for one in analyses] == [name for name, _ in files]
    assert all(isinstance(one, Analysis) for one in analyses)
    judge(analyses)
    for _, raw in files:
        risk.risks(raw)
