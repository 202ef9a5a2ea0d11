"""SIGKILL at every point of putting rows back: they come back once, or not at all, and the card says which."""

from __future__ import annotations

from collections import Counter

import pytest

from rehearsal.postgres import Postgres
from tests.stories.house import ANA, BO
from tests.stories.test_kills import Mortal

DELETE = "20261101140000_forget.sql"
CONTENT = "select books::text from books order by id"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_at_every_point_of_putting_rows_back(server: Postgres) -> None:
    points = "word:18:after word:24:after word:30:after write:2:after word:27:before word:34:after"
    with Mortal(points, postgres=server, start=False) as h:
        h.start_bot()
        h.only()
        h.write(DELETE, "DELETE FROM books WHERE id <= 2;\n")
        before = h.production_rows(CONTENT)
        card = h.ready_to_approve()
        h.presses(BO, card, "Approve")
        h.reads(card, "Done · in production")
        assert len(h.production_rows(CONTENT)) == len(before) - 2
        h.says(ANA, "/migrate backup restore P-1")
        h.reads("RD-1", "Waiting for approval")
        h.kill_bot()
        h.begin()
        h.insists(lambda: h.presses(BO, "RD-1", "Approve"), lambda: not h.says_of("RD-1", "[Approve]"), "the approval")
        h.reads("RD-1", "Done · back in production: 2 rows, approved by @bo", patience=150)
        h.until(lambda: "RD-1 is done" in h.thread("RD-1") or None, "the last word", patience=60)
        assert h.lives >= 3, "it was to die, and did not"
        assert h.production_rows(CONTENT) == before
        lines = [line for line in h.thread("RD-1").splitlines() if line.strip()]
        assert not [line for line, count in Counter(lines).items() if count > 1], h.slack.transcript()
        entries = h.left()
        kinds = Counter(entry.kind for entry in entries if entry.about == "RD-1")
        assert kinds["rows.attempt"] >= 3, "it died while it put them back"
        assert kinds["rows.back"] == kinds["verify.seen"] == 1
