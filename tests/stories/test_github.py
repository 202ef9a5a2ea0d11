"""Pull requests from GitHub to production: who approved what, who may not, and what holds while GitHub is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from rehearsal.world import FOLDER
from tests.stories.house import ANA, BO, CY, FEATURE, POLICY, REGION, SAM, SUBTITLE, House

pytestmark = pytest.mark.slow  # many whole worlds: .ci/run has the time for them

Opens = Callable[..., House]
PEOPLE = POLICY + """
[people]
ana-dev = "U0ANA0001"
Bo-Dev = "U0BO00001"
"""
FEATURE_FILE = f"{FOLDER}/{FEATURE}_add_feature_xyz.sql"
FEATURE_SQL = "-- Migration: Add feature XYZ\nALTER TABLE books ADD COLUMN xyz text;\n"
FRONTEND = "Frontend tested with staging"
BASE = "20261020090000"


@pytest.fixture
def h(house: Opens) -> House:
    """#48 by ana-dev is open, its checks are green, and nobody looked at it yet."""
    h = house(policy=PEOPLE, github=True, start=False)
    h.github.permit(ana_dev="write", bo_dev="write", cy_dev="maintain", dee_dev="read")
    head = h.github.open_pull(48, {FEATURE_FILE: FEATURE_SQL})
    h.github.check(head, "build")
    h.start_bot()
    return h


def staged(h: House, words: str = "#48") -> None:
    h.says(CY, f"/migrate stage {words}")
    h.reads("S-1", "Done · in staging")


def asked(h: House, words: str = "#48", by: str = CY) -> str:
    h.says(by, f"/migrate promote {words}")
    return "P-1"


def state(h: House, commit: str) -> str:
    said = h.github.said(commit)
    return said[-1]["state"] if said else ""


def test_a_pull_request_the_whole_way(h: House) -> None:
    head = h.github.head("pull-48")
    h.until(lambda: state(h, head) == "pending", "the status of a pull request that nobody promoted")
    assert "/migrate promote #48" in h.github.said(head)[-1]["description"]
    staged(h)
    h.github.review(48, "bo-dev")
    card = asked(h)
    text = h.reads(card, "Waiting for approval")
    assert "✓ Pull request approved: #48 by bo-dev at its last commit, checks green" in text
    assert f"#48 at {head[:7]}" in text
    assert "Confirm" in text
    assert text.count("[Confirm]") == 1, "the pull request needs no tick"
    h.presses(CY, card, "Confirm", near=FRONTEND)
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    assert h.history() == [BASE, FEATURE]
    assert h.production_rows("select count(*) from books where xyz is null")[0][0] >= 0
    h.until(lambda: state(h, head) == "success", "the status of what is in production")
    told = [said["state"] for said in h.github.said(head)]
    assert told[0] == "pending"
    assert told.count("success") == 1


@pytest.mark.parametrize(("how", "says"), [
    ("nobody", "#48 is not approved yet"),
    ("older", "and commits came after"),
    ("author", "ana-dev wrote or pushed a part of #48"),
    ("pusher", "bo-dev wrote or pushed a part of #48"),
    ("reader", "dee-dev may not write to the repository"),
    ("red", "Checks of #48 failed: build"),
    ("draft", "#48 is a draft"),
])
def test_what_is_not_approved_waits_until_it_is(h: House, how: str, says: str) -> None:
    head = h.github.head("pull-48")
    match how:
        case "older":
            h.github.review(48, "bo-dev")
            head = h.github.push(48, {"docs/x.md": "x"})
        case "author":
            h.github.review(48, "ana-dev")
        case "pusher":
            head = h.github.push(48, {"docs/x.md": "x"}, pusher="bo-dev")
            h.github.review(48, "bo-dev")
        case "reader":
            h.github.review(48, "dee-dev")
        case "red":
            h.github.review(48, "bo-dev")
            h.github.check(head, "build", "failure")
        case "draft":
            h.github.review(48, "bo-dev")
            h.github.change_pull(48, draft=True)
    staged(h)
    card = asked(h)
    text = h.reads(card, says)
    assert "[Approve]" not in text
    assert "[Waive]" in text
    h.github.change_pull(48, draft=False)
    h.github.check(head, "build")
    h.github.review(48, "cy-dev")
    h.presses(BO, card, "Confirm", near=FRONTEND)
    h.reads(card, "Waiting for approval")
    assert h.history() == [BASE]


def test_other_bytes_on_the_branch_than_were_approved_are_refused(h: House) -> None:
    h.github.review(48, "bo-dev")
    h.github.merge(48)
    h.github.commit({FEATURE_FILE: FEATURE_SQL.replace("text", "bigint")}, author="ana-dev")
    staged(h, "")
    card = asked(h, "")
    text = h.reads(card, "came to main without a pull request")
    assert "[Approve]" not in text


