"""Reports as pull requests and measures as issues: once each, and never in the way of an incident's end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.github import GitHub
from bot.domain.incident import Incident
from bot.domain.record import Status
from rehearsal.github import TOKEN
from rehearsal.github import GitHub as StandIn
from templates.incident import report as words
from tests.clocks import SetClock
from tests.reporting_side import ERIN, POLICY
from tests.test_report_clock import After, forms

LOGGED = POLICY + '[incidents]\nlog = "docs/incidents"\nissues = true\n'


class Logged(After):
    """The same where a repository keeps the incident log."""

    def __init__(self, folder: Path, hub: StandIn) -> None:
        self.hub, self.web = hub, SetClock()
        self.github = GitHub(hub.api_url, TOKEN, "acme/shop", self.web)
        super().__init__(folder, LOGGED, host=self.github, directory="supabase/migrations", reviewed=True)

    def exports(self) -> list[str]:
        return [str(entry.data["said"]) for entry in self.kinds("INC-1", "report.exported")]

    def ended(self) -> bool:
        record = self.journal.load("INC-1")
        return record is not None and record.status is Status.ENDED


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Logged]:
    hub = StandIn()
    hub.commit({"docs/incidents/README.md": "The incident log\n"})
    hub.start()
    made = Logged(tmp_path, hub)
    yield made
    made.github.close()
    made.journal.close()
    hub.stop()


def test_a_published_report_is_proposed_for_the_incident_log(logged: Logged) -> None:
    logged.resolved()
    logged.note("INC-1", "report.field", ERIN, field="lessons", text="Drop columns a release later")
    logged.press(ERIN, words.PUBLISH)
    logged.walk()
    assert logged.ended()
    [pull] = logged.hub.pulls.all.values()
    assert pull.branch == "stagedoor/INC-1.md"
    [entry] = logged.kinds("INC-1", "report.published")
    kept = logged.ports.shelves.fetch(forms(entry)["md"])
    assert logged.hub.git.tip(pull.branch).files["docs/incidents/INC-1.md"] == kept
    assert logged.exports() == ["The report is proposed for docs/incidents/INC-1.md: https://github.example/acme/shop/pull/1"]


def test_an_export_that_fails_is_tried_and_said_and_holds_nothing_up(logged: Logged) -> None:
    logged.resolved()
    logged.hub.api.down = 503
    logged.press(ERIN, words.PUBLISH)
    for _ in range(6):
        logged.clock.forward(minutes=40)
        logged.web.forward(minutes=40)
        logged.walk()
    assert logged.ended()
    assert len(logged.exports()) == 5
    assert "GitHub answered 503" in logged.exports()[0]
    assert logged.exports()[0].endswith("It is tried again.")
    assert not logged.exports()[-1].endswith("It is tried again.")
    assert "Report published" in logged.card()


def test_a_private_incident_is_never_written_to_the_repository(logged: Logged) -> None:
    logged.resolved(private=True, channel="C1")
    logged.press(ERIN, words.PUBLISH)
    logged.walk()
    assert logged.ended()
    assert logged.hub.pulls.all == {}


def test_a_private_measures_issue_names_nothing(logged: Logged) -> None:
    logged.resolved(private=True, channel="C1")
    logged.talk._aftermath.add(ERIN, "INC-1", "Rotate the leaked key", "", None, "", "k", "C1")
    logged.walk()
    assert [issue["title"] for issue in logged.hub.api.issues] == ["INC-1 ACT-1: a private measure"]


def test_measures_become_issues_once(logged: Logged) -> None:
    logged.resolved()
    logged.hub.api.down = 500
    m = logged.measure()
    logged.hub.api.down = 0
    for _ in range(3):
        logged.clock.forward(minutes=10)
        logged.web.forward(minutes=10)
        logged.walk()
    assert [issue["title"] for issue in logged.hub.api.issues] == ["INC-1 ACT-1: Count orders each night"]
    [measure] = Incident.of(logged.journal.entries(about="INC-1")).draft.measures
    assert measure.issue == "https://github.example/acme/shop/issues/1000"
    assert m == "M-1"
