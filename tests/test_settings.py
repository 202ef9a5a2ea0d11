"""Variables: read once, checked together with the policy, and never printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import StagedoorError, Unknown
from bot.settings import ConfigurationError, Settings, store_address
from bot.settings.hosts import discarding_host
from bot.settings.variables import EVERY

ROOT = Path(__file__).parent.parent
HUSH = "hush-hush-hush"

GOOD = {
    "SLACK_BOT_TOKEN": f"xoxb-{HUSH}",
    "SLACK_SIGNING_SECRET": f"signing-{HUSH}",
    "STAGING_DATABASE_URL": f"postgresql://postgres:{HUSH}@staging.example:5432/postgres",
    "PRODUCTION_DATABASE_URL": f"postgresql://postgres:{HUSH}%40@production.example/postgres",
}


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(**changes: str) -> Settings:
    return Settings.load({**GOOD, **changes}, None)


def problems(environ: Mapping[str, str], dotenv: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(environ, dotenv)
    assert HUSH not in str(caught.value) + repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.problems


def only_problem(**changes: str) -> str:
    [problem] = problems({**GOOD, **changes})
    return problem


def policy(text: str) -> None:
    Path("stagedoor.toml").write_text(text)


# What is read


def test_the_least_there_is_gives_the_defaults() -> None:
    settings = load()
    assert settings.port == 3000
    assert settings.host == "0.0.0.0"
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.store_address == "sqlite:///var/stagedoor.db"
    assert settings.backup_dir == Path.home() / ".local/share/stagedoor/backups"
    assert (settings.log_format, settings.log_level) == (None, "INFO")
    assert settings.policy.apply.lock_timeout == timedelta(seconds=3)
    [project] = settings.projects.values()
    assert (project.name, project.migrations_dir, project.staging_ref) == ("default", Path("supabase/migrations"), "")


@pytest.mark.parametrize(("variable", "value", "read"), [
    ("PORT", "8080", lambda s: s.port == 8080),
    ("LOG_FORMAT", "JSON", lambda s: s.log_format == "json"),
    ("LOG_LEVEL", "debug", lambda s: s.log_level == "DEBUG"),
    ("STAGEDOOR_URL", "https://bot.example/", lambda s: s.stagedoor_url == "https://bot.example"),
    ("STAGEDOOR_STORE_URL", "sqlite:////data/s.db", lambda s: s.store_address == "sqlite:////data/s.db"),
    ("STAGEDOOR_STORE_URL", f"postgresql://u:{HUSH}@h/db", lambda s: s.store_address == f"postgresql://u:{HUSH}@h/db"),
    ("STAGEDOOR_LINK_KEY", "k" * 32, lambda s: s.link_key == b"k" * 32),
    ("SLACK_API_URL", "http://127.0.0.1:9/api/", lambda s: s.slack_api_url == "http://127.0.0.1:9/api/"),
    ("BACKUP_DIR", "~/dumps", lambda s: s.backup_dir == Path.home() / "dumps"),
    ("MIGRATIONS_DIR", "db/migrations", lambda s: s.project("default").migrations_dir == Path("db/migrations")),
    ("STAGING_PROJECT_REF", "abc", lambda s: s.project("default").staging_ref == "abc"),
    ("PRODUCTION_PROJECT_REF", "abc", lambda s: s.project("default").production_ref == "abc"),
    ("GITHUB_REPOSITORY", "owner/na.me", lambda s: s.project("default").github_repository == "owner/na.me"),
    ("STAGING_DATABASE_URL", "postgres:///db?host=/run/pg", lambda s: True),
    ("STAGING_DATABASE_URL", "postgresql://u@[::1]:5433/db", lambda s: True),
    ("STAGING_DATABASE_URL", "postgresql://u:p@a:5432,b:5433/db", lambda s: True),
    ("PORT", "  ", lambda s: s.port == 3000),
    ("NOT_OURS", "x", lambda s: True),
])
def test_a_variable_is_read(variable: str, value: str, read: Callable[[Settings], bool]) -> None:
    assert read(load(**{variable: value}))


def test_a_dotenv_file_fills_what_the_environment_leaves_open_and_dollars_stay(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("# a comment\nPORT=4000\nexport LOG_LEVEL='error'\nHOST=\nPAGER_KEY=pa$HOME${PORT}ss\n")
    settings = Settings.load({**GOOD, "PORT": "5000"}, dotenv)
    assert (settings.port, settings.log_level, settings.host) == (5000, "ERROR", "0.0.0.0")
    assert settings.pager_key is not None
    assert settings.pager_key.get_secret_value() == "pa$HOME${PORT}ss"


def test_a_variable_of_the_machine_is_not_taken_for_a_field_of_ours() -> None:
    settings = load(NAME="laptop", PREFIX="/usr", POLICY="x", PROJECTS="~/projects", NAMED="x")
    assert [(project.name, project.prefix) for project in settings.projects.values()] == [("default", "")]


def test_where_the_journal_lies_can_be_told_without_anything_else(tmp_path: Path) -> None:
    assert store_address({}, None) == "sqlite:///var/stagedoor.db"
    (tmp_path / ".env").write_text("STAGEDOOR_STORE_URL=sqlite:////data/x.db\n")
    assert store_address({}, tmp_path / ".env") == "sqlite:////data/x.db"
    with pytest.raises(ConfigurationError, match="must read sqlite:///PATH"):
        store_address({"STAGEDOOR_STORE_URL": "x.db"}, None)


def test_socket_mode_needs_no_signing_secret_and_signs_links_all_the_same() -> None:
    environ = {name: value for name, value in GOOD.items() if name != "SLACK_SIGNING_SECRET"}
    settings = Settings.load({**environ, "SLACK_APP_TOKEN": f"xapp-{HUSH}"}, None)
    assert settings.socket_mode
    assert not load().socket_mode
    another = Settings.load({**environ, "SLACK_APP_TOKEN": "xapp-another"}, None)
    assert len({settings.link_key, another.link_key, load().link_key}) == 3
    assert load(SLACK_APP_TOKEN="xapp-another").link_key == load().link_key
    assert f"xapp-{HUSH}" in settings.secrets()
    assert HUSH not in repr(settings)


def test_links_are_signed_with_a_key_of_their_own() -> None:
    assert load().link_key == load().link_key
    assert load(SLACK_SIGNING_SECRET="another").link_key != load().link_key
    assert HUSH.encode() not in load().link_key


# What is wrong, said at once


def test_everything_missing_is_named_at_once_with_where_to_get_it() -> None:
    found = problems({})
    assert [problem.split(" is missing: ")[0] for problem in found] == [
        "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "STAGING_DATABASE_URL", "PRODUCTION_DATABASE_URL",
    ]
    assert found[0] == (
        "SLACK_BOT_TOKEN is missing: copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions."
    )


def test_an_empty_variable_is_missing_and_a_mistyped_name_is_noticed() -> None:
    environ = {**GOOD, "SLACK_BOT_TOKEN": " ", "SLACK_BOT_TOEKN": HUSH}
    assert problems(environ)[0].endswith("(SLACK_BOT_TOEKN is set: is the name mistyped?).")


def test_mistakes_in_variables_and_in_the_policy_are_told_together() -> None:
    policy('[approvals]\nrequired = 0\nrequird = 1\n[apply]\nlock_timeout = "x"\n')
    found = problems({**GOOD, "PORT": "0", "SLACK_API_URL": "https://slack.example"})
    assert len(found) == 5
    assert [problem.split(":")[0] for problem in found[2:]] == [
        "stagedoor.toml, line 2", "stagedoor.toml, line 3", "stagedoor.toml, line 5",
    ]


def test_the_error_is_one_that_may_be_shown() -> None:
    with pytest.raises(StagedoorError) as caught:
        Settings.load({}, None)
    assert str(caught.value).count("\n") == 3


@pytest.mark.parametrize(("variable", "value", "told"), [
    ("SLACK_BOT_TOKEN", f"xoxp-{HUSH}", "is no bot token: copy the Bot User OAuth Token"),
    ("SLACK_SIGNING_SECRET", f"xoxb-{HUSH}", "is no signing secret: copy Signing Secret"),
    ("SLACK_APP_TOKEN", f"xoxb-{HUSH}", "is no app-level token"),
    ("SLACK_API_URL", "https://slack.example/api", "must end in /api/"),
    ("SLACK_API_URL", f"{HUSH}/api/", "is no usable address: it must read https://HOST… or http://HOST…"),
    ("STAGEDOOR_URL", "bot.example", "is no usable address"),
    ("STAGEDOOR_URL", "https://bot.example/?a=b", "must be a plain address without a query"),
    ("STAGEDOOR_LINK_KEY", "hush", "is shorter than 16 characters"),
    ("STAGEDOOR_STORE_URL", f"postgresql://u:{HUSH}@h:6543/db", "is on port 6543, the transaction pooler"),
    ("STAGEDOOR_STORE_URL", f"postgresql://u:{HUSH}@/db", "names no host"),
    ("STAGEDOOR_STORE_URL", "sqlite://", "must read sqlite:///PATH"),
    ("STAGEDOOR_STORE_URL", "stagedoor.db", "must read sqlite:///PATH"),
    ("STAGEDOOR_STORE_URL", "sqlite:///:memory:", "would keep the journal in memory"),
    ("STAGEDOOR_POLICY", "nowhere.toml", "names nowhere.toml, which does not exist"),
    ("STAGEDOOR_EPHEMERAL_OK", "perhaps", "must be 1, or left out"),
    ("PORT", "http", "must be a whole number from 1 to 65535"),
    ("PORT", "65536", "must be a whole number from 1 to 65535"),
    ("LOG_FORMAT", "xml", "must be one of json or console"),
    ("LOG_LEVEL", "chatty", "must be one of DEBUG, INFO"),
    ("STAGING_DATABASE_URL", f"postgresql://u:{HUSH}@h:6543/db", "is on port 6543, the transaction pooler"),
    ("STAGING_DATABASE_URL", f"postgresql://u:{HUSH}@h/db?port=6543", "is on port 6543"),
    ("STAGING_DATABASE_URL", f"postgresql://u:{HUSH}@a:5432,b:6543/db", "is on port 6543"),
    ("STAGING_DATABASE_URL", f"postgresql://u:{HUSH}@h/db?pgbouncer=true", "has the option pgbouncer"),
    ("STAGING_DATABASE_URL", f"postgresql://u:{HUSH}#x@h/db", "cannot be read: percent-encode"),
    ("STAGING_DATABASE_URL", "postgresql://u:[YOUR-PASSWORD]@h/db", "still holds the placeholder"),
    ("STAGING_DATABASE_URL", f"mysql://u:{HUSH}@h/db", "must read postgresql://"),
    ("STAGING_DATABASE_URL", f"host=h password={HUSH}", "must read postgresql://"),
    ("STAGING_DATABASE_URL", "postgresql:///db", "names no host"),
    ("STAGING_DATABASE_URL", GOOD["PRODUCTION_DATABASE_URL"], "are the same database"),
    ("STAGING_PROJECT_REF", "https://x.supabase.co", "must be a project ref alone"),
    ("GITHUB_REPOSITORY", "https://github.com/owner/name", "must read owner/name"),
    ("GITHUB_API_URL", "api.github.com", "is no usable address"),
    ("SUPABASE_API_URL", "ftp://x", "is no usable address"),
    ("BACKUP_URL", f"bucket?{HUSH}", "is no usable address: it must read s3://HOST…"),
    ("BACKUP_ENCRYPT_TO", f"AGE-SECRET-KEY-{HUSH}", "must be an age recipient, the public half"),
    ("PG_DUMP", "/no/such/pg_dump", "names no program that can be run"),
    ("PAGER_URL", HUSH, "is no usable address"),
])
def test_a_wrong_value_is_told_with_its_mend_and_without_the_value(variable: str, value: str, told: str) -> None:
    problem = only_problem(**{variable: value})
    assert problem.startswith(variable)
    assert told in problem
    assert problem.endswith(".")


@pytest.mark.parametrize(("content", "told"), [
    (b"PORT=4000\nthis is = no 'variable\n", ".env, line 2: this is no variable"),
    (b"\xff", "is not UTF-8 text"),
    (None, "cannot be read"),
])
def test_a_broken_dotenv_file_is_told(content: bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.mkdir() if content is None else path.write_bytes(content)
    [problem] = problems(GOOD, path)
    assert told in problem


# Disks that do not stay, folders that are published


@pytest.mark.parametrize(("environ", "host"), [
    ({}, None), ({"DYNO": "web.1"}, "Heroku"), ({"K_SERVICE": "bot"}, "Cloud Run"), ({"FLY_APP_NAME": "bot"}, "Fly"),
    ({"RENDER": "true"}, "Render"), ({"RAILWAY_PROJECT_ID": "1"}, "Railway"),
])
def test_a_host_that_discards_the_disk_is_refused_unless_the_loss_is_accepted(
    environ: dict[str, str], host: str | None,
) -> None:
    assert discarding_host(environ, Path("/app/var/x.db"), lambda folder: False) == host
    if host in ("Heroku", "Cloud Run"):
        store, backups = problems({**GOOD, **environ})
        assert store.startswith(f"STAGEDOOR_STORE_URL lies on a disk that {host} discards")
        assert backups.startswith(f"BACKUP_DIR lies on a disk that {host} discards")
        assert load(**environ, STAGEDOOR_EPHEMERAL_OK="1").stagedoor_ephemeral_ok
    if host == "Heroku":
        assert len(problems({**GOOD, **environ, "BACKUP_URL": "s3://bucket"})) == 1


@pytest.mark.parametrize("variable", ["FLY_APP_NAME", "RENDER", "RAILWAY_PROJECT_ID"])
def test_a_mounted_volume_stays(variable: str) -> None:
    def is_mount(folder: Path) -> bool:
        return folder in (Path("/data"), Path("/"))

    assert discarding_host({variable: "x"}, Path("/data/stagedoor.db"), is_mount) is None
    assert discarding_host({variable: "x"}, Path("/app/stagedoor.db"), is_mount) is not None


def test_backups_are_not_kept_in_the_repository() -> None:
    Path(".git").mkdir()
    assert "BACKUP_DIR lies in the repository" in only_problem(BACKUP_DIR="var/backups")
    load(BACKUP_DIR="../backups")


# Projects


def of_shop(prefix: str, host: str = "shop.example") -> dict[str, str]:
    return {
        f"{prefix}STAGING_DATABASE_URL": f"postgresql://u:{HUSH}@staging.{host}/db",
        f"{prefix}PRODUCTION_DATABASE_URL": f"postgresql://u:{HUSH}@{host}/db",
    }


SLACK = {name: value for name, value in GOOD.items() if name.startswith("SLACK")}


def test_a_named_project_reads_variables_with_its_name_and_shares_the_rest() -> None:
    policy("[projects.my-shop]\nmigrations = 'shop/migrations'\napply.retries = 9\n[projects.blog]\n")
    settings = Settings.load({
        **SLACK, **of_shop("MY_SHOP_"), **of_shop("BLOG_", "blog.example"), "MY_SHOP_STAGING_PROJECT_REF": "shopref",
        "GITHUB_TOKEN": "shared", "BLOG_GITHUB_TOKEN": "own", "MIGRATIONS_DIR": "common",
    }, None)
    shop, blog = settings.project("my-shop"), settings.project("blog")
    assert set(settings.projects) == {"my-shop", "blog"}
    assert (shop.staging_ref, blog.staging_ref) == ("shopref", "")
    assert (shop.migrations_dir, blog.migrations_dir) == (Path("shop/migrations"), Path("common"))
    assert (shop.policy.apply.retries, blog.policy.apply.retries) == (9, 5)
    assert shop.github_token is not None
    assert blog.github_token is not None
    assert (shop.github_token.get_secret_value(), blog.github_token.get_secret_value()) == ("shared", "own")
    assert shop.variable("PRODUCTION_DATABASE_URL") == "MY_SHOP_PRODUCTION_DATABASE_URL"
    with pytest.raises(Unknown, match="There is: blog, my-shop"):
        settings.project("shp")


def test_a_projects_own_folder_variable_wins_over_the_policy() -> None:
    policy("[projects.shop]\nmigrations = 'shop/migrations'\n")
    settings = Settings.load({**SLACK, **of_shop("SHOP_"), "SHOP_MIGRATIONS_DIR": "mine"}, None)
    assert settings.project("shop").migrations_dir == Path("mine")


@pytest.mark.parametrize(("text", "environ", "names"), [
    ("", GOOD, {"default": ""}),
    ("[projects.shop]", GOOD, {"shop": ""}),
    ("[projects.default]", GOOD, {"default": ""}),
    ("[projects.shop]", SLACK | of_shop("SHOP_"), {"shop": "SHOP_"}),
    ("[projects.shop]", GOOD | of_shop("SHOP_"), {"shop": "SHOP_", "default": ""}),
    (
        "[projects.shop]\n[projects.blog]", GOOD | of_shop("SHOP_") | of_shop("BLOG_", "blog.example"),
        {"shop": "SHOP_", "blog": "BLOG_", "default": ""},
    ),
])
def test_which_projects_there_are(text: str, environ: dict[str, str], names: dict[str, str]) -> None:
    policy(text)
    projects = Settings.load(environ, None).projects
    assert {name: project.prefix for name, project in projects.items()} == names


@pytest.mark.parametrize(("text", "environ", "told"), [
    ("[projects.shop]\n[projects.blog]", of_shop("SHOP_"), [
        "BLOG_STAGING_DATABASE_URL is missing", "BLOG_PRODUCTION_DATABASE_URL is missing",
    ]),
    ("[projects.a-b]\n[projects.a_b]", of_shop("A_B_"), ["projects.a-b and projects.a_b would both read A_B_…"]),
    ("[projects.a]\n[projects.b]", of_shop("A_") | of_shop("B_"), [
        "A_PRODUCTION_DATABASE_URL and B_PRODUCTION_DATABASE_URL are the same database",
    ]),
    ("[projects.shop]", of_shop("SHOP_") | {"SHOP_STAGING_PROJECT_REF": "x", "SHOP_PRODUCTION_PROJECT_REF": "x"}, [
        "SHOP_STAGING_PROJECT_REF and SHOP_PRODUCTION_PROJECT_REF are the same project",
    ]),
    ("[projects.shop]\nwrong = 1\n", of_shop("SHOP_") | {"SHOP_MIGRATIONS_DIR": "x"}, ["line 2: projects.shop.wrong"]),
    ("[projects.shop]\nwrong", of_shop("SHOP_"), ["line 2: this is not TOML"]),
])
def test_what_is_wrong_with_a_named_project_is_told(text: str, environ: dict[str, str], told: list[str]) -> None:
    policy(text)
    found = problems(SLACK | environ)
    assert [expected in problem for problem, expected in zip(found, told, strict=True)] == [True] * len(told)


# What the policy names


def test_an_address_that_the_policy_names_is_read_and_secret() -> None:
    policy("[flags.X]\nkind = 'webhook'\nurl_env = 'X_HOOK'\n")
    assert "X_HOOK is missing: the policy names it in flags.X.url_env." in problems(GOOD)
    assert only_problem(X_HOOK=HUSH).startswith("X_HOOK, which the policy names in flags.X.url_env, is no usable")
    settings = load(X_HOOK=f"https://hooks.example/{HUSH}")
    assert settings.named["X_HOOK"].get_secret_value() in settings.secrets()


# Secrets


def test_no_secret_shows_in_the_settings_own_text() -> None:
    settings = load(PAGER_KEY=HUSH, SUPABASE_ACCESS_TOKEN=HUSH, BACKUP_URL=f"s3://k:{HUSH}@bucket")
    assert HUSH not in repr(settings) + str(settings) + settings.model_dump_json()


def test_the_scrubber_learns_every_secret_and_the_passwords_inside_addresses() -> None:
    secrets = load(PAGER_KEY="pager-key", GITHUB_TOKEN="github-token").secrets()
    assert {*GOOD.values(), HUSH, f"{HUSH}%40", f"{HUSH}@", "pager-key", "github-token"} <= set(secrets)
    assert load().link_key.hex() in secrets
    assert not any(secret.startswith("sqlite:") for secret in secrets)


# The documentation


def test_every_variable_is_documented_and_nothing_else() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(EVERY)