def test_a_merge_that_changed_the_file_is_refused(h: House) -> None:
    h.github.review(48, "bo-dev")
    h.github.merge(48)
    with h.github.api.lock:
        files = cast("dict[str, bytes]", h.github.git.tip("main").files)
        files[FEATURE_FILE] = FEATURE_SQL.replace("text", "bigint").encode()
    staged(h, "")
    card = asked(h, "")
    text = h.reads(card, "holds other bytes than #48 at its last commit")
    assert "Stopped: production is unchanged" in text


def test_the_branch_is_promoted_by_the_pull_requests_that_brought_its_files(h: House) -> None:
    h.github.review(48, "bo-dev")
    h.github.merge(48)
    h.github.open_pull(49, {f"{FOLDER}/{SUBTITLE}_t.sql": "ALTER TABLE books ADD COLUMN t text;\n"}, author="cy-dev")
    h.github.review(49, "bo-dev")
    h.github.merge(49, squash=False)
    staged(h, "")
    card = asked(h, "")
    text = h.reads(card, "Waiting for approval")
    assert "#48 by bo-dev at its last commit, checks green" in text
    assert "#49 by bo-dev at its last commit, no checks ran" in text
    assert f"main at {h.github.head()[:7]}" in text
    h.presses(CY, card, "Confirm", near=FRONTEND)
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    assert h.history() == [BASE, FEATURE, SUBTITLE]
    h.until(lambda: state(h, h.github.head()) == "success", "the branch's status")


def test_authors_and_pushers_cannot_approve_in_slack_either(h: House) -> None:
    h.github.push(48, {"docs/x.md": "x"}, pusher="bo-dev")
    h.github.review(48, "cy-dev")
    staged(h)
    card = asked(h, by=SAM)
    h.reads(card, "Waiting for approval")
    h.presses(BO, card, "Approve")
    h.told(BO, "You wrote or pushed a part of this promotion, so someone else has to approve it.")
    h.presses(CY, card, "Approve")
    h.reads(card, "Approved, 1 of 1")


def test_an_approver_who_pushes_afterwards_does_not_count(h: House) -> None:
    h.github.review(48, "cy-dev")
    staged(h)
    card = asked(h)
    h.reads(card, "Waiting for approval")
    h.presses(BO, card, "Approve")
    h.reads(card, "Approved, 1 of 1")
    h.github.push(48, {"docs/x.md": "x"}, pusher="bo-dev")
    h.github.review(48, "cy-dev")
    h.presses(CY, card, "Confirm", near=FRONTEND)
    h.thread_says(card, "The approval of @bo no longer counts: wrote or pushed a part of it")
    assert h.history() == [BASE]


def test_new_bytes_in_the_pull_request_void_the_plan(h: House) -> None:
    h.github.review(48, "bo-dev")
    staged(h)
    card = asked(h)
    h.reads(card, "Waiting for approval")
    h.presses(BO, card, "Approve")
    h.reads(card, "Approved, 1 of 1")
    h.github.push(48, {FEATURE_FILE: FEATURE_SQL.replace("text", "bigint")})
    h.github.review(48, "cy-dev")
    h.presses(CY, card, "Confirm", near=FRONTEND)
    text = h.reads(card, "Stopped: production is unchanged")
    assert "approval of it is void" in text or "other bytes than #48" in text, "a walk may be between the two gates"
    assert h.history() == [BASE]


def test_what_was_judged_before_github_went_down_stays_valid(h: House) -> None:
    h.github.review(48, "bo-dev")
    staged(h)
    card = asked(h)
    h.reads(card, "Waiting for approval")
    h.github.down()
    h.presses(BO, card, "Approve")
    h.reads(card, "Approved, 1 of 1")
    h.reads(card, "GitHub does not answer; as of")
    h.kill_bot()
    h.restart()
    h.presses(CY, card, "Confirm", near=FRONTEND)
    h.reads(card, "Done · in production")
    assert h.history() == [BASE, FEATURE]
    h.github.clear()
    h.until(lambda: state(h, h.github.head("pull-48")) == "success", "the status once GitHub is back", patience=60)


