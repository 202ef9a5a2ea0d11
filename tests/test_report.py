"""The incident report: all that the journal knows, nothing that it does not, and the same bytes each time."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from bot.cli import app
from bot.domain.draft import FIELDS
from bot.domain.entry import SYSTEM, Fact, Opening
from bot.domain.report import IncidentReport
from bot.errors import Unknown
from bot.reporting.incident import report
from handlers.incidents.reports import gathered, in_form
from templates.documents import report_in, words
from templates.text import one_line
from tests.reporting_side import ERIN, NAMES, Desk

HEADINGS = (
    "Summary", "Impact", "Timeline", "Root cause", "Decisions", "Actions taken", "What went well", "What went badly",
    "Lessons learned", "Preventive measures", "Times",
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.journal.close()


@pytest.fixture
def after(desk: Desk) -> Desk:
    """An incident over a promotion, resolved."""
    desk.promoted(ended=False)
    desk.incident()
    return desk


def written(desk: Desk, form: str = "md") -> str:
    return in_form(desk.journal, desk.journal, "INC-1", form)


def test_it_has_every_heading_of_the_runbook_in_both_forms(after: Desk) -> None:
    markdown, html = written(after), written(after, "html")
    for heading in HEADINGS:
        assert f"\n## {heading}\n" in markdown, heading
        assert f"<h2>{heading}</h2>" in html, heading


def test_the_timeline_is_complete_in_order_and_names_its_sources(after: Desk) -> None:
    lines = gathered(after.journal, after.journal, "INC-1").timeline
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    said = [line.what for line in lines]
    assert said.count("The checkout answers 500") == 1
    assert any("P-1: ✓ 20261101121500 add_subtitle is in production" in what for what in said)
    assert any(what.startswith("Opened as SEV2: Checkout fails for readers. Broken: Nobody can pay") for what in said)
    assert all(line.source for line in lines)
    text = written(after)
    assert "12:00:30 Sam Ito: I see it too ([Slack](https://slack.example/archives/C1/p1.1))" in text


def test_nothing_is_invented_and_what_is_missing_is_listed(after: Desk) -> None:
    found = gathered(after.journal, after.journal, "INC-1")
    assert set(found.missing) == {
        "Root cause", "What went well", "What went badly", "Lessons learned", "Summary, in a person's words",
        "Preventive measures, each with an owner and a date",
    }
    assert "_Not filled: What went wrong? Why did staging not catch it?" in written(after)
    for key in FIELDS:
        after.note("INC-1", "report.field", ERIN, field=key, text=f"said of {key}")
    after.note("INC-1", "action.added", ERIN, id="A-1", text="Try it on production's data", owner="", due=None)
    assert set(gathered(after.journal, after.journal, "INC-1").missing) == {"An owner for A-1", "A date for A-1"}


def test_measures_come_from_explicit_entries_only(after: Desk) -> None:
    found = gathered(after.journal, after.journal, "INC-1")
    assert {each.name: str(each.length) for each in found.spans} == {
        "Time to acknowledge": "0:01:00", "Time to mitigate": "0:07:00", "Time to resolve": "0:08:00",
    }
    entries = [entry for entry in after.journal.entries(about="INC-1") if entry.kind != "incident.milestone"]
    without = report(entries, after.journal.private)
    assert [each.name for each in without.spans] == ["Time to acknowledge", "Time to resolve"]
    assert ("mitigated", None, "nobody named it") in [(each.name, each.at, each.said) for each in without.milestones]


def test_the_same_journal_always_gives_the_same_bytes(after: Desk, tmp_path: Path) -> None:
    for form in ("md", "html", "json"):
        assert written(after, form) == written(after, form)
    for form, named in (("md", "1"), ("json", "inc-1")):
        environ = {"STAGEDOOR_STORE_URL": f"sqlite:///{tmp_path / 'journal.db'}", "PYTHONPATH": ":".join(sys.path),
                   "PYTHONHASHSEED": str(len(form)), "TZ": "Asia/Tokyo"}
        ran = subprocess.run(
            [sys.executable, "-m", "bot", "report", named, "--format", form], env=environ, cwd=tmp_path,
            capture_output=True, check=True,
        )
        assert ran.stdout.decode() == written(after, form)
    assert json.loads(written(after, "json"))["spans"][0] == {
        "name": "Time to acknowledge", "length": 60.0, "between": "detected to acknowledged",
    }


def test_an_unknown_incident_names_those_there_are(after: Desk) -> None:
    with pytest.raises(Unknown, match=r"P-1 is a promotion and no incident\. The newest: INC-1\."):
        in_form(after.journal, after.journal, "P-1", "md")


@pytest.mark.parametrize(("named", "said"), [
    ("7", "There is no incident INC-7. The newest: INC-1."), ("inc-7", "There is no incident INC-7."),
    ("a-1", "A-1 is an alert and no incident. The newest: INC-1."), ("x", "There is no incident X."),
])
def test_the_command_says_what_there_is_instead(
    after: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, said: str,
) -> None:
    begins = Opening(kind="alert", project="shop", stage="open")
    after.journal.append([Fact(about="A-1", kind="alert.raised", actor=SYSTEM, opens=begins)])
    monkeypatch.setenv("STAGEDOOR_STORE_URL", f"sqlite:///{tmp_path / 'journal.db'}")
    ran = CliRunner().invoke(app, ["report", named])
    assert ran.exit_code == 1
    assert said in ran.output


def test_whatever_the_order_of_deliveries_the_timeline_is_the_same(after: Desk) -> None:
    entries = list(after.journal.entries(about="INC-1"))
    first, notes = entries[0], [entry for entry in entries if entry.kind == "incident.noted"]
    rest = [entry for entry in entries[1:] if entry not in notes]
    expected = None
    for seed in range(10):
        shuffled = notes * 3
        random.Random(seed).shuffle(shuffled)
        lines = report([first, *shuffled, *rest], after.journal.private).timeline
        said = [(line.at, line.who, line.what) for line in lines]
        assert said == (expected := expected or said)


def test_erased_and_deleted_words_are_gone_from_every_form(after: Desk) -> None:
    note = next(entry for entry in after.journal.entries(about="INC-1") if entry.kind == "incident.noted")
    for entry in list(after.journal.entries(about="INC-1")):
        if entry.data.get("message") == note.data["message"]:
            after.journal.erase(entry.id, ERIN)
    for form in ("md", "html", "json"):
        assert "answers 500" not in written(after, form)
        assert "erased" in written(after, form)


def test_pictures_of_messages_are_in_the_page_until_their_message_is_deleted(after: Desk) -> None:
    kept = [{"id": f"F{n}", "name": "graph.png", "kind": "image/png", "sha256": after.journal.keep(content), "why": ""}
            for n, content in enumerate((b"\x89PNG a graph", b"<svg onload=x>"))]
    after.note("INC-1", "incident.noted", ERIN, message="C1:9.9", version="9.9", at="2026-11-23T12:05:00+00:00",
               source="thread", author=ERIN, permalink="", files=kept, text_beside="look")
    assert written(after, "html").count('<img src="data:image/png;base64,iVBORyBhIGdyYXBo"') == 1
    assert "svg" not in written(after, "html")
    after.note("INC-1", "incident.redacted", ERIN, entry="C1:9.9")
    assert "data:image" not in written(after, "html")


# Hostile words

HOSTILE = st.text(max_size=60) | st.lists(st.sampled_from([
    "<script>", "</td>", "<!--", "[x](javascript:a)", "![i](u)", "`", "``", "**", "__", "~~", "|", "\n", "\n\n", "# ",
    "- ", "1. ", "> ", "***", "---", "&lt;", "&", "{{ 7*7 }}", "{% raw %}", "@here", "<!channel>", "$x$", "\\",
    "\u202e", "\0", "a", "```", "```\n", "\n```", "    x", "\t", "~~~", "`x`", "<@U1|", "*b*",
]), max_size=8).map("".join)
READER = MarkdownIt("gfm-like", {"linkify": False})


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_comment(self, data: str) -> None:
        self.seen.append("comment")


@given(HOSTILE)
def test_a_line_of_markdown_shows_just_its_words(text: str) -> None:
    tokens = READER.parse(f"x {words.markdown(text)}")
    [paragraph, *none] = [token for token in tokens if token.type == "inline"]
    assert not none
    shown = "".join(child.content for child in paragraph.children or ())
    assert {child.type for child in paragraph.children or ()} <= {"text", "text_special"}
    assert shown.replace("\u2060", "") == f"x {one_line(text)}".rstrip().replace("\u2060", "")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=HOSTILE)
def test_hostile_words_change_no_structure(found: IncidentReport, text: str) -> None:
    assert structure(saying(found, f"w{text}")) == structure(saying(found, "words"))


@pytest.fixture
def found(after: Desk) -> IncidentReport:
    after.note("INC-1", "report.field", ERIN, field="root_cause", text="x")
    after.note("INC-1", "action.added", ERIN, id="A-1", text="x", owner=ERIN, due=None, assertion="select 1")
    return gathered(after.journal, after.journal, "INC-1")


def saying(found: IncidentReport, text: str) -> IncidentReport:
    """The report with this text wherever people or databases write one."""
    return replace(
        found, title=text, status=text, missing=(text,),
        sections=tuple(replace(section, text=text, by=ERIN) for section in found.sections),
        timeline=tuple(replace(line, what=text, was=(text,), remark=text, source=text) for line in found.timeline),
        decisions=tuple(
            replace(each, choice=text, options=(text,), why=text, evidence=(text,)) for each in found.decisions
        ),
        measures=tuple(replace(each, text=text) for each in found.measures),
    )


def structure(found: IncidentReport) -> tuple[list[str], list[str]]:
    """The tags of the page and the blocks of the Markdown; paragraphs and code are the words' own business."""
    tags = Tags()
    tags.feed(report_in("html", found, NAMES))
    tokens = READER.parse(report_in("md", found, NAMES))
    blocks = [token.type for token in tokens if not token.type.startswith(("paragraph_", "inline", "fence"))]
    return [tag for tag in tags.seen if tag not in ("pre", "code")], blocks
