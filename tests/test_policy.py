"""The policy file: what it may say, what it says by default, and how a mistake in it is told."""

from __future__ import annotations

import json
import tomllib
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Unknown
from bot.policy import (
    ConfigurationError,
    Policy,
    Weekday,
    changes,
    format_duration,
    load_policy,
    parse_duration,
    parse_policy,
)
from bot.policy.lines import key_lines, line_of

ROOT = Path(__file__).parent.parent

WINDOW = """
[[windows]]
days = ["mon", "tue"]
start = "22:00"
end = "02:00"
timezone = "Europe/Berlin"
"""


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        parse_policy(text)
    return caught.value.problems


def only_problem(text: str) -> str:
    [problem] = problems(text)
    return problem


# Defaults and examples


OF_ONE_KIND = {"url_env", "token_env", "project", "team", "workflow", "steps"}
"""Keys that mean nothing where people do it by hand, which is the default."""


def test_an_empty_file_and_no_file_are_the_defaults(tmp_path: Path) -> None:
    assert parse_policy("") == Policy() == load_policy(tmp_path / "stagedoor.toml")


def test_the_example_file_holds_the_defaults_and_every_key() -> None:
    text = (ROOT / "stagedoor.example.toml").read_text()
    assert parse_policy(text) == Policy()
    said = tomllib.loads(text)
    for table, keys in Policy().canonical().items():
        if isinstance(keys, dict) and table not in ("people", "flags"):
            assert set(said[table]) >= set(keys) - OF_ONE_KIND, table


def test_the_examples_that_are_commented_out_are_valid_too() -> None:
    text = (ROOT / "stagedoor.example.toml").read_text()
    lines = [line.removeprefix("#: ") for line in text.splitlines()]
    policy = parse_policy("\n".join(lines))
    assert policy.windows[0].timezone == "Europe/Berlin"
    assert policy.projects["shop"].policy.approvals.approvers == ("S012SHOP",)


def test_every_key_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "policy.md").read_text()
    tables = {**Policy().canonical(), "windows": [], "projects": {"migrations": ""}}
    for table, keys in tables.items():
        assert f"[{table}" in page, table
        for key in keys if isinstance(keys, dict) else ():
            assert f"`{key}`" in page, f"{table}.{key}"


def test_nobody_approves_by_default() -> None:
    assert Policy().approvals.approvers == ()


def test_durations_clock_times_and_days_are_values() -> None:
    policy = parse_policy(WINDOW + '[apply]\nlock_timeout = "500ms"\n[backups]\nschedule = "03:00"')
    [window] = policy.windows
    assert policy.apply.lock_timeout == timedelta(milliseconds=500)
    assert policy.backups.schedule == time(3, 0)
    assert window.days == (Weekday.MON, Weekday.TUE)
    assert window.crosses_midnight
    assert window.zone.key == "Europe/Berlin"
    assert [day.number for day in Weekday] == list(range(7))


@pytest.mark.parametrize(("start", "end", "crosses"), [
    ("22:00", "02:00", True), ("22:00", "24:00", True), ("09:00", "17:00", False), ("00:00", "24:00", True),
])
def test_a_window_whose_end_is_not_after_its_start_ends_on_the_next_day(start: str, end: str, crosses: bool) -> None:
    text = WINDOW.replace("22:00", start).replace("02:00", end)
    [window] = parse_policy(text).windows
    assert window.crosses_midnight is crosses


def test_people_that_slack_may_not_know_are_no_mistake() -> None:
    policy = parse_policy('[roles]\nmembers = ["UNOBODY", "ana"]\n[channels]\ndeploys = "#gone"')
    assert policy.roles.members == ("UNOBODY", "ana")


def test_a_login_is_found_whatever_its_case() -> None:
    policy = parse_policy('[people]\nAna-Dev = "U0ANA0001"')
    assert policy.slack_id("ana-dev") == "U0ANA0001"
    assert policy.slack_id("bo") is None


def test_destructive_promotions_need_as_many_approvals_as_others_where_nothing_else_is_said() -> None:
    assert parse_policy("[approvals]\nrequired = 3").approvals.required_destructive == 3


# Mistakes

