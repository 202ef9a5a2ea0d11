"""Every environment variable, typed; the attribute is the variable's name in small letters."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from bot.settings.shapes import (
    AppToken,
    BotToken,
    Bucket,
    DatabaseAddress,
    Folder,
    LinkKey,
    Lower,
    Name,
    Port,
    Program,
    PublicAddress,
    Recipient,
    Ref,
    Repository,
    SecretWebAddress,
    SigningSecret,
    SlackApi,
    StoreAddress,
    Upper,
    WebAddress,
    YesNo,
)

MENDS: Final = {
    "SLACK_BOT_TOKEN": "copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions",
    "SLACK_SIGNING_SECRET": "copy Signing Secret from Basic Information, App Credentials",
    "STAGING_DATABASE_URL": "copy the direct or session pooler address of the staging database from Connect",
    "PRODUCTION_DATABASE_URL": "copy the direct or session pooler address of the production database from Connect",
}


class StoreVariables(BaseModel):
    """Where the journal is: all that reading it takes."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    stagedoor_store_url: StoreAddress = SecretStr("sqlite:///var/stagedoor.db")


class DoorVariables(BaseModel):
    """By which door Slack comes in: all that the app's manifest takes."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    slack_app_token: AppToken | None = None
    stagedoor_url: PublicAddress = ""

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is asked over connections of ours, and nothing is delivered over HTTP."""
        return self.slack_app_token is not None


class Variables(StoreVariables, DoorVariables):
    """Variables of the whole workspace."""

    slack_bot_token: BotToken
    slack_signing_secret: SigningSecret = Field(default=SecretStr(""), validate_default=True)
    slack_api_url: SlackApi = "https://slack.com/api/"
    stagedoor_link_key: LinkKey | None = None
    stagedoor_policy: Folder = Path("stagedoor.toml")
    stagedoor_ephemeral_ok: YesNo = False
    supabase_api_url: WebAddress = "https://api.supabase.com"
    github_api_url: WebAddress = "https://api.github.com"
    vercel_api_url: WebAddress = "https://api.vercel.com"
    netlify_api_url: WebAddress = "https://api.netlify.com"
    backup_dir: Folder = Path(os.path.expanduser("~/.local/share/stagedoor/backups"))
    backup_url: Bucket | None = None
    backup_encrypt_to: Recipient = ""
    pg_dump: Program = ""
    pager_url: SecretWebAddress | None = None
    pager_key: SecretStr | None = None
    port: Port = 3000
    host: Name = "0.0.0.0"  # noqa: S104  a container's port must be reachable from outside it
    log_format: Annotated[Literal["json", "console"] | None, Lower] = None
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Upper] = "INFO"

    @field_validator("slack_signing_secret")
    @classmethod
    def _needed_over_http(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        # an app token that is wrong is told by itself, and is not in the data here
        if not secret.get_secret_value() and info.data.get("slack_app_token", "") is None:
            raise PydanticCustomError("missing", "missing")
        return secret


class ProjectVariables(BaseModel):
    """Variables of one project; those of a project that the policy names carry its name in front."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    staging_database_url: DatabaseAddress
    production_database_url: DatabaseAddress
    staging_project_ref: Ref = ""
    production_project_ref: Ref = ""
    supabase_access_token: SecretStr | None = None
    supabase_drain_secret: SecretStr | None = None
    supabase_staging_drain_secret: SecretStr | None = None
    github_token: SecretStr | None = None
    github_repository: Repository = ""
    github_branch: str = ""
    migrations_dir: Folder = Path("supabase/migrations")


OWN: Final = ("STAGING_DATABASE_URL", "PRODUCTION_DATABASE_URL", "STAGING_PROJECT_REF", "PRODUCTION_PROJECT_REF")
"""What two projects never share; a project's other variables fall back to the ones without its name."""


def names(model: type[BaseModel]) -> tuple[str, ...]:
    """The variables that a model reads."""
    return tuple(field.upper() for field in model.model_fields)


EVERY: Final = (*names(Variables), *names(ProjectVariables))
