"""The way back from Slack's side: tried with the staging run, shown on the card, asked for by a gate."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.stories.house import ANA, BO, CY, FEATURE, POLICY, SUBTITLE, UNCHECKED, House, _rows

pytestmark = pytest.mark.slow  # many whole worlds: .ci/run has the time for them

Opens = Callable[..., House]

DROP = "20261101130000_drop_region.sql"


def write_rollback(h: House, filename: str, sql: str) -> None:
    folder = h.migrations.parent / "rollbacks"
    folder.mkdir(exist_ok=True)
    (folder / filename).write_text(sql)


def run(address: str, statement: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement.encode())


def modal(h: House, user: str, words: str) -> str:
    def shown() -> str | None:
        view = h.slack.modal(user)
        text = h.slack.text_of(view) if view else ""
        return text if words in text else None

    return h.until(shown, f"a modal that says “{words}”")


def test_staging_shows_what_it_saw_and_the_card_knows_the_way_back(house: Opens) -> None:
    h = house()
    h.staged()
    thread = h.thread_says("S-1", "Way back from 20261101121500")
    for seen in (
        "Columns and types: + books.subtitle, + my_table.new_column", "Indexes: + idx_my_table_new_column; valid",
        "anon and authenticated can now SELECT my_table (policy new_policy, using true)",
        "Rows: none inserted", "Locks my_table for about", "by a draft: schema proven exact",
    ):
        assert seen in thread, thread
    card = h.asked()
    text = h.reads(card, "Way back: schema proven exact")
    assert "✓ Has a rollback plan: schema proven exact by a draft" in text
    assert "what is written to my_table.new_column, books.subtitle until then would be lost" in text
    h.presses(BO, card, "Rollback plan")
    shown = modal(h, BO, "A draft from staging's catalog")
    assert "DROP POLICY new_policy ON public.my_table" in shown
    assert shown.index("add_subtitle") < shown.index("add_feature_xyz")
    column = "select count(*) from information_schema.columns where column_name = %s"
    assert _rows(h.staging, column, ("subtitle",)) == [(1,)], "trying the way back left something behind"


def test_what_is_lost_is_named_and_two_have_to_approve(house: Opens) -> None:
    h = house(policy=UNCHECKED.replace("required_destructive = 1", "required_destructive = 2"))
    h.only()
    h.write(DROP, "ALTER TABLE books DROP COLUMN IF EXISTS region;\n")
    card = h.ready_to_approve()
    text = h.reads(card, "Has a rollback plan: schema proven exact but for column order")
    assert "the values of books.region are lost to SQL (a backup is taken first)" in text
    h.presses(BO, card, "Approve")
    h.reads(card, "1 of 2")
    h.presses(CY, card, "Approve")
    h.reads(card, "Done · in production")


def test_what_cannot_be_read_takes_more_people_until_staging_showed_it(house: Opens) -> None:
    h = house(policy=UNCHECKED.replace("required_destructive = 1", "required_destructive = 2"))
    h.only()
    h.write("20261101130000_seed.sql", """
