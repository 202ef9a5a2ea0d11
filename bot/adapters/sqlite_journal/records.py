"""Records on SQLite: where each stands, who may move it, and which ones are due."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from sqlite3 import Connection

from bot.adapters.links import document, moment, storable
from bot.adapters.sqlite_journal.chain import Chain, Row, check, query
from bot.domain.entry import Entry, Fact
from bot.domain.record import Claim, Record, Status
from bot.errors import Unknown
from bot.ports import Opens


class Records(Chain):
    """Projections, claims and numbers."""

    def open(
        self, opens: Opens, *, key: str | None = None, claim: Claim | None = None,
    ) -> tuple[Entry, ...] | None:
        with self.writing() as db:
            if key is not None and not self._finish(db, key):
                return None
            if claim is not None:
                check(db, claim)
            facts, puts = opens(lambda series: f"{series}-{_next(db, series)}")
            self._put(db, self._documents(puts))
            return self._link(db, self._scrubbed(facts), claim)

    def load(self, record: str) -> Record | None:
        with self.reading() as db:
            rows = query(db, "SELECT * FROM records WHERE id = ?", [record])
        return record_of(rows[0]) if rows else None

    def project(self, record: Record, claim: Claim, facts: Sequence[Fact] = ()) -> Record:
        if claim.record != record.id:
            raise ValueError(f"the claim is on {claim.record}, not on {record.id}")
        facts, summary = self._scrubbed(facts), document(record.summary, self._scrub)
        with self.writing() as db:
            check(db, claim)
            if (before := db.execute("SELECT others FROM records WHERE id = ?", [record.id]).fetchone()) is None:
                raise Unknown(f"Nothing is known of {record.id}.")
            self._link(db, facts, claim)
            (row,) = query(
                db, "UPDATE records SET stage = :stage, status = :status, due = :due, waits_for = :waits_for, "
                "summary = :summary, folded = CASE WHEN :alone THEN touched ELSE :folded END "
                "WHERE id = :id RETURNING *",
                {
                    "id": record.id, "stage": record.stage, "status": record.status.value,
                    "due": None if record.due is None else moment(record.due), "summary": summary,
                    "waits_for": storable(self._scrub(record.waits_for)),
                    "alone": before[0] <= record.folded, "folded": record.folded,
                },
            )
            return record_of(row)

    def find(
        self, *, kind: str | None = None, project: str | None = None, status: Status | None = None,
        due_by: datetime | None = None, unannounced: bool = False, limit: int = 1000,
    ) -> list[Record]:
        wanted = ["kind = :kind"] if kind is not None else []
        wanted += ["project = :project"] if project is not None else []
        wanted += ["status = :status"] if status is not None else []
        wanted += ["status = 'live' AND (due <= :due_by OR touched > folded)"] if due_by is not None else []
        wanted += ["touched > announced"] if unannounced else []
        values = {
            "kind": kind, "project": project, "status": status.value if status else None,
            "due_by": moment(due_by) if due_by else None, "limit": limit,
        }
        with self.reading() as db:
            rows = query(
                db, f"SELECT * FROM records WHERE {' AND '.join(wanted) or '1'} ORDER BY opened LIMIT :limit",  # noqa: S608  (our own words)
                values,
            )
            return [record_of(row) for row in rows]

    def claim(self, record: str) -> Claim:
        with self.writing() as db:
            db.execute(
                "INSERT INTO fences (record, fence) VALUES (?, 1) ON CONFLICT (record) DO UPDATE SET fence = fence + 1",
                [record],
            )
            # For the new claim, whatever an earlier walk noted is somebody else's.
            db.execute("UPDATE records SET others = touched WHERE id = ?", [record])
            return Claim(
                record=record, fence=db.execute("SELECT fence FROM fences WHERE record = ?", [record]).fetchone()[0],
            )

    def announced(self, record: str, seq: int) -> None:
        """A smaller number than was noted before changes nothing."""
        with self.writing() as db:
            db.execute("UPDATE records SET announced = ? WHERE id = ? AND announced < ?", [seq, record, seq])


def _next(db: Connection, series: str) -> int:
    db.execute(
        "INSERT INTO numbers (series, last) VALUES (?, 1) ON CONFLICT (series) DO UPDATE SET last = last + 1",
        [series],
    )
    return int(db.execute("SELECT last FROM numbers WHERE series = ?", [series]).fetchone()[0])


def record_of(row: Row) -> Record:
    return Record(
        id=row["id"], kind=row["kind"], project=row["project"], stage=row["stage"], status=Status(row["status"]),
        due=datetime.fromisoformat(row["due"]) if row["due"] else None, waits_for=row["waits_for"],
        folded=row["folded"], touched=row["touched"], announced=row["announced"], summary=json.loads(row["summary"]),
    )
