"""The checklist: every line of the runbook's template, ticked by what the journal holds and by nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.document import Tick
from bot.domain.entry import Json
from bot.domain.promotion import Promotion
from bot.domain.visit import Visit
from bot.domain.watching import NO_ERRORS, NO_SLOW
from bot.reporting.checklist import checklist
from bot.reporting.names import names
from templates.checklist import checklist_card
from templates.documents import checklist_markdown
from tests.reporting_side import POLICY, Desk

TEMPLATE = """
Migration file created|SQL reviewed for safety|Applied to staging database|Verified in staging database
Frontend tested with staging|Performance tested|Edge cases tested|Rollback plan documented|PR created and approved
Team notified of deployment|Linked to production|Reviewed SQL one last time|Applied migration
Verified in migration list|App loads correctly|Critical features work|No console errors|Logs checked (no errors)
Performance acceptable|Team notified of success|Rollback migration created|Applied to production|App verified working
Incident documented
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.journal.close()


def written(desk: Desk, record: str = "P-1") -> str:
    filled = checklist(list(desk.journal.entries(about=record)), desk.project.policy.gates.after)
    return checklist_markdown(filled, names(desk.journal))


def test_every_line_of_the_template_says_who_or_what_ticked_it_and_when(desk: Desk) -> None:
    desk.promoted()
    text = written(desk)
    for title in re.split(r"[|\n]", TEMPLATE.strip()):
        assert re.search(rf"^- \[[x ]\] {re.escape(title)}", text, re.MULTILINE), title
    assert "- [x] Frontend tested with staging (Ana Petrov, 2026-11-23 12:03 UTC)" in text
    assert "- [x] Reviewed SQL one last time (Bo Lindqvist, 2026-11-23 12:04 UTC): approved exactly the plan" in text
    assert "- [x] SQL reviewed for safety (the gate “SQL check”, 2026-11-23 12:01 UTC): nothing blocks" in text
    assert "**Created by:** Ana Petrov" in text
    assert "**Purpose:** books get a subtitle" in text


def test_what_nobody_ticked_or_could_check_stays_open_and_says_so(desk: Desk) -> None:
    desk.promoted()
    text = written(desk)
    assert "- [ ] Edge cases tested: nobody confirmed it: Edge cases tested" in text
    assert "- [ ] PR created and approved: could not check: GitHub is away" in text
    assert "- [ ] Logs checked (no errors): nobody confirmed it" in text
    assert "- [ ] Rollback migration created (not needed)" in text
    assert text == written(desk)


LOOKED = {"said": "", "wrong": [], "unseen": [], "seen": [NO_ERRORS, NO_SLOW], "last": True, "well": True}
SEEN = Visit(url="https://shop.example/", seconds=0.4, browser=True)
LINES = {
    "logs": "Logs checked (no errors)", "slow": "Performance acceptable", "console": "No console errors",
    "loads": "App loads correctly",
}


@pytest.mark.parametrize(("look", "visit", "ticked", "says"), [
    ({}, {}, {"logs", "slow", "console", "loads"}, "- [x] Logs checked (no errors) (Stagedoor, "),
    ({"last": False}, {}, {"console", "loads"}, "no new errors in the logs so far"),
    ({"unseen": ["the logs, since nobody brings them"], "seen": [NO_SLOW]}, {}, {"slow", "console", "loads"},
     "the watch did not see the logs, since nobody brings them"),
    ({"unseen": ["the database: it is away"], "seen": []}, {}, {"console", "loads"}, "did not see the database: it is"),
    ({"wrong": ["42703: column does not exist"], "seen": []}, {}, {"console", "loads"}, "the watch saw: 42703"),
    ({}, {"browser": False}, {"logs", "slow", "loads"}, "only fetched, not opened in a browser"),
    ({}, {"errors": ("TypeError",)}, {"logs", "slow"}, "1 console error: TypeError"),
])
def test_the_watch_ticks_what_it_saw_to_be_well_and_nothing_else(
    desk: Desk, look: dict[str, Json], visit: dict[str, Any], ticked: set[str], says: str,
) -> None:
    desk.promoted(ended=False)
    desk.note("P-1", "watch.visited", visit=replace(SEEN, **visit).to_json(), picture="")
    desk.note("P-1", "watch.looked", **{**LOOKED, **look})
    text = written(desk)
    assert {key for key, title in LINES.items() if f"- [x] {title}" in text} == ticked, text
    assert says in text


def test_where_no_page_is_named_health_addresses_say_that_the_app_loads(desk: Desk) -> None:
    desk.promoted(ended=False)
    desk.note("P-1", "watch.looked", **{**LOOKED, "seen": [NO_ERRORS, "2 health addresses answered"]})
    text = written(desk)
    assert re.search(r"- \[x\] App loads correctly \(Stagedoor, .*\): 2 health addresses answered", text), text
    assert "- [ ] No console errors: nobody confirmed it; no page was looked at" in text


def test_a_catalog_that_came_back_is_no_app_that_works(desk: Desk) -> None:
    desk.promoted()
    entries = list(desk.journal.entries(about="P-1"))
    filled = checklist(entries, (), Promotion.of(entries))
    [line] = [line for chapter in filled.chapters for line in chapter.lines if line.title == "App verified working"]
    assert (line.tick, line.said.partition(";")[0]) == (Tick.OPEN, "nobody confirmed it")


def test_slack_shows_the_lines_and_the_markdown(desk: Desk) -> None:
    desk.promoted(purpose="*bold* <!channel> | `x`")
    filled = checklist(list(desk.journal.entries(about="P-1")), ())
    card = checklist_card(filled, checklist_markdown(filled, {})).to_json()
    assert "✓ Frontend tested with staging, by <@U0ANA0001>" in str(card["text"])
    assert "<!channel>" not in str(card["text"])
    assert "- [x] Migration file created" in str(card["blocks"])


def test_the_program_writes_it_without_slack(desk: Desk, tmp_path: Path) -> None:
    desk.promoted()
    (tmp_path / "stagedoor.toml").write_text(POLICY)
    environ = {"STAGEDOOR_STORE_URL": f"sqlite:///{tmp_path / 'journal.db'}", "PYTHONPATH": ":".join(sys.path)}
    ran = [
        subprocess.run(
            [sys.executable, "-m", "bot", "checklist", name], env=environ, cwd=tmp_path, capture_output=True, text=True,
        ) for name in ("p-1", "P-9")
    ]
    assert ran[0].stdout == written(desk), ran[0].stderr
    assert (ran[1].returncode, ran[1].stderr) == (1, "There is no promotion P-9. The newest: P-1.\n")
