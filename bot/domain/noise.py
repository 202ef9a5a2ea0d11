"""Noise: what the platform or Stagedoor itself does, which nobody wants to be told of by an alert."""

from __future__ import annotations

import re

from bot.domain.sighting import Fault, Severity, Source

PLATFORM_ROLES = frozenset({
    "supabase_admin", "supabase_auth_admin", "supabase_storage_admin", "supabase_replication_admin",
    "supabase_read_only_user", "supabase_etl_admin", "pgbouncer", "supavisor", "dashboard_user", "postgres_exporter",
})
CLIENTS = frozenset({"anon", "authenticated", "authenticator"})
"""Roles as which requests of the API come."""

ONE_SESSION = frozenset({
    "0A000", "22023", "25P03", "25P04", "3D000", "42501", "57014", "57P01", "57P05", "42704", "26000",
})
"""What is FATAL to one session alone, beside everything of the classes 08 and 28: it was refused, lost, or ended."""

REFUSED = 10
"""How many refused or ended sessions of a kind within five minutes are more than a notice: there are always some."""

DASHBOARD = "supabase/dashboard"
PROBED = frozenset({"0A000", "08P01"})
OWN = "stagedoor:"
"""How the sessions of promotions, rollbacks, proofs and backups name themselves."""
CANCELLED, SHUTDOWN = "57014", frozenset({"57P01", "57P02", "57P03"})
_HEALTH = re.compile(r"/(?:auth/v1/health|rest/v1/?(?:\s|$)|health(?:z|check)?\b|live\b|ready\b)|\bHEAD /\s*$")
_CRON = re.compile(r"^(?:cron job|pg_cron scheduler|starting job)\b", re.IGNORECASE)
_DUMP = re.compile(r"^copy \S.* to stdout\b", re.IGNORECASE)
_RELISTENS = re.compile(r"\bterminating connection due to administrator command|\bFailed listening\b")


def ends_one_session(fault: Fault) -> bool:
    """Whether it is FATAL by name alone: one session was refused or ended, and nobody else noticed."""
    return fault.severity is Severity.FATAL and (
        fault.sqlstate in ONE_SESSION or fault.sqlstate[:2] in ("08", "28")
    )


def made_by_a_client(fault: Fault) -> bool:
    """Whether a request of the API was refused for what it held: a bad value, a rule of a table, a missing right."""
    roles = frozenset(fault.hits.roles)
    return bool(roles and roles <= CLIENTS) and (fault.sqlstate[:2] in ("22", "23", "PT") or fault.sqlstate in (
        "42501", "P0001",
    ))


def typed(fault: Fault) -> bool:
    """Whether it looks like SQL that somebody tries by hand: it names what is not there, as the owner."""
    return fault.hits.roles == ("postgres",) and fault.sqlstate[:2] == "42" and fault.severity is Severity.ERROR


def is_dump(statement: str) -> bool:
    """Whether a statement reads a whole table for a backup, ours or anybody's: that takes as long as it takes."""
    return bool(_DUMP.match(statement))


def noise(fault: Fault) -> str:
    """Why a fault is only noise of the platform; nothing where it is not."""
    return _of_platform(fault) or _of_state(fault) or _of_words(fault)


def _of_platform(fault: Fault) -> str:
    """What the platform's own roles bring about."""
    roles = frozenset(fault.hits.roles)
    if roles and roles <= {*PLATFORM_ROLES, *CLIENTS} and fault.sqlstate == "57P01":
        return "a session that the platform ended"
    if not roles or not roles <= PLATFORM_ROLES:
        return ""
    if fault.sqlstate == CANCELLED:
        return "a cancelled statement of the platform's own"
    if fault.sqlstate in SHUTDOWN:
        return "a session of the platform's own that was ended"
    return "a replication slot that its last reader still holds" if fault.sqlstate == "55006" else ""


def _of_state(fault: Fault) -> str:
    """What people do by hand, and what the whole internet does to an open port."""
    if fault.sqlstate == CANCELLED and "user request" in fault.template:
        return "a statement that somebody cancelled"
    if fault.severity is Severity.FATAL and (fault.sqlstate in PROBED or "startup packet" in fault.template):
        return "somebody who tries the port"
    applications = fault.hits.applications
    if applications and all(name.startswith(OWN) for name in applications):
        return "what Stagedoor itself ran: the card of that says it"
    if applications and all(name.startswith(DASHBOARD) for name in applications) and fault.sqlstate[:2] in ("", "42"):
        return "a statement that somebody typed in the dashboard"
    return ""


def _of_words(fault: Fault) -> str:
    """What the template tells."""
    if fault.source in (Source.EDGE, Source.AUTH, Source.POSTGREST) and _HEALTH.search(fault.template):
        return "a health check"
    if fault.source is Source.POSTGREST and _RELISTENS.search(fault.template):
        return "PostgREST that connects anew"
    if fault.hits.applications and all(name.startswith("pg_cron") for name in fault.hits.applications) \
            and _CRON.match(fault.template):
        return "the heartbeat of pg_cron"
    return ""