MISTAKES = [
    ("[approvals]\nrequird = 2", "line 2: approvals.requird is unknown: did you mean required."),
    ("x = 1", "line 1: x is unknown; the file can have channels, roles"),
    ('gates.skip = ["nope"]', 'line 1: gates.skip[1] must be one of "on_staging"'),
    ("\n\n[aprovals]", "line 3: aprovals is unknown: did you mean approvals."),
    ("approvals = 1", "line 1: approvals must be a table, for example [approvals]."),
    ('[approvals]\nrequired = "2"', "line 2: approvals.required must be a whole number, for example required = 1."),
    ("[approvals]\nrequired = true", "line 2: approvals.required must be a whole number"),
    ("[approvals]\nrequired = 0", "line 2: approvals.required must be 1 or more"),
    ("[approvals]\nrequired = 2\nrequired_destructive = 1", "line 3: approvals.required_destructive is 1, fewer than"),
    ('[approvals]\napprovers = "U1"', "line 2: approvals.approvers must be a list in square brackets"),
    ('[approvals]\napprovers = [\n  "U1",\n  7,\n]', "line 4: approvals.approvers[2] must be text in quotes"),
    ("[approvals]\nrequester_may_approve = 1", "line 2: approvals.requester_may_approve must be true or false"),
    ("[approvals]\nexpire_after = 72", 'line 2: approvals.expire_after must be a duration in quotes'),
    ('[apply]\nlock_timeout = "3 parsecs"', 'with a unit (ms, s, m, h, d, w), for example lock_timeout = "3s".'),
    ('[apply]\nlock_timeout = "0s"', "line 2: apply.lock_timeout must be longer than nothing"),
    ('[watch]\nlearning = "99999w"', "line 2: watch.learning is longer than ten years."),
    ('[watch]\nlearning = "999999999w"', "line 2: watch.learning is longer than ten years."),
    ('[watch]\nhealth = ["ftp://x"]', "line 2: watch.health[1] must be a web address"),
    ('[watch]\nhealth = ["https://u:hush@x"]', "line 2: watch.health[1] carries a password"),
    ('[watch]\nheartbeat_env = "https://x/hush"', "line 2: watch.heartbeat_env must be the name of an environment"),
    ('[backups]\nwhen = "sometimes"', 'line 2: backups.when must be one of "destructive", "always" or "never".'),
    ('[backups]\nschedule = "25:00"', 'line 2: backups.schedule is "25:00", a time that no clock shows'),
    ('[backups]\nschedule = "3:00"', "line 2: backups.schedule must be a clock time in quotes with two digits each"),
    ("[backups]\ndaily = 0\nweekly = 0\nmonthly = 0", "line 4: backups.monthly is 0 like daily and weekly"),
    ('[deploy]\nholidays = "Germany"', "line 2: deploy.holidays must be a country code in capitals"),
    ('[deploy]\nholidays = "XX"', 'line 2: deploy.holidays is "XX", a country whose holidays are not known'),
    ('[deploy]\nholidays = "US-ZZ"', 'line 2: deploy.holidays is "US-ZZ", a region whose holidays are not known'),
    ('[gates]\nmanual = [""]', "line 2: gates.manual[1] must not be blank"),
    ('[incidents]\nreminders = ["soon"]', "line 2: incidents.reminders[1] must be a duration"),
    ('[revert]\nkind = "webhook"', "line 1: revert.url_env is missing: a webhook needs the name of the variable"),
    ('[flags.X]\nkind = "webhook"', "line 1: flags.X.url_env is missing"),
    ('[flags.X]\nof = "no"', "line 2: flags.X.of is unknown: did you mean off."),
    ("[people]\nana = 3", "line 2: people.ana must be text in quotes"),
    ("windows = 1", "line 1: windows must be a list"),
    ("[windows]\n", "line 1: windows must be a list"),
    (WINDOW + 'zone = "x"', "line 7: windows[1].zone is unknown: did you mean timezone."),
    (WINDOW.replace("Berlin", "Berln"), 'line 6: windows[1].timezone is no time zone: did you mean "Europe/Berlin".'),
    (WINDOW.replace('"tue"', '"tues"'), 'line 3: windows[1].days[2] must be one of "mon", "tue"'),
    (WINDOW.replace("22:00", "24:00"), 'line 4: windows[1].start is "24:00", where the day is over'),
    (WINDOW.replace("02:00", "22:00"), "line 5: windows[1].end equals start, so the window never opens"),
    (WINDOW.replace('end = "02:00"', ""), 'line 2: windows[1].end is missing, for example end = "02:00".'),
    ("[projects.shop]\nmigrations = 3", "line 2: projects.shop.migrations must be text in quotes"),
    ("[projects.shop]\nmigratons = 'x'", "line 2: projects.shop.migratons is unknown: did you mean migrations."),
    ('[projects."a b"]\n', 'line 1: projects."a b" needs a name of letters'),
    ("projects = 1", "line 1: projects must hold one table a project"),
    ("[projects]\nshop = 1", "line 2: projects.shop must be a table"),
    ("[projects.shop]\napply = { lock_timeot = '1s' }", "line 2: projects.shop.apply.lock_timeot is unknown"),
    (
        "[approvals]\nrequired_destructive = 2\n[projects.shop]\napprovals.required = 3",
        "line 4: projects.shop.approvals.required_destructive is 2, fewer than approvals.required (3)",
    ),
    ("[approvals]\nrequired = ", "line 2: this is not TOML, at the end: invalid value."),
    ("[approvals\n", "line 1: this is not TOML, column 11: expected ']'"),
    ("a = 1\na = 2\n", "line 2: this is not TOML"),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES, ids=[told[:60] for _, told in MISTAKES])
