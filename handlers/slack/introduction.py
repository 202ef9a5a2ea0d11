"""Who we are in Slack, asked once at the start; what Slack says no to for good is a configuration error."""

from __future__ import annotations

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.ports import Put, Shelves
from bot.settings import ConfigurationError
from handlers.door.listeners import Identity
from handlers.door.socket_mode import SocketMode

log = structlog.get_logger(__name__)

FATAL_AT_SLACK = frozenset({
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type",
})


def learn_identity(client: WebClient, shelves: Shelves) -> Identity:
    """Who we are in Slack: asked once; while Slack is away, what it said last time. Raises `ConfigurationError`."""
    try:
        told = client.auth_test()
        doc = {
            "bot_id": str(told.get("bot_id") or ""), "bot_user_id": str(told["user_id"]),
            "team_id": str(told["team_id"]), "enterprise_id": str(told.get("enterprise_id") or ""),
            "home": str(told.get("url") or ""),
        }
        shelves.put([Put(shelf="identity", key="slack", doc=doc)])
    except SlackApiError as trouble:
        code = str(trouble.response.get("error", ""))
        if code in FATAL_AT_SLACK:
            mend = "Install the app again and copy its new token."
            raise ConfigurationError([f"SLACK_BOT_TOKEN: Slack says {code}. {mend}"]) from None
        doc = _last_identity(shelves, code)
    except (SlackClientError, OSError) as trouble:
        doc = _last_identity(shelves, type(trouble).__name__)
    return Identity(token=client.token or "", **doc)


def prove_app_token(sockets: SocketMode) -> None:
    """Ask whether Slack takes the token. Raises `ConfigurationError`; an absent Slack is waited for later."""
    try:
        sockets.ticket()
    except SlackApiError as trouble:
        code = str(trouble.response.get("error", ""))
        if code in FATAL_AT_SLACK | {"missing_scope"}:
            mend = "Make an app-level token with connections:write under Basic Information."
            raise ConfigurationError([f"SLACK_APP_TOKEN: Slack says {code}. {mend}"]) from None
    except (SlackClientError, OSError):
        log.warning("slack is away", using="connections as soon as it answers")


def _last_identity(shelves: Shelves, why: str) -> dict[str, str]:
    known = shelves.get("identity", "slack")
    if known is None:
        raise ConfigurationError([f"SLACK_API_URL: Slack does not answer ({why}), and it never did on this store."])
    log.warning("slack is away", why=why, using="what it said last time")
    return {key: str(value) for key, value in known.items()}
