"""Noise: what the platform or Stagedoor itself does, which nobody wants to be told of by an alert."""

from __future__ import annotations

import re

from bot.domain.sighting import Fault, Source

PLATFORM_ROLES = frozenset({
    "supabase_admin", "supabase_auth_admin", "supabase_storage_admin", "supabase_replication_admin",
    "supabase_read_only_user", "supabase_etl_admin", "pgbouncer", "supavisor", "dashboard_user", "postgres_exporter",
})
OWN = "stagedoor:"
"""How the sessions of promotions, rollbacks, proofs and backups name themselves."""
CANCELLED, SHUTDOWN = "57014", frozenset({"57P01", "57P02", "57P03"})
_HEALTH = re.compile(r"/(?:auth/v1/health|rest/v1/?(?:\s|$)|health(?:z|check)?\b|live\b|ready\b)|\bHEAD /\s*$")
_CRON = re.compile(r"^(?:cron job|pg_cron scheduler|starting job)\b", re.IGNORECASE)


def noise(fault: Fault) -> str:
    """Why a fault is only noise; nothing where it is not."""
    roles = frozenset(fault.hits.roles)
    applications = fault.hits.applications
    if applications and all(name.startswith(OWN) for name in applications):
        return "what Stagedoor itself ran: the card of that says it"
    if roles and roles <= PLATFORM_ROLES and fault.sqlstate == CANCELLED:
        return "a cancelled statement of the platform's own"
    if roles and roles <= PLATFORM_ROLES and fault.sqlstate in SHUTDOWN:
        return "a session of the platform's own that was ended"
    if fault.source in (Source.EDGE, Source.AUTH, Source.POSTGREST) and _HEALTH.search(fault.template):
        return "a health check"
    if applications and all(name.startswith("pg_cron") for name in applications) and _CRON.match(fault.template):
        return "the heartbeat of pg_cron"
    return ""
