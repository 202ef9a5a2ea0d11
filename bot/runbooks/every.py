"""Every kind of record, and the runbook that it walks down."""

from __future__ import annotations

from bot.runbooks import (
    alert,
    backup,
    baseline,
    follow,
    freeze,
    incident,
    notice,
    promotion,
    restoring,
    rollback,
    staging,
    window,
)
from bot.windows.schedule import ECHO

RUNBOOKS = {
    "promotion": promotion.RUNBOOK, "staging": staging.RUNBOOK, "notice": notice.RUNBOOK,
    "backup": backup.RUNBOOK, "restore": restoring.RUNBOOK, "rollback": rollback.RUNBOOK,
    "baseline": baseline.RUNBOOK, "window": window.RUNBOOK, "freeze": freeze.RUNBOOK, ECHO: freeze.RUNBOOK,
    "alert": alert.RUNBOOK, "incident": incident.RUNBOOK, "digest": notice.RUNBOOK, "follow": follow.RUNBOOK,
}