def test_a_mistake_is_told_with_its_line_its_key_and_what_would_be_right(text: str, told: str) -> None:
    problem = only_problem(text)
    assert told in problem
    assert problem.startswith("stagedoor.toml, line ")
    assert problem.endswith(".")
    assert "hush" not in problem


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problems('[watch]\npoll = 1\n[approvals]\nrequired = "1"\nrequester = true\n' + WINDOW + "x = 1")
    assert [problem.split(":")[0].rpartition(" ")[2] for problem in found] == ["2", "4", "5", "12"]


def test_a_mistake_in_the_common_tables_is_not_told_again_for_each_project() -> None:
    assert len(problems("[apply]\nretries = -1\n[projects.a]\n[projects.b]\n")) == 1


@pytest.mark.parametrize(("content", "told"), [(b"\xff\xfe", "is not UTF-8 text"), (None, "cannot be read")])
def test_a_file_that_cannot_be_read_is_told(content: bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "stagedoor.toml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=told):
        load_policy(path)


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "stagedoor.toml"
    path.write_bytes(b"\xef\xbb\xbf[approvals]\r\nrequired = 2\r\n")
    assert load_policy(path).approvals.required == 2
    path.write_bytes(b"[approvals]\r\n# a\r\nrequired = 0\r\n")
    with pytest.raises(ConfigurationError, match="line 3"):
        load_policy(path)


# Projects

SHOP = """
[approvals]
approvers = ["U1"]
required = 2
[flags.A]
[projects.shop]
migrations = "shop/migrations"
channels = { deploys = "#shop-deploys" }
approvals = { approvers = ["S012SHOP"] }
flags.B.off = "0"
[projects.blog]
"""


def test_a_project_has_its_own_tables_on_top_of_the_common_ones() -> None:
    policy = parse_policy(SHOP)
    shop, blog = policy.for_project("shop"), policy.for_project("blog")
    assert (shop.approvals.approvers, shop.approvals.required) == (("S012SHOP",), 2)
    assert (shop.channels.deploys, shop.channels.incidents) == ("#shop-deploys", "#incidents")
    assert set(shop.flags) == {"A", "B"}
    assert policy.projects["shop"].migrations == "shop/migrations"
    assert blog.canonical() == {key: value for key, value in policy.canonical().items() if key != "projects"}


def test_an_unknown_project_is_told_with_those_there_are() -> None:
    with pytest.raises(Unknown, match="There is: blog, shop"):
        parse_policy(SHOP).for_project("shp")
    assert Policy().for_project("default") == Policy()


# The canonical form


def test_the_canonical_form_is_json_and_reads_back_as_the_same_policy() -> None:
    policy = parse_policy(SHOP + WINDOW)
    again = json.loads(json.dumps(policy.canonical()))
    assert again == policy.canonical()
    assert parse_policy(tomlkit.dumps(again)).canonical() == policy.canonical()


def test_what_changed_is_said_key_by_key() -> None:
    before, after = parse_policy("[flags.A]"), parse_policy(SHOP.split("[projects.shop]")[0] + WINDOW)
    assert changes(before.canonical(), after.canonical())[:2] == [
        'approvals.approvers: [] → ["U1"]', "approvals.required: 1 → 2",
    ]
    assert changes(after.canonical(), before.canonical())[-1].startswith('windows: [{"days": ["mon", "tue"]')
    said = changes(Policy().canonical(), before.canonical())
    assert said[:2] == ['flags.A.kind: not set → "manual"', 'flags.A.url_env: not set → ""']
    assert 'flags.A.off: not set → "false"' in said
    assert changes(before.canonical(), before.canonical()) == []


# Durations


@pytest.mark.parametrize(("text", "seconds"), [
    ("3s", 3), ("15m", 900), ("72h", 259_200), ("7d", 604_800), ("2w", 1_209_600), ("0h", 0), ("250ms", 0.25),
    ("1h30m", 5400), ("1h 30m", 5400), (" 5s ", 5),
])
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "3", "s", "-3s", "1.5h", "3 s", "3S", "\uff13s", "3s!", "1e3s", 3, None, ["3s"]])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


