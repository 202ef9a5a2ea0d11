"""Noise: what the platform does by itself, which nobody wants to be told of."""

from __future__ import annotations

import re

from bot.domain.sighting import Fault, Source

PLATFORM_ROLES = frozenset({
    "supabase_admin", "supabase_auth_admin", "supabase_storage_admin", "supabase_replication_admin",
    "supabase_read_only_user", "supabase_etl_admin", "pgbouncer", "supavisor", "dashboard_user", "postgres_exporter",
})
CANCELLED, SHUTDOWN = "57014", frozenset({"57P01", "57P02", "57P03"})
_HEALTH = re.compile(r"/(?:auth/v1/health|rest/v1/?(?:\s|$)|health(?:z|check)?\b|live\b|ready\b)|\bHEAD /\s*$")
_CRON = re.compile(r"^(?:cron job|pg_cron scheduler|starting job)\b", re.IGNORECASE)


def noise(fault: Fault) -> str:
    """Why a fault is only noise of the platform; nothing where it is not."""
    roles = frozenset(fault.hits.roles)
    if roles and roles <= PLATFORM_ROLES and fault.sqlstate == CANCELLED:
        return "a cancelled statement of the platform's own"
    if roles and roles <= PLATFORM_ROLES and fault.sqlstate in SHUTDOWN:
        return "a session of the platform's own that was ended"
    if fault.source in (Source.EDGE, Source.AUTH, Source.POSTGREST) and _HEALTH.search(fault.template):
        return "a health check"
    if fault.hits.applications and all(name.startswith("pg_cron") for name in fault.hits.applications) \
            and _CRON.match(fault.template):
        return "the heartbeat of pg_cron"
    return ""
