"""Records on Postgres: where each stands, who may move it, and which ones are due."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bot.adapters.links import document, storable
from bot.adapters.postgres_journal.chain import Chain, Row, check
from bot.adapters.postgres_journal.schema import Db
from bot.domain.entry import Entry, Fact
from bot.domain.record import Claim, Record, Status
from bot.errors import Unknown
from bot.ports import Opens

RECORD: Final = "id, kind, project, stage, status, due, waits_for, folded, touched, announced, summary"

_PROJECT: Final = f"""
    update stagedoor.records set stage = %(stage)s, status = %(status)s, due = %(due)s, waits_for = %(waits_for)s,
        summary = %(summary)s, folded = case when others <= %(folded)s then touched else %(folded)s end
    where id = %(id)s returning {RECORD}
""".encode()  # noqa: S608  (names of our own columns)


class Records(Chain):
    """Projections, claims and numbers."""

    def open(
        self, opens: Opens, *, key: str | None = None, claim: Claim | None = None,
    ) -> tuple[Entry, ...] | None:
        with self.chaining() as (db, head):
            if key is not None and not self._finish(db, key):
                return None
            if claim is not None:
                check(db, claim)
            facts, puts = opens(lambda series: f"{series}-{_next(db, series)}")
            self._put(db, self._documents(puts))
            return self._link(db, head, self._scrubbed(facts), claim)

    def load(self, record: str) -> Record | None:
        with self.reading() as db:
            row = db.execute(f"select {RECORD} from stagedoor.records where id = %s".encode(), [record]).fetchone()  # noqa: S608  (our own words)
        return record_of(row) if row else None

    def project(self, record: Record, claim: Claim, facts: Sequence[Fact] = ()) -> Record:
        if claim.record != record.id:
            raise ValueError(f"the claim is on {claim.record}, not on {record.id}")
        facts, summary = self._scrubbed(facts), document(record.summary, self._scrub)
        waits_for = storable(self._scrub(record.waits_for)).replace("\0", "\N{REPLACEMENT CHARACTER}")
        with self.chaining() as (db, head):
            check(db, claim)
            self._link(db, head, facts, claim)
            row = db.execute(
                _PROJECT,
                {
                    "id": record.id, "stage": record.stage, "status": record.status.value, "due": record.due,
                    "summary": summary, "waits_for": waits_for, "folded": record.folded,
                },
            ).fetchone()
            if row is None:
                raise Unknown(f"Nothing is known of {record.id}.")
            return record_of(row)

    def find(
        self, *, kind: str | None = None, project: str | None = None, status: Status | None = None,
        due_by: datetime | None = None, unannounced: bool = False, limit: int = 1000,
    ) -> list[Record]:
        wanted = ["kind = %(kind)s"] if kind is not None else []
        wanted += ["project = %(project)s"] if project is not None else []
        wanted += ["status = %(status)s"] if status is not None else []
        wanted += ["status = 'live' and (due <= %(due_by)s or touched > folded)"] if due_by is not None else []
        wanted += ["touched > announced"] if unannounced else []
        values: dict[str, Any] = {
            "kind": kind, "project": project, "status": status.value if status else None, "due_by": due_by,
            "limit": limit,
        }
        where = f"where {' and '.join(wanted) or 'true'} order by opened limit %(limit)s"
        with self.reading() as db:
            rows = db.execute(f"select {RECORD} from stagedoor.records {where}".encode(), values)  # noqa: S608  (our own words)
            return [record_of(row) for row in rows.fetchall()]

    def claim(self, record: str) -> Claim:
        """For the new claim, whatever an earlier walk noted is somebody else's."""
        with self.writing() as db:
            row = db.execute(
                "insert into stagedoor.fences as f (record, fence) values (%s, 1) "
                "on conflict (record) do update set fence = f.fence + 1 returning fence", [record],
            ).fetchone()
            db.execute("update stagedoor.records set others = touched where id = %s", [record])
        assert row is not None
        return Claim(record=record, fence=row["fence"])

    def announced(self, record: str, seq: int) -> None:
        """A smaller number than was noted before changes nothing."""
        with self.reading(outcome="it is noted again later") as db:
            db.execute(
                "update stagedoor.records set announced = %(seq)s where id = %(id)s and announced < %(seq)s",
                {"id": record, "seq": seq},
            )


def _next(db: Db, series: str) -> int:
    row = db.execute(
        "insert into stagedoor.numbers as n (series, last) values (%s, 1) "
        "on conflict (series) do update set last = n.last + 1 returning last", [series],
    ).fetchone()
    assert row is not None
    return int(row["last"])


def record_of(row: Row) -> Record:
    return Record(
        id=row["id"], kind=row["kind"], project=row["project"], stage=row["stage"], status=Status(row["status"]),
        due=row["due"].astimezone(UTC) if row["due"] else None, waits_for=row["waits_for"], folded=row["folded"],
        touched=row["touched"], announced=row["announced"], summary=json.loads(row["summary"]),
    )
