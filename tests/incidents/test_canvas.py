"""The canvas of a report when things go wrong: it is deleted, the plan ends, somebody dies before it is frozen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.domain.draft import Draft
from bot.ports import Put
from handlers.announcing import showing
from handlers.incidents.canvas import SHELF, Canvases
from handlers.slack.slack_out import SlackOut
from rehearsal.slack import Slack
from tests.reporting_side import ERIN, Desk

ROOM = "C0INCIDEN"


class Easel(Desk):
    """An incident that was just resolved, and Slack."""

    def __init__(self, folder: Path, slack: Slack) -> None:
        super().__init__(folder)
        self.slack = slack
        out = SlackOut(WebClient(token=slack.bot_token, base_url=slack.api_url), self.clock)
        self.canvases = Canvases(self.ports, out, "https://x.slack.com/docs/T1")
        out.call("conversations.join", {"channel": ROOM})

    def due(self, record: str = "INC-1") -> None:
        self.incident(record, stage="report", promotion="")
        self.note(record, "report.begun", owner=ERIN, due="2026-11-24T12:00:00+00:00", zone="UTC")
        self.journal.put(showing.puts(record, showing.Shown(channel=ROOM, ts="1.1")))

    def later(self) -> None:
        self.clock.forward(minutes=10)
        self.canvases.tend()

    def written(self, old: str, new: str) -> None:
        [board] = self.slack.workspace.canvases.values()
        self.slack.write_canvas("sam", board.id, old, new)

    def draft(self, record: str = "INC-1") -> Draft:
        return Draft.of(self.journal.entries(about=record))

    def kinds(self, kind: str) -> list[Any]:
        return [entry.data for entry in self.journal.entries() if entry.kind == kind]

    def published(self) -> None:
        md = self.journal.keep(b"# INC-1\n\n## Root cause\n\nAs published\n")
        self.note("INC-1", "report.published", ERIN, forms={"md": md}, through=1, version=1)


@pytest.fixture
def easel(tmp_path: Path) -> Iterator[Easel]:
    with Slack(plan="paid") as slack:
        made = Easel(tmp_path, slack)
        made.due()
        made.canvases.tend()
        made.written("## Root cause", "## Root cause\n\nA lost index")
        made.later()
        yield made
        made.journal.close()


@pytest.mark.parametrize("trouble", ["deleted", "plan"])
def test_words_outlive_their_canvas_and_publishing_waits_for_none(easel: Easel, trouble: str) -> None:
    assert easel.draft().filled["root_cause"].text == "A lost index"
    if trouble == "deleted":
        easel.slack.workspace.canvases.clear()
    else:
        easel.slack.workspace.plan = "free"
    assert easel.canvases.absorb("INC-1") is False
    assert len(easel.kinds("report.canvas_gone")) == 1
    assert easel.draft().canvas_url == ""
    assert easel.draft().filled["root_cause"].text == "A lost index"
    easel.later()
    assert len(easel.kinds("report.canvas")) == 1, "no second one is begun"


def test_words_at_the_moment_of_publishing_are_kept_and_said_and_the_report_is_nobodys_word(easel: Easel) -> None:
    easel.published()
    easel.written("A lost index", "Two lost indexes")
    easel.later()
    assert easel.kinds("report.canvas_late") == [{"version": 1}]
    assert easel.draft().filled["root_cause"].text == "Two lost indexes"
    [board] = easel.slack.workspace.canvases.values()
    assert board.markdown.startswith("# INC-1")
    assert board.access == {ROOM: "read"}
    doc = {**(easel.journal.get(SHELF, "INC-1") or {})}
    assert json.dumps(doc["frozen"]) == "1"
    before = len(easel.kinds("report.field"))
    doc.pop("frozen")           # somebody died just before that was written down
    easel.journal.put([Put(shelf=SHELF, key="INC-1", doc=doc)])
    easel.later()
    assert len(easel.kinds("report.field")) == before
    assert easel.kinds("report.canvas_late") == [{"version": 1}]


def test_a_plan_without_is_said_once(tmp_path: Path) -> None:
    with Slack(plan="free") as slack:
        easel = Easel(tmp_path, slack)
        for record in ("INC-1", "INC-2"):
            easel.due(record)
            easel.later()
        assert easel.kinds("report.canvas_none") == [{"why": "free_teams_cannot_create_non_tabbed_canvases"}]
        assert len([call for call in slack.calls if call.method == "canvases.create"]) == 2
        easel.journal.close()
