"""Supabase's Management API."""

from __future__ import annotations

from bot.adapters.supabase.backups import ManagementBackups
from bot.adapters.supabase.logs import ManagementLogs

__all__ = ["ManagementBackups", "ManagementLogs"]