def test_what_was_not_judged_before_could_not_be_checked_and_an_approver_can_waive_it(h: House) -> None:
    h.github.review(48, "bo-dev")
    staged(h)
    h.github.refuse("/pulls/48/reviews", 503)
    card = asked(h)
    text = h.reads(card, "could not check: Nobody can say who approved it. GitHub answered 503.")
    assert "[Approve]" not in text
    h.presses(CY, card, "Waive")
    h.told(CY, "You asked for this promotion, so someone else has to waive it.")
    h.presses(SAM, card, "Waive")
    h.told(SAM, "not a listed approver")
    h.presses(BO, card, "Waive")
    h.until(lambda: h.slack.modal(BO), "the modal")
    h.slack.submit(BO, values={"reason": "GitHub is down, I read the SQL of #48 myself."})
    text = h.reads(card, "Waiting for approval")
    assert "waived: GitHub is down, I read the SQL of #48 myself." in text
    assert "by @bo" in text
    h.thread_says(card, "Waived by @bo")
    h.presses(CY, card, "Confirm", near=FRONTEND)
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")


def test_the_author_of_a_pull_request_cannot_waive_it(h: House) -> None:
    staged(h)
    card = asked(h)
    h.reads(card, "#48 is not approved yet")
    h.slack.add_to_group(ANA)
    h.presses(ANA, card, "Waive")
    h.told(ANA, "You wrote or pushed a part of this promotion")


def test_a_checkout_on_disk_is_compared_with_what_was_approved(house: Opens) -> None:
    h = house(policy=PEOPLE, github=True, start=False)
    h.github.permit(ana_dev="write", bo_dev="write")
    h.only(FEATURE)
    name = next(h.migrations.glob(f"{FEATURE}_*"))
    h.environ(MIGRATIONS_DIR=str(h.migrations))
    h.start_bot()
    staged(h, "")
    card = asked(h, "")
    h.reads(card, f"{name.name} is not on main yet")
    h.github.open_pull(48, {f"{FOLDER}/{name.name}": name.read_bytes()})
    h.github.review(48, "bo-dev")
    h.github.merge(48)
    h.presses(BO, card, "Confirm", near=FRONTEND)
    assert "#48 by bo-dev" in h.reads(card, "Waiting for approval")


def test_a_fork_needs_an_operators_word(h: House) -> None:
    h.github.open_pull(
        50, {f"{FOLDER}/{REGION}_from_outside.sql": "ALTER TABLE books ADD COLUMN outside text;\n"}, author="mallory",
        fork="mallory/shop",
    )
    h.says(CY, "/migrate stage #50")
    h.told(CY, "#50 comes from a fork, so its SQL may be anybody's")
    h.says(SAM, "/migrate promote #50 --fork")
    h.told(SAM, "needs an operator")
    assert h.history(h.staging) == [BASE]
    staged(h, "#50 --fork")
    assert "a fork" in h.reads("S-1", "#50 at")


@pytest.mark.parametrize(("typed", "says"), [
    ("/migrate promote #77", "acme/shop has no pull request #77"),
    ("/migrate stage #48 #49", "One pull request at a time"),
    ("/migrate promote #48 --frok", "There is no option --frok"),
    (f"/migrate promote #48 {SUBTITLE}", "There is no migration"),
])
def test_what_cannot_be_meant_is_said(h: House, typed: str, says: str) -> None:
    h.says(CY, typed)
    h.told(CY, says)


@pytest.mark.parametrize(("trouble", "says"), [
    ((404, "Not Found"), "There is no repository acme/shop, or GITHUB_TOKEN may not read it"),
    ((401, "Bad credentials"), "does not take GITHUB_TOKEN (Bad credentials)"),
    ((403, "Resource not accessible by personal access token"), "GITHUB_TOKEN lacks a right"),
])
def test_a_repository_out_of_reach_leaves_nothing_half_done(h: House, trouble: tuple[int, str], says: str) -> None:
    h.github.refuse("/repos", *trouble)
    h.says(CY, "/migrate stage #48")
    h.told(CY, says)
    assert h.history(h.staging) == [BASE]


def test_a_file_that_is_no_text_is_refused_with_its_line(h: House) -> None:
    h.github.open_pull(51, {f"{FOLDER}/{REGION}_latin.sql": "select 1;\n-- gr\xfc\xdfe\n".encode("latin-1")})
    h.says(CY, "/migrate stage #51")
    assert "Line 2: this is not UTF-8" in h.reads("S-1", "Stopped: staging is unchanged")


def test_pull_requests_are_staged_side_by_side(h: House) -> None:
    staged(h)
    h.github.open_pull(49, {f"{FOLDER}/{SUBTITLE}_t.sql": "ALTER TABLE books ADD COLUMN t text;\n"})
    h.says(CY, "/migrate stage #49")
    h.reads("S-2", "Done · in staging")
    assert h.history(h.staging) == [BASE, FEATURE, SUBTITLE]


def test_pull_requests_without_migrations_are_free_to_merge(h: House) -> None:
    head = h.github.open_pull(52, {"docs/x.md": "x"})
    h.end_bot()
    h.start_bot()
    h.until(lambda: state(h, head) == "success", "the status of a pull request without migrations")