CREATE FUNCTION public.seed() RETURNS void LANGUAGE sql SET search_path = '' AS
$$ INSERT INTO public.books (title) SELECT 'seed' FROM generate_series(1, 3) $$;
CREATE FUNCTION public.purge() RETURNS void LANGUAGE sql SET search_path = '' AS
$$ DELETE FROM public.books WHERE title = 'seed' $$;
REVOKE EXECUTE ON FUNCTION public.seed(), public.purge() FROM PUBLIC, anon, authenticated;
SELECT public.seed();
""")
    h.says(ANA, "/migrate promote")
    assert "counts as destructive until a staging run shows what it does" in h.reads("P-1", "Cannot be read")
    h.staged()
    assert "calls public.seed (line 7) put 3 rows into books" in h.thread_says("S-1", "Could not be read")
    text = h.reads("P-1", "but staging showed it")
    assert "20261101130000 calls public.seed (line 7) put 3 rows into books." in text
    h.confirmed("P-1")
    h.reads("P-1", "0 of 1")
    h.presses(BO, "P-1", "Approve")
    h.reads("P-1", "Done · in production")
    h.write("20261101131000_purge.sql", "SELECT public.purge();\n")
    h.says(ANA, "/migrate stage")
    h.thread_says("S-2", "deleted 3 rows of books; it counts as destructive")
    h.says(ANA, "/migrate promote")
    text = h.reads("P-2", "Waiting for approval")
    assert "On staging it deleted 3 rows of books. It counts as destructive." in text
    assert "Data: the rows that it deletes from books are lost to SQL (a backup is taken first)." in text
    h.confirmed("P-2")
    h.presses(BO, "P-2", "Approve")
    h.reads("P-2", "1 of 2")
    h.presses(CY, "P-2", "Approve")
    h.reads("P-2", "Done · in production")


def test_a_rollback_file_is_tried_and_one_that_leads_elsewhere_holds_the_promotion(house: Opens) -> None:
    h = house()
    h.only(FEATURE)
    twin = f"{FEATURE}_add_feature_xyz.sql"
    write_rollback(h, twin, "ALTER TABLE my_table DROP COLUMN new_column;\n")
    h.staged()
    h.thread_says("S-1", "by the rollback file: schema does not come back as it was")
    h.says(ANA, "/migrate promote")
    text = h.reads("P-1", "Held by 1 gate: Has a rollback plan")
    assert "+ policy public.my_table.new_policy" in text
    assert "[Waive]" in text
    write_rollback(h, twin, "DROP POLICY new_policy ON my_table;\nALTER TABLE my_table DROP COLUMN new_column;\n")
    h.presses(ANA, "P-1", "Confirm", near="Frontend tested")  # judged again at once, not in half a minute
    h.reads("P-1", "schema proven exact by the rollback file")
    h.reads("P-1", "Waiting for approval")


def test_what_the_cli_staged_is_tried_when_it_is_asked_for(house: Opens) -> None:
    h = house()
    h.staged()
    h.end_bot()
    for path in h.directory.glob("stagedoor.db*"):
        path.unlink()
    # What only staging has is no part of the plan, and is left alone.
    run(h.staging, "create table only_here (id int)")
    h.start_bot()
    h.says(ANA, "/migrate promote")
    text = h.reads("P-1", "Waiting for approval")
    assert "did not see it run" in text
    assert "✓ Has a rollback plan: schema proven exact by a draft" in text
    h.confirmed("P-1")
    h.presses(BO, "P-1", "Approve")
    h.reads("P-1", "Done · in production")
    assert h.history()[-1] == SUBTITLE


def test_the_gate_can_be_left_out(house: Opens) -> None:
    h = house(policy=POLICY.replace("[gates]", '[gates]\nskip = ["rollback_plan"]'))
    h.only(FEATURE)
    write_rollback(h, f"{FEATURE}_add_feature_xyz.sql", "SELECT 1;\n")
    h.staged()
    assert "left out by the policy" in h.reads(h.asked(), "Has a rollback plan")


def test_production_that_came_out_otherwise_is_not_called_verified(house: Opens) -> None:
    h = house()
    h.end_bot()
    h.write_policy(UNCHECKED)   # a team that leaves out the gate that would have said so before
    h.start_bot()
    h.only(FEATURE)
    h.staged()
    run(h.production, "create index idx_my_table_new_column on my_table (name)")
    card = h.asked()
    h.confirmed(card)
    h.presses(BO, card, "Approve")
    assert "index public.idx_my_table_new_column is not as on staging" in h.reads(card, "not as expected")


def test_restage_takes_back_and_applies_the_edited_file(house: Opens) -> None:
    h = house()
    h.only(FEATURE)
    h.staged()
    path = next(h.migrations.glob(f"{FEATURE}_*"))
    path.write_text(path.read_text().replace("new_column TEXT", "new_column varchar(40)"))
    h.says(ANA, f"/migrate restage {FEATURE}")
    h.reads("S-2", "Done · in staging")
    assert "was taken back on staging" in h.thread_says("S-2", "schema proven exact")
    kind = "select data_type from information_schema.columns where column_name = 'new_column'"
    assert _rows(h.staging, kind, ()) == [("character varying",)]
    assert h.history(h.staging) == ["20261020090000", FEATURE]
    card = h.asked()
    h.confirmed(card)
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    h.says(ANA, f"/migrate restage {FEATURE}")
    h.told(ANA, "Production has 20261101120000 add_feature_xyz, so its file stays as it is")


def test_restage_leaves_staging_alone_where_the_way_back_leads_elsewhere_by_now(house: Opens) -> None:
    h = house()
    h.only(FEATURE)
    h.staged()
    h.says(ANA, f"/migrate restage {FEATURE}")
    h.told(ANA, "exactly this file")
    path = next(h.migrations.glob(f"{FEATURE}_*"))
    path.write_text(path.read_text() + "\nCOMMENT ON TABLE my_table IS 'mine';\n")
    run(h.staging, "alter table books add column by_hand int")
    h.says(ANA, f"/migrate restage {FEATURE}")
    assert "leads elsewhere by now" in h.reads("S-2", "Stopped: staging is unchanged")
    assert h.history(h.staging) == ["20261020090000", FEATURE]


def test_what_fits_into_no_transaction_is_tried_in_a_scratch_database_that_is_gone_again(house: Opens) -> None:
    h = house()
    h.only()
    h.write("20261101130000_titles.sql", "CREATE INDEX CONCURRENTLY books_titles ON public.books (title);\n")
    write_rollback(h, "20261101130000_titles.sql", "DROP INDEX CONCURRENTLY public.books_titles;\n")
    h.staged()
    thread = h.thread_says("S-1", "Way back from 20261101130000 titles, by the rollback file: schema proven exact")
    assert "as written, in a scratch database without rows, which is gone again" in thread
    scratch = "select 1 from pg_database where datname like 'stagedoor_scratch%%'"
    assert _rows(h.staging, scratch, ()) == []
    card = h.asked()
    assert "schema proven exact by the rollback file" in h.reads(card, "Has a rollback plan")
    h.presses(BO, card, "Rollback plan")
    assert "ms as written, in a scratch database" in modal(h, BO, "The rollback file.")
    h.confirmed(card)
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
