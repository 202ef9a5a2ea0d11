"""One migration from a Slack command to production: who may, who did, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.stories.house import ANA, BO, CY, FEATURE, GIL, POLICY, SAM, SUBTITLE, UNCHECKED, House

Opens = Callable[..., House]

NEVER = "CREATE TABLE never (id bigint primary key);\nALTER TABLE never ENABLE ROW LEVEL SECURITY;\n"


def test_asked_approved_applied_verified_watched_done(house: Opens) -> None:
    h = house()
    h.staged()
    assert h.history() == ["20261020090000"]
    card = h.asked()
    h.confirmed(card)
    h.presses(BO, card, "Approve")
    text = h.reads(card, "Done · in production")
    assert "Asked by @ana, approved by @bo" in text
    assert "[Approve]" not in text
    assert h.history() == h.history(h.staging) == ["20261020090000", FEATURE, SUBTITLE]
    statements = h.production_rows(
        "select statements from supabase_migrations.schema_migrations where version = %s", SUBTITLE
    )[0][0]
    assert (statements[0].endswith("BEGIN"), statements[-1]) == (True, "COMMIT")
    thread = h.thread_says(card, "is done")
    for step in ("Gates:", "waits for approval", "Approved by @bo", "is in production", "Verified", "Watching"):
        assert thread.count(step) == 1 or (step == "is in production" and thread.count(step) == 2), thread
    assert "No findings" not in thread


def test_who_may_not_is_refused_and_told(house: Opens) -> None:
    h = house()
    card = h.ready_to_approve()
    for user, why in (
        (ANA, "someone else has to approve"),
        (GIL, "full members"),
        (SAM, "not a listed approver"),
    ):
        h.presses(user, card, "Approve")
        h.told(user, why)
    assert "@db-approvers" in h.told(SAM, "not a listed approver")
    assert "Waiting for approval, 0 of 1" in h.reads(card, "0 of 1")
    h.says(GIL, "/migrate promote")
    h.told(GIL, "full members")
    h.says(SAM, "/migrate stage")
    h.told(SAM, "needs an operator")
    assert h.history() == ["20261020090000"]


def test_without_approvers_nobody_can(house: Opens) -> None:
    h = house(policy=POLICY.replace('approvers = ["S0DBAPPR1"]', ""))
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.told(BO, "lists no approvers")
    h.thread_says(card, "lists no approvers")
    assert h.history() == ["20261020090000"]


def test_people_are_counted_not_clicks(house: Opens) -> None:
    h = house(policy=POLICY.replace("[approvals]", "[approvals]\nrequired = 2"))
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve", copies=3)
    h.reads(card, "1 of 2")
    h.presses(BO, card, "Approve")
    h.told(BO, "approved P-1 already: 1 of 2")
    h.presses(CY, card, "Approve")
    h.reads(card, "Done · in production")


def test_two_approvals_at_once_and_three_copies_of_every_delivery(house: Opens) -> None:
    h = house()
    h.says(ANA, "/migrate stage", copies=3)
    h.reads("S-1", "Done")
    h.says(ANA, "/migrate promote", copies=3)
    h.reads("P-1", "Waiting for approval")
    h.confirmed("P-1")
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda user: h.presses(user, "P-1", "Approve", copies=3), (BO, CY)))
    h.reads("P-1", "Done · in production")
    thread = h.thread_says("P-1", "is done")
    assert thread.count("20261101120000 add_feature_xyz is in production") == 1
    cards = [m for m in h.slack.messages("#deploys") if not m.only_for]
    assert len(cards) == 2, h.slack.transcript()
    assert len([m for m in h.slack.ephemerals(ANA) if "on its way" in h.slack.text_of(m)]) == 2


@pytest.mark.slow
def test_an_approver_who_lost_the_role_before_the_apply_does_not_count(house: Opens) -> None:
    h = house()
    h.staged()
    card = h.asked()
    h.presses(BO, card, "Approve")
    h.reads(card, "Approved, 1 of 1. Still needed")
    h.slack.remove_from_group(BO)
    h.confirmed(card)
    h.thread_says(card, "The approval of @bo no longer counts")
    h.reads(card, "Waiting for approval, 0 of 1")
    assert h.history() == ["20261020090000"]
    h.presses(CY, card, "Approve")
    h.reads(card, "approved by @cy")


@pytest.mark.parametrize("change", ["edit", "remove"])
def test_a_file_that_changes_after_the_approval_voids_it(house: Opens, change: str) -> None:
    h = house()
    h.staged()
    card = h.asked()
    h.presses(BO, card, "Approve")
    h.reads(card, "Approved, 1 of 1")
    path = next(h.migrations.glob(f"{SUBTITLE}_*"))
    if change == "edit":
        path.write_text(path.read_text() + "\n-- one more word\nselect 1;\n")
    else:
        path.unlink()
    h.presses(ANA, card, "Confirm", near="Frontend tested")
    text = h.reads(card, "Stopped: production is unchanged")
    assert "every approval of it is void" in text or "no longer in the migrations folder" in text
    assert h.history() == ["20261020090000"]


@pytest.mark.parametrize(("word", "user", "says"), [
    ("Cancel", ANA, "Cancelled by @ana"), ("Reject", BO, "Rejected by @bo"), ("Cancel", BO, "Cancelled by @bo"),
])
def test_called_off_before_it_begins(house: Opens, word: str, user: str, says: str) -> None:
    h = house()
    h.staged()
    card = h.asked()
    h.presses(user, card, word)
    assert "Stopped: production is unchanged" in h.reads(card, says)
    h.presses(BO, card, "View SQL")
    assert "ALTER TABLE my_table ADD COLUMN new_column" in h.until(
        lambda: h.slack.text_of(view) if (view := h.slack.modal(BO)) else None, "the SQL"
    )
    assert h.asked(2) == "P-2"


def test_the_same_request_again_finds_the_same_promotion(house: Opens) -> None:
    h = house()
    h.staged()
    h.asked()
    h.says(BO, "/migrate promote")
    h.told(BO, "P-1 is that very request already")
    h.says(BO, f"/migrate promote {FEATURE}")
    h.told(BO, "P-1 is already about")


def test_several_files_stop_at_the_first_failure_say_what_is_in_and_resume(house: Opens) -> None:
    h = house(policy=UNCHECKED)
    h.only(FEATURE)
    h.write("20261101123000_require_region.sql", "ALTER TABLE books ALTER COLUMN region SET NOT NULL;\n")
    h.write("20261101124000_never.sql", NEVER)
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    text = h.reads(card, "[Resume]")
    assert "Stopped after 1 of 3: production has changed" in text
    assert "In: 20261101120000 add_feature_xyz (" in text
    assert "Not in: 20261101123000 require_region, 20261101124000 never." in text
    assert "23502" in text
    assert "unchanged" not in h.thread_says(card, "stopped and production has changed")
    assert h.history() == ["20261020090000", FEATURE]
    h.reads(card, "(verified, watched until")
    h.presses(SAM, card, "Resume")
    h.told(SAM, "Only an operator or an approver")
    with psycopg.connect(h.production, autocommit=True) as production:
        production.execute("update books set region = 'EU' where region is null")
    h.presses(BO, card, "Resume")
    rest = h.reads("P-2", "Done · in production")
    assert "Goes on with the rest of P-1, resumed by @bo; what was approved then holds." in rest
    assert "Asked by @ana, approved by @bo" in rest
    assert "P-2 took over what is not in." in h.reads(card, "P-2")
    assert "[Resume]" not in h.reads(card, "P-2 took over")
    assert len(h.history()) == 4


@pytest.mark.slow
def test_what_the_cli_put_on_staging_counts_with_its_weaker_label(house: Opens) -> None:
    h = house()
    h.only(FEATURE)
    h.staged()
    h.end_bot()
    for path in h.directory.glob("stagedoor.db*"):
        path.unlink()
    h.start_bot()
    h.says(ANA, "/migrate promote")
    assert "did not see it run" in h.reads("P-1", "Waiting for approval")


def test_promoting_what_staging_lacks_waits_for_staging(house: Opens) -> None:
    h = house()
    h.says(ANA, "/migrate promote")
    assert "[Approve]" not in h.reads("P-1", f"/migrate stage {FEATURE}")
    h.staged()
    h.reads("P-1", "Waiting for approval")


def test_status_shows_any_mix(house: Opens) -> None:
    h = house()
    h.staged()
    base = next(h.migrations.glob("20261020090000_*"))
    base.write_text(base.read_text().replace("sold integer", "sold bigint"))
    next(h.migrations.glob(f"{SUBTITLE}_*")).unlink()
    h.write("20261001000000_early.sql", "select 1;")
    h.write("not a migration.sql", "select 1;")
    h.says(ANA, "/migrate status")
    text = h.told(ANA, "Migrations")
    assert "edited after it was applied to staging and production" in text
    assert "+  sold bigint NOT NULL DEFAULT 0" in text
    assert "missing here" in text
    assert "out of order" in text
    assert "not a migration.sql" in text
    assert "ready to promote" in text


@pytest.mark.parametrize(("typed", "says"), [
    ("/migrate", "/migrate promote"), ("/migrate help", "/migrate stage"),
    ("/migrate pormote", "Did you mean /migrate promote?"),
    ("/migrate promote 2026", "There is no migration 2026"), ("/migrate history", "Nothing has been staged"),
    ("/migrate promote project:shop", "Say which project"), ("/migrate promote '", "There is no migration '"),
])
def test_every_word_gets_a_helpful_answer(shared_house: House, typed: str, says: str) -> None:
    shared_house.says(ANA, typed)
    shared_house.told(ANA, says)
