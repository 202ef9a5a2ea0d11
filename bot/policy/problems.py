"""One error that names everything wrong with the configuration, so that nobody mends it one start at a time."""

from __future__ import annotations

from collections.abc import Iterable

from bot.errors import StagedoorError


class ConfigurationError(StagedoorError):
    """What is wrong with the configuration: one sentence a problem, each with its mend and without secrets."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))
