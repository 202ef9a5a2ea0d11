"""Which schemas are the user's own."""

from __future__ import annotations

# Schemas that the platform looks after; the CLI leaves them alone as well (facts/supabase, section D).
PLATFORM = [
    "information_schema", "_analytics", "_realtime", "_supavisor", "auth", "etl", "extensions", "pgbouncer", "realtime",
    "storage", "supabase_functions", "supabase_migrations", "cron", "dbdev", "graphql", "graphql_public", "net", "pgmq",
    "pgsodium", "pgsodium_masks", "pgtle", "repack", "stagedoor_kept", "tiger", "tiger_data", "topology", "vault",
]

SHARED = ["auth", "realtime", "storage"]
"""Schemas of the platform in which users have triggers and policies, as Supabase's guides tell them to."""

_OWN = (
    r"nspname not like 'pg\_%' and nspname not like 'timescaledb\_%' and nspname not like '\_timescaledb\_%'"
    f" and nspname <> all ('{{{','.join(PLATFORM)}}}')"
)
MINE = f"mine as materialized (select oid, nspname from pg_namespace where {_OWN})"
MINE_AND_SHARED = (
    "mine as materialized (select oid, nspname from pg_namespace"
    f" where {_OWN} or nspname = any ('{{{','.join(SHARED)}}}'))"
)
