"""The tables of the policy file with their defaults; the names are the file's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from enum import StrEnum
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from bot.domain.entry import Json
from bot.errors import Unknown
from bot.policy.values import (
    Address,
    AtLeastOne,
    Count,
    DailyTime,
    Duration,
    Holidays,
    Percent,
    PositiveDuration,
    SaidText,
    Text,
    VariableName,
    WindowEnd,
    WindowStart,
    Yes,
    Zone,
)

DEFAULT_PROJECT = "default"


class Weekday(StrEnum):
    """A day of the week by the name that the policy file uses; `number` counts from Monday = 0, as datetime does."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        return list(Weekday).index(self)


class Table(BaseModel):
    """A table of the policy file: frozen, and no key is read that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Channels(Table):
    """Where Stagedoor speaks; a name or an id each."""

    deploys: SaidText = "#deploys"
    incidents: SaidText = "#incidents"


class Roles(Table):
    """Who may use the bot; user ids (U…) and user group ids (S…). Empty operators are the members."""

    members: tuple[SaidText, ...] = Field(default=(), examples=[["U0ANA0001"]])
    operators: tuple[SaidText, ...] = Field(default=(), examples=[["S012OPS"]])


def _at_least_as_many(approvals: dict[str, Any]) -> int:
    return max(2, int(approvals["required"]))


class Approvals(Table):
    """Who approves, and how many must. No approvers: nobody can."""

    approvers: tuple[SaidText, ...] = Field(default=(), examples=[["U0ANA0001", "S012DBA"]])
    required: AtLeastOne = 1
    required_destructive: AtLeastOne = Field(default_factory=_at_least_as_many, examples=[2])
    requester_may_approve: Yes = False
    expire_after: PositiveDuration = timedelta(hours=72)

    @field_validator("required_destructive")
    @classmethod
    def _not_fewer(cls, number: int, info: ValidationInfo) -> int:
        required = info.data.get("required", 1)
        if number < required:
            raise ValueError(
                f"is {number}, fewer than approvals.required ({required}): what destroys data needs at least as many",
            )
        return number


GateName = Literal[
    "on_staging", "not_modified", "in_order", "drift", "one_transaction", "sql_check", "rollback_plan", "backup",
    "what_broke", "pull_request",
]
"""The automatic gates; a test compares them with the ones there are."""


class Gates(Table):
    """The ticks that a person gives, and the automatic gates that are left out."""

    manual: tuple[SaidText, ...] = ("Frontend tested with staging", "Edge cases tested")
    after: tuple[SaidText, ...] = ("Data displays correctly", "Users can sign in", "Exports work")
    skip: tuple[GateName, ...] = Field(default=(), examples=[["rollback_plan"]])
    evidence_expires: PositiveDuration = timedelta(days=7)


class Apply(Table):
    """How long a migration may wait for locks and run, and how often it is tried again after a lock time-out."""

    lock_timeout: PositiveDuration = timedelta(seconds=3)
    statement_timeout: PositiveDuration = timedelta(minutes=15)
    retries: Count = 5


class Deploy(Table):
    """Whether somebody must be there, and whose holidays are freezes."""

    attended: Yes = True
    holidays: Holidays = Field(default="", examples=["DE", "US-CA"])


class Watch(Table):
    """How closely production is watched after a promotion, and what counts as trouble."""

    poll: PositiveDuration = timedelta(seconds=15)
    first_look: Duration = timedelta(minutes=5)
    duration: Duration = timedelta(minutes=30)
    after_incident: Duration = timedelta(hours=1)
    slow_query_ms: AtLeastOne = 1000
    error_threshold: AtLeastOne = 1
    learning: Duration = timedelta()
    health: tuple[Address, ...] = Field(default=(), examples=[["https://shop.example/health"]])
    heartbeat_env: VariableName = Field(default="", examples=["HEARTBEAT_URL"])
    blocked: PositiveDuration = timedelta(seconds=30)
    idle_in_transaction: PositiveDuration = timedelta(minutes=5)
    long_transaction: PositiveDuration = timedelta(minutes=15)
    connections_percent: Percent = 90
    failing_requests: AtLeastOne = 5
    failing_percent: Percent = 5
    new_an_hour: AtLeastOne = 10
    quiet: PositiveDuration = timedelta(minutes=15)
    page: tuple[Literal["stopped", "alarm", "fatal", "rollback"], ...] = ("stopped", "alarm", "fatal", "rollback")


class Mute(Table):
    """Alerts that nobody is told of until a moment; `pattern` is compared with title and text, `*` is anything."""

    pattern: SaidText = Field(examples=["*book_events*"])
    until: AwareDatetime = Field(examples=["2026-12-01T08:00:00Z"])
    reason: SaidText = Field(examples=["known, mended with the next release"])


class Frontend(Table):
    """Pages that must load."""

    staging: tuple[Address, ...] = Field(default=(), examples=[["https://staging.shop.example/"]])
    production: tuple[Address, ...] = Field(default=(), examples=[["https://shop.example/"]])


class Backups(Table):
    """What is kept before a promotion, how it is proven, and for how long."""

    when: Literal["destructive", "always", "never"] = "destructive"
    scope: Literal["all", "touched"] = "all"
    keep_rows: Yes = True
    schedule: DailyTime = Field(default=None, examples=["03:00"])
    proof: Literal["read", "restore"] = "read"
    daily: Count = 7
    weekly: Count = 4
    monthly: Count = 12

    @field_validator("monthly")
    @classmethod
    def _something_is_kept(cls, monthly: int, info: ValidationInfo) -> int:
        if not monthly and info.data.get("daily") == 0 and info.data.get("weekly") == 0:
            raise ValueError("is 0 like daily and weekly, so that every dump would be deleted at once")
        return monthly


class Rollback(Table):
    """When a rollback needs no further approval."""

    preapproved: Duration = timedelta(hours=12)
    break_glass_after: Duration = timedelta(minutes=10)


class Incidents(Table):
    """Who is called, and when a report is due."""

    on_call: tuple[SaidText, ...] = Field(default=(), examples=[["S012ONCALL"]])
    report_due: PositiveDuration = timedelta(hours=24)
    reminders: tuple[Duration, ...] = (timedelta(hours=12), timedelta(hours=4), timedelta(hours=1), timedelta())
    digest: DailyTime = Field(default=None, examples=["08:00"])
    log: Text = Field(default="", examples=["docs/incidents"])
    issues: Yes = False
    keep_edited: Yes = True


def _webhook_has_address(name: str, info: ValidationInfo) -> str:
    if not name and info.data.get("kind") == "webhook":
        raise ValueError("is missing: a webhook needs the name of the variable that holds its address")
    return name


def _host_has_token(name: str, info: ValidationInfo) -> str:
    if not name and info.data.get("kind") in ("vercel", "netlify"):
        raise ValueError("is missing: it takes the name of the variable that holds a token for it")
    return name


def _host_has_project(name: str, info: ValidationInfo) -> str:
    if not name and info.data.get("kind") in ("vercel", "netlify"):
        raise ValueError("is missing: it takes the project (Vercel) or the site (Netlify), by its id")
    return name


class Revert(Table):
    """How a code deployment is taken back."""

    kind: Literal["webhook", "vercel", "netlify", "github-workflow", "manual"] = "manual"
    url_env: VariableName = Field(default="", validate_default=True, examples=["REVERT_HOOK"])
    token_env: VariableName = Field(default="", validate_default=True, examples=["VERCEL_TOKEN"])
    project: Text = Field(default="", validate_default=True, examples=["prj_shop"])
    team: Text = Field(default="", examples=["team_books"])
    workflow: Text = Field(default="", validate_default=True, examples=["rollback.yml"])
    steps: tuple[SaidText, ...] = Field(default=(), examples=[["Open the host's list of deployments"]])

    _where = field_validator("url_env")(_webhook_has_address)
    _key = field_validator("token_env")(_host_has_token)
    _which = field_validator("project")(_host_has_project)

    @field_validator("workflow")
    @classmethod
    def _names_its_file(cls, name: str, info: ValidationInfo) -> str:
        if not name and info.data.get("kind") == "github-workflow":
            raise ValueError("is missing: a workflow needs the name of its file")
        return name


class Window(Table):
    """When deploys are open. Where `end` is not after `start`, the window ends on the next day."""

    days: tuple[Weekday, ...] = Field(default=tuple(Weekday), min_length=1, examples=[["mon", "tue", "wed", "thu"]])
    start: WindowStart = Field(examples=["22:00"])
    end: WindowEnd = Field(examples=["02:00"])
    timezone: Zone = Field(examples=["Europe/Berlin"])

    @field_validator("end")
    @classmethod
    def _opens(cls, end: time, info: ValidationInfo) -> time:
        start = info.data.get("start")
        if start == end and start != time():
            raise ValueError('equals start, so the window never opens; a whole day is start = "00:00", end = "24:00"')
        return end

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def crosses_midnight(self) -> bool:
        """True where the end falls on the day after the one named in `days` (24:00 included)."""
        return self.end <= self.start


class Flag(Table):
    """A switch that `Stop the bleeding` offers."""

    kind: Literal["webhook", "vercel", "netlify", "manual"] = "manual"
    url_env: VariableName = Field(default="", validate_default=True, examples=["MULTI_REGION_HOOK"])
    token_env: VariableName = Field(default="", validate_default=True, examples=["VERCEL_TOKEN"])
    project: Text = Field(default="", validate_default=True, examples=["prj_shop"])
    team: Text = Field(default="", examples=["team_books"])
    variable: Text = Field(default="", examples=["VITE_ENABLE_MULTI_REGION"])
    off: Text = "false"
    on: Text = Field(default="", examples=["true"])
    steps: tuple[SaidText, ...] = Field(default=(), examples=[["Set it in the dashboard", "Deploy again"]])

    _where = field_validator("url_env")(_webhook_has_address)
    _key = field_validator("token_env")(_host_has_token)
    _which = field_validator("project")(_host_has_project)


class Policy(Table):
    """The rules of one workspace, or, by `for_project`, of one project in it."""

    channels: Channels = Channels()
    roles: Roles = Roles()
    approvals: Approvals = Approvals()
    gates: Gates = Gates()
    apply: Apply = Apply()
    deploy: Deploy = Deploy()
    watch: Watch = Watch()
    frontend: Frontend = Frontend()
    backups: Backups = Backups()
    rollback: Rollback = Rollback()
    incidents: Incidents = Incidents()
    revert: Revert = Revert()
    windows: tuple[Window, ...] = ()
    mutes: tuple[Mute, ...] = ()
    people: Mapping[str, SaidText] = Field(default={}, examples=["U0ANA0001"])
    flags: Mapping[str, Flag] = Field(default={})
    projects: Mapping[str, Project] = Field(default={}, exclude=True)

    def for_project(self, name: str) -> Policy:
        """The rules of one project: the file's tables with that project's own on top."""
        if name in self.projects:
            return self.projects[name].policy
        if name == DEFAULT_PROJECT:
            return self.model_copy(update={"projects": {}})
        raise Unknown(f"There is no project `{name}`. There is: {', '.join(sorted(self.projects)) or DEFAULT_PROJECT}.")

    def slack_id(self, login: str) -> str | None:
        """The Slack id of a GitHub login (whose case does not matter), or None."""
        return next((slack for known, slack in self.people.items() if known.lower() == login.lower()), None)

    def variables(self) -> dict[str, str]:
        """Environment variables that this policy names, each with the key that names it."""
        named = {self.watch.heartbeat_env: "watch.heartbeat_env", self.revert.url_env: "revert.url_env"}
        named |= {flag.url_env: f"flags.{name}.url_env" for name, flag in self.flags.items()}
        return {variable: key for variable, key in named.items() if variable}

    def tokens(self) -> dict[str, str]:
        """Environment variables that hold a token which this policy names, each with the key that names it."""
        named = {self.revert.token_env: "revert.token_env"}
        named |= {flag.token_env: f"flags.{name}.token_env" for name, flag in self.flags.items()}
        return {variable: key for variable, key in named.items() if variable}

    def canonical(self) -> dict[str, Json]:
        """Everything as plain JSON, defaults included, in a fixed form: equal policies give equal values."""
        plain: dict[str, Json] = self.model_dump(mode="json")
        if self.projects:
            plain["projects"] = {
                name: {"migrations": project.migrations, **project.policy.canonical()}
                for name, project in sorted(self.projects.items())
            }
        return plain


class Project(Table):
    """One of several projects: where its migrations are (empty: as the variables say) and its whole policy."""

    migrations: Text = Field(default="", examples=["supabase/migrations"])
    policy: Policy


Policy.model_rebuild()
