"""People as Slack knows them at the moment they act."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Person:
    """A Slack user with what decides whether they may act: full member or not, and which user groups hold them.

    `groups` holds ids (S…) of the policy's user groups that contain the person. `zone` is the IANA name of
    their time zone in Slack, `name` is what people call them.
    """

    id: str
    full_member: bool
    groups: frozenset[str] = frozenset()
    zone: str = "UTC"
    name: str = ""
