"""A command that a text tells people to type means the same project wherever it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from bot.scrub import Scrubber
from handlers.conversation import together
from handlers.incidents.report_desk import ReportDesk
from handlers.migrations.promotion_view import PromotionView
from handlers.subjects import subjects
from templates.blocks import actions, button, code, line, notice, preformatted, table
from templates.hints import complete, complete_message
from tests.handlers.test_forged import Reading
from tests.test_who_may import Office


@pytest.mark.parametrize(("said", "whole"), [
    ("stage it first: /migrate stage 2026", "stage it first: /migrate stage project:blog 2026"),
    ("Ask again with `/migrate promote`.", "Ask again with `/migrate promote project:blog`."),
    ("/deploy window tomorrow and /migrate backup now", "/deploy window project:blog tomorrow and "
                                                        "/migrate backup project:blog now"),
    ("An approver lifts it: `/deploy unfreeze F-1 REASON`", "An approver lifts it: `/deploy unfreeze F-1 REASON`"),
    ("/migrate rollback P-3 project:shop", "/migrate rollback P-3 project:shop"),
    ("/migrate status project:shop", "/migrate status project:shop"),
    ("/migrate backup restore P-31", "/migrate backup restore P-31"),
    ("/migrate help, /incident list, see/migrate statuses", "/migrate help, /incident list, see/migrate statuses"),
])
def test_a_command_names_its_project_unless_an_id_does(said: str, whole: str) -> None:
    assert complete(said, "blog") == whole
    assert complete(whole, "blog") == whole


def test_markup_stays_markup_and_what_buttons_carry_stays() -> None:
    message = notice(line("Type ", code("/migrate stage 1")))
    whole = complete_message(message, "blog")
    assert whole.text == "Type `/migrate stage project:blog 1`"
    assert whole.to_json()["blocks"] != message.to_json()["blocks"]
    assert "project:blog" in str(whole.blocks)
    shown = preformatted("-- /migrate stage 1")
    assert complete_message(type(message)("x", (shown,)), "blog").blocks == (shown,)
    cells = complete_message(type(message)("x", (table([["1", "/migrate stage 1"]]),)), "blog")
    assert "/migrate stage project:blog 1" in str(cells.blocks)
    row = actions(button("Go", "x", "/migrate stage 1"))
    assert complete_message(notice("x"), "blog") == notice("x")
    assert "project" not in str(complete_message(type(message)("x", (row,)), "blog").blocks)


def test_every_word_that_takes_a_project_is_made_complete(tmp_path: Path) -> None:
    office = Office(tmp_path)
    ports, scrub = office.ports, Scrubber(())
    spoken = together(subjects(ports, PromotionView(ports, scrub), str, Reading(), ReportDesk(ports, scrub)))
    migrate, deploy = (cast(Any, spoken.commands[name]).__self__._verbs for name in ("/migrate", "/deploy"))
    by_id_alone = {"cancel"}
    for command, verbs in (("/migrate", migrate), ("/deploy", deploy)):
        for verb in {*verbs} - by_id_alone:
            assert complete(f"{command} {verb}", "blog") == f"{command} {verb} project:blog"
    office.journal.close()
