"""The policy file, typed and checked: what it may say, what it says by default, and where it is wrong."""

from __future__ import annotations

from bot.policy.changes import changes
from bot.policy.problems import ConfigurationError
from bot.policy.reading import load_policy, parse_policy, project_names
from bot.policy.tables import DEFAULT_PROJECT, Approvals, Backups, Flag, Policy, Project, Watch, Weekday, Window
from bot.policy.values import format_duration, parse_duration

__all__ = [
    "DEFAULT_PROJECT", "Approvals", "Backups", "ConfigurationError", "Flag", "Policy", "Project", "Watch", "Weekday",
    "Window", "changes", "format_duration", "load_policy", "parse_duration", "parse_policy", "project_names",
]
