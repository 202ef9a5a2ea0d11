"""Projects and environments: where migrations go."""

from __future__ import annotations

from enum import StrEnum


class Environment(StrEnum):
    """The two databases of a project."""

    STAGING = "staging"
    PRODUCTION = "production"
