"""The one place where an error becomes a sentence; its short reference finds the line in the log."""

from __future__ import annotations

import secrets

from slack_sdk.errors import SlackApiError

from bot.errors import StagedoorError
from templates.blocks import Mark, Message, line, mention, notice, speech

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # without I, L, O and U: nobody should have to ask which one it was


def reference() -> str:
    """Four characters to say on the telephone."""
    return "".join(secrets.choice(LETTERS) for _ in range(4))


def sentence(exc: BaseException) -> tuple[Message, str]:
    """What a person reads about an error, and its reference.

    Only our own errors speak for themselves. The text of any other one may hold an address or a
    password, so it goes to the log alone.
    """
    ref = reference()
    return notice(speech(f"That did not work: {cause(exc)} Nothing was changed by this. (ref {ref})")), ref


def refusal(exc: StagedoorError) -> Mark:
    """A refusal as it is, followed by those who could do it instead. Only ids of Slack's become mentions."""
    names: list[str] = []
    for listed in exc.can:
        try:
            names += [" or " if names else " ", mention(listed)]
        except ValueError:
            continue
    return line(speech(str(exc)), *names, " can." if names else "")


def cause(exc: BaseException) -> str:
    """What went wrong, as far as a person may read it."""
    if isinstance(exc, StagedoorError):
        return str(exc).strip() or "Stagedoor gave no reason."
    if isinstance(exc, SlackApiError):
        return f"Slack did not take it ({code(exc)})."
    if isinstance(exc, TimeoutError):
        return "something that it needs did not answer in time. Try again in a minute."
    return "Stagedoor met a fault of its own."


def code(exc: SlackApiError) -> str:
    """Slack's error code; an answer that is no answer of Slack's (a proxy's page, say) has none."""
    try:
        return str(exc.response["error"])
    except (KeyError, TypeError, ValueError):
        return "no error code"
