"""Does the host put the process to sleep, or throw its disk away?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bot.doctor.finding import Finding, Visit, note, ok
from bot.settings.hosts import discarding_host

SLEEPERS = {
    "DYNO": ("Heroku", "Eco dynos sleep after 30 minutes without a request; Basic ones do not."),
    "K_SERVICE": ("Cloud Run", "Set minimum instances to 1 and CPU to always allocated."),
    "FLY_APP_NAME": ("Fly", "Set auto_stop_machines to off and min_machines_running to 1 in fly.toml."),
    "RENDER": ("Render", "Free services sleep after 15 minutes without a request; paid ones do not."),
    "RAILWAY_PROJECT_ID": ("Railway", "Leave Serverless (app sleeping) off."),
}
"""By the variable that gives a host away: its name, and what keeps it awake."""


def look(visit: Visit) -> Iterable[Finding]:
    here = [told for variable, told in SLEEPERS.items() if visit.environ.get(variable)]
    for host, awake in here:
        why = "A bot asleep misses Slack's three seconds"
        if visit.settings.socket_mode:
            why = "Nothing wakes a bot in Socket Mode"
        yield note("host", f"{host} can put processes to sleep. {why}, and its clock stands still. {awake}")
    address = visit.settings.store_address
    if address.startswith("sqlite:///"):
        discards = discarding_host(visit.environ, Path(address.removeprefix("sqlite:///")))
        if discards:   # the settings refuse this unless STAGEDOOR_EPHEMERAL_OK accepts it
            yield note("host", f"{discards} discards the journal at a restart; STAGEDOOR_EPHEMERAL_OK accepts that.")
    if not here:
        yield ok("host", "none that is known to sleep or to discard its disk.")
