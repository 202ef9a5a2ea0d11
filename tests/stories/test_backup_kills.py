"""SIGKILL at every point of a backup: production untouched until one counts, no half dump left, and it goes on."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from bot.domain.backup import Backup
from rehearsal.postgres import Postgres
from tests.stories.test_kills import Mortal, promoted

DROP = "20261101130000_drop_region.sql"


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("points", [
    "backup:1:before backup:1:after backup:2:before backup:2:after backup:3:before backup:3:after",
    "chunk:1:before chunk:1:after write:3:after write:5:before",
])
def test_killed_at_every_point_of_a_backup(server: Postgres, points: str) -> None:
    with Mortal(points, postgres=server) as h:
        h.only()
        h.write(DROP, "alter table books drop column if exists region;\ndelete from books where id = 1;\n")
        before = h.production_rows("select count(*) from books")[0][0]
        promoted(h)
        assert h.lives >= 3, "it was to die, and did not"
        assert h.history() == ["20261020090000", "20261101130000"]
        assert h.production_rows("select count(*) from books") == [(before - 1,)]
        rows = h.production_rows("select why, rows from stagedoor_kept.batches order by id")
        assert rows == [("drop column", before), ("delete", 1)], "what was rolled back kept nothing"
        entries = h.left()
        assert {entry.about for entry in entries if entry.kind == "backup.asked"} == {"BK-1"}
        backup = Backup.of(entry for entry in entries if entry.about == "BK-1")
        assert backup.good
        assert backup.kept is not None
        [dump] = (h.directory / "backups" / "default").iterdir()
        assert dump == Path(backup.kept.file)
        assert sha256(dump.read_bytes()).hexdigest() == backup.kept.sha256
        assert h.thread(h.promotion).count("✓ Backup BK-1") == 1
