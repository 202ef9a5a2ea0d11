"""The errors that a person can act on; their message is the sentence that the person reads."""

from __future__ import annotations


class StagedoorError(Exception):
    """Base of every error whose message may be shown to a person as it is.

    `can` holds the Slack ids (users, user groups) of those who could do it instead; whoever
    shows the message names them after it.
    """

    def __init__(self, message: str, *, can: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.can = can


class Refused(StagedoorError):
    """The rules say no; the message names the rule and the way on."""


class Unknown(StagedoorError):
    """No promotion, version, project or command has that name; the message says what there is."""


class Unreachable(StagedoorError):
    """Something outside did not answer; the message says what, and what that means for production."""


class Unrecorded(Unreachable):
    """The journal did not take what was to be noted while a database was being changed; nothing else is begun there."""


class Superseded(StagedoorError):
    """Another walk of the same record has begun; what this one still wanted to write is void."""


class Interrupted(StagedoorError):
    """We were asked to stop in the middle of something that can be begun anew; nothing of it was kept."""
