"""The checks: one a file, with its rule, its words and its remedy; in the order in which people see them."""

from __future__ import annotations

from types import ModuleType

from bot.migrations.lint import (
    backfill,
    cascade,
    concurrent_if_not_exists,
    could_not_analyse,
    drop_without_backup,
    empty_file,
    encoding,
    enum_value_used,
    exclude_constraint,
    extension,
    file_name,
    foreign_key_index,
    grants,
    header,
    heavy_lock,
    hidden_characters,
    if_exists,
    json_type,
    lock_pile_up,
    non_transactional,
    platform_schemas,
    policy_initplan,
    policy_open,
    policy_user_metadata,
    policy_without_to,
    primary_key,
    production_data,
    psql_only,
    realtime,
    rls_missing,
    rls_off,
    rls_without_policy,
    rows_without_where,
    secrets,
    security_definer,
    server_files,
    session_settings,
    transaction_control,
    triggers_off,
    unreadable,
    view_security,
    wide_index,
)

CHECKS: tuple[ModuleType, ...] = (
    encoding, hidden_characters, could_not_analyse, psql_only, empty_file, file_name, header,
    transaction_control, non_transactional, concurrent_if_not_exists, enum_value_used, if_exists,
    drop_without_backup, cascade, rows_without_where, unreadable, server_files, secrets, production_data,
    rls_missing, rls_off, rls_without_policy, policy_open, policy_without_to, policy_user_metadata, policy_initplan,
    grants, security_definer, view_security, platform_schemas, extension, realtime, session_settings, triggers_off,
    heavy_lock, exclude_constraint, lock_pile_up, backfill, foreign_key_index, primary_key, wide_index, json_type,
)
