"""Everything that people can talk about with the bot; a further subject is one line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from bot.backups.restores import Restores
from bot.backups.verbs import BackupRequests
from bot.incidents.verbs import Responding
from bot.promotions.requests import Requests
from bot.promotions.verbs import Promotions
from bot.rollbacks.verbs import Rollbacks
from bot.scrub import Scrubber
from bot.watch.verbs import Alerts
from bot.windows.timing import Timing
from bot.windows.verbs import Deploys
from bot.world import Ports
from handlers.alerts.alert import Alarm
from handlers.conversation import Subject, together
from handlers.incidents.incident import Incidents
from handlers.incidents.opening import Opening
from handlers.incidents.report_desk import ReportDesk
from handlers.incidents.timeline import IncidentTimeline, Reading
from handlers.migrations.backup import BackupVerb
from handlers.migrations.migrate import Migrate
from handlers.migrations.promotion_view import PromotionView
from handlers.migrations.rollback import Rollback
from handlers.migrations.status import Status
from handlers.migrations.timing import Clockwork
from handlers.migrations.written import Written
from handlers.which import Which
from handlers.windows.deploy import Deploy


def subjects(
    ports: Ports, view: PromotionView, channel_id: Callable[[str], str], reading: Reading, reports: ReportDesk,
) -> tuple[Subject, ...]:
    """Every subject of this release. Making them asks the world nothing."""
    promotions, deploys = Promotions(ports), Deploys(ports)
    which, rollback = Which(promotions, channel_id), Rollback(Rollbacks(ports), view.clean)
    responding = Responding(ports)
    opening = Opening(ports, responding, promotions, which)
    backups = BackupVerb(BackupRequests(ports), Restores(ports))
    talk = Incidents(
        ports, responding, promotions, opening, verbs={"report": reports.verb}, more={"report": reports.button},
    )
    verbs = {
        "checklist": Written(ports, promotions).verb, "rollback": rollback.verb,
        "status": Status(promotions, ports).verb, "backup": backups.verb,
    }
    return (
        Migrate(promotions, Requests(ports), view, which, verbs=verbs).subject(),
        backups.subject(),
        Deploy(deploys, promotions, which).subject(),
        Clockwork(Timing(ports), deploys).subject(),
        opening.subject(),
        talk.subject(),
        IncidentTimeline(ports, responding, opening, reading).subject(),
        Alarm(Alerts(ports)).subject(),
        rollback.subject(),
        reports.subject(),
    )


class _Unopened:
    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"{name} was asked for before the world was opened")


def vocabulary() -> Subject:
    """The words of all subjects, for the manifest, which is printed before there is a world."""
    ports = cast("Ports", _Unopened())
    scrub, unopened = Scrubber(()), cast("Reading", _Unopened())
    return together(subjects(ports, PromotionView(ports, scrub), str, unopened, ReportDesk(ports, scrub)))
