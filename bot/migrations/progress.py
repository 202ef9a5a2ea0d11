"""How far a long statement is, as the server tells while it works."""

from __future__ import annotations

from bot.migrations.session import Session

_PROGRESS = """
select phase, blocks_done, blocks_total, lockers_done, lockers_total
from pg_catalog.pg_stat_progress_create_index where pid = %(pid)s
union all
select 'vacuuming: ' || phase, heap_blks_scanned, heap_blks_total, 0, 0
from pg_catalog.pg_stat_progress_vacuum where pid = %(pid)s
union all
select 'rewriting the table: ' || phase, heap_blks_scanned, heap_blks_total, 0, 0
from pg_catalog.pg_stat_progress_cluster where pid = %(pid)s
"""


def how_far(session: Session) -> str:
    """`building index: scanning table, 45 %`; empty where the server does not tell. Asked beside the statement."""
    rows = session.query(_PROGRESS, {"pid": session.pid}, beside=True)
    if not rows:
        return ""
    phase, done, total, lockers_done, lockers = rows[0]
    if "waiting" in phase and lockers:
        return f"{phase}, {lockers_done} of {lockers}"
    return f"{phase}, {100 * done // total} %" if total else str(phase)
