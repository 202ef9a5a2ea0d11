"""A report that people write in a canvas: read while they write and at Publish, merged with the window, frozen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.draft import FIELDS
from rehearsal.postgres import Postgres
from rehearsal.slack.methods.canvases import as_read
from rehearsal.slack.refusals import NotPossible
from templates.incident.canvas import canvas, merged, same, written
from tests.stories.house import ANA, CY, ERIN, SAM
from tests.stories.test_incident import RULES
from tests.stories.test_report import Desk

LETTERS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=60)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.lists(LETTERS, max_size=4).map("\n".join)))
def test_what_a_canvas_begins_with_is_read_back_the_same(texts: dict[str, str]) -> None:
    found = written("INC-1", as_read(canvas("INC-1", texts)))
    assert set(found) == set(FIELDS)
    assert all(same(found[key], texts.get(key, "")) for key in FIELDS), found


def test_what_people_do_to_a_canvas_loses_no_word() -> None:
    content = as_read(canvas("INC-1", {"summary": "Checkout failed"}))
    content = content.replace("## Impact\n", "## What a mess\nNobody could pay\n", 1)       # a heading of their own
    content = f"Read this first\n\n{content}\n* ask ![](@U0ANA0001)\n* see [the log](https://log.example/1)\n**done**"
    found = written("INC-1", content)
    assert found["summary"].startswith("Read this first\n\nCheckout failed\n\nWhat a mess\nNobody could pay")
    assert "impact" not in found
    assert found["lessons"] == "- ask @U0ANA0001\n- see the log (https://log.example/1)\ndone"


def test_where_both_were_changed_both_are_kept() -> None:
    assert merged("", "", "", "") is None
    assert merged("", "from the canvas", "", "") == ("from the canvas", "")
    assert merged("a", "a", "from the window", "") is None
    both = merged("a", "from the canvas", "from the window", "")
    assert both == ("from the window\n\nfrom the canvas", "from the window")
    assert merged("from the canvas", "more", both[0], both[1]) == ("from the window\n\nmore", "from the window")
    assert merged("a", "", "a", "") == ("", "")


@pytest.mark.slow
def test_a_report_is_written_in_its_canvas(server: Postgres) -> None:
    with Desk(postgres=server, limits="off", slack={"plan": "paid"}) as h:
        h.write_policy(RULES.replace('after_incident = "2s"', 'after_incident = "1h"'))
        h.start_bot()
        inc = h.opened(severity="SEV3", impact="every checkout")
        h.reads(inc, "Nobody leads yet")
        h.slack.command(CY, "/incident resolve INC-1 the index was built again", "#incidents")
        h.thread_says(inc, "The canvas of this report", 60)
        [board] = h.slack.workspace.canvases.values()
        assert "every checkout" in board.markdown
        assert h.thread(inc).count("takes what only people know") == 1
        h.slack.write_canvas(SAM, board.id, FIELDS["root_cause"][1], f"{FIELDS['root_cause'][1]}\n\nAn index was gone")
        h.slack.write_canvas(ERIN, board.id, "## Impact", "## Impact\n\n- 300 carts_lost")
        h.kill_bot()        # in the middle of it all
        h.start_bot()
        h.slack.command(CY, "/incident report INC-1", "#incidents", copies=3)
        said = h.told(CY, "Write it in its canvas")
        assert "Root cause" not in said
        shown = next(m for m in h.slack.ephemerals(CY) if "Still missing" in h.slack.text_of(m))
        h.slack.press(CY, shown, "Fill in", copies=3)       # the window shows what stands in the canvas
        window = h.until(lambda: h.slack.modal(CY), "the window")
        assert "An index was gone" in h.slack.text_of(window)
        h.fills(CY, "Report of INC-1", root_cause="An index was gone\nsince Monday", lessons="Drop nothing by hand")
        h.told(CY, "Kept.")
        h.slack.write_canvas(SAM, board.id, "An index was gone", "Two indexes were gone")   # he never saw the window
        h.slack.write_canvas(ANA, board.id, "## What went well", "## What went well\n\nThe pager")
        h.slack.troubles.failing(times=2, status=503)
        h.slack.press(CY, shown, "Publish", copies=3)
        h.reads(inc, "Report published", 90)
        file = h.until(lambda: next((f for f in h.slack.files() if f.name == "INC-1-report.md"), None), "the file")
        report = file.text
        for words in ("since Monday", "Two indexes were gone", "300 carts_lost", "The pager", "Drop nothing by hand"):
            assert words in report, report
        h.until(lambda: board.markdown == report, "the canvas to show what was published")
        with pytest.raises(NotPossible, match="may not write"):
            h.slack.write_canvas(SAM, board.id, "The pager", "Nothing")
        assert len(h.slack.workspace.canvases) == 1
        assert "no canvas" not in h.thread(inc)