@given(st.integers(0, 3660 * 24 * 3600 * 1000))
def test_a_duration_written_is_the_duration_read(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(alphabet="0123456789wdhms -.", max_size=20))
def test_no_text_makes_the_reader_of_durations_stumble(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert parse_duration(format_duration(duration)) == duration


# Lines

TOML = '''# a comment with [brackets] = and "quotes
title = "x [y] # z"
a.b."c.d" = 1        # dotted
text = """
[not.a.table]
key = "no" \\"""
"""
raw = \'\'\'
[neither]
\'\'\'
list = [
  1, # one ]
  { x = 1, y = [2, 3] },
  "]",
]
[ t . "u v" ]
inline = { k = { deep = "}" }, m = 1979-05-27 07:32:00 }
[[w]]
n = 1
[w.sub]
p = 1
[[w]]
n = 2
[[w.inner]]
q = 1
'''


@pytest.mark.parametrize(("path", "line"), [
    (("title",), 2), (("a", "b", "c.d"), 3), (("a",), 3), (("text",), 4), (("raw",), 8), (("list",), 11),
    (("list", 0), 12), (("list", 1, "y", 1), 13), (("list", 2), 14), (("t", "u v"), 16),
    (("t", "u v", "inline", "k", "deep"), 17), (("t", "u v", "inline", "m"), 17), (("w",), 18), (("w", 0, "n"), 19),
    (("w", 0, "sub", "p"), 21), (("w", 1, "n"), 23), (("w", 1, "inner", 0, "q"), 25), (("w", 1, "nothing"), 22),
    (("nothing",), 1),
])
def test_the_line_of_a_key_is_found(path: tuple[str | int, ...], line: int) -> None:
    tomllib.loads(TOML)
    assert line_of(key_lines(TOML), path) == line


KEYS = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
SCALARS = st.one_of(
    st.integers(-(2**40), 2**40), st.booleans(), st.floats(allow_nan=False),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12),
)
TABLES = st.recursive(
    st.dictionaries(KEYS, SCALARS, max_size=4),
    lambda inner: st.dictionaries(
        KEYS, st.one_of(SCALARS, inner, st.lists(SCALARS, max_size=3), st.lists(inner, min_size=1, max_size=3)),
        max_size=4,
    ),
    max_leaves=12,
)


def paths(value: Any, at: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {at}.union(*(paths(each, (*at, key)) for key, each in inner))


@settings(deadline=None)
@given(TABLES)
def test_every_key_of_any_file_has_a_line_and_no_line_is_made_up(data: dict[str, Any]) -> None:
    text = tomlkit.dumps(data)
    read = tomllib.loads(text)
    assert set(key_lines(text)) == paths(read) - {()}
