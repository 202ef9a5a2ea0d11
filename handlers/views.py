"""How every kind of record is shown in Slack."""

from __future__ import annotations

from collections.abc import Callable

from bot.scrub import Scrubber
from bot.windows.schedule import ECHO
from bot.world import Ports
from handlers.alerts.alert_view import AlertView
from handlers.announcing.announcer import Rendering
from handlers.incidents.digest_view import DigestView
from handlers.incidents.incident_view import IncidentView
from handlers.incidents.report_view import FollowView, WithReport
from handlers.migrations.backup_view import BackupView
from handlers.migrations.promotion_view import PromotionView
from handlers.migrations.rollback_view import RollbackView
from handlers.notice_view import NoticeView
from handlers.windows.window_view import FreezeView, WindowView


def every_view(
    ports: Ports, promotions: PromotionView, scrub: Scrubber, knows: Callable[[str], bool],
) -> dict[str, Rendering]:
    """By kind of record; `knows` says whether anybody answers to an action id."""
    return {
        **dict.fromkeys(("promotion", "staging", "baseline", "restore"), promotions),
        "rollback": RollbackView(ports, promotions),
        "alert": AlertView(ports, scrub, knows),
        "backup": BackupView(ports),
        "digest": DigestView(ports),
        "follow": FollowView(ports),
        **dict.fromkeys(("freeze", ECHO), FreezeView(ports)),
        "incident": WithReport(IncidentView(ports, (("Report", "report"),)), ports),
        "notice": NoticeView(ports),
        "window": WindowView(ports),
    }
