"""What counts as a secret in text, what does not, and that scrubbing is quick, repeatable and never fails."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.entry import Json
from bot.scrub import MARK, Scrubber

OWN = "correct-horse/battery staple"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEow+/IBAAKC\nAQEA==\n-----END RSA PRIVATE KEY-----"

# Token shapes are put together here, so that no scanner of repositories takes this file for a leak.
TOKENS = [
    JWT, "sb_" + "secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz", "sbp_" + "0123456789abcdef" * 2,
    "sbp_" + "v0_0123456789abcdef0123",
    "xoxb-" + "1234567890-ABCdef", "xoxp-" + "1234567890-ABCdef", "xoxa-" + "2-1234567890", "xoxr-" + "1234567890",
    "xoxe." + "xoxp-1-Mi0yLTEyMzQ1Njc4", "xapp-" + "1-A0123-456-abcdef", "ghp_" + "a1B2" * 9, "gho_" + "a1B2" * 9,
    "ghs_" + "a1B2" * 9, "github_" + "pat_11ABCDEFG0123456789_abcdefghij", "AKIA" + "IOSFODNN7EXAMPLE",
    "AGE-SECRET-" + "KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQS3290GQ", PEM, OWN, quote(OWN, safe=""),
    quote(OWN, safe="").lower(), quote(OWN), OWN.replace(" ", "+").replace("/", "%2F"),
]

scrub = Scrubber([OWN, "short", "correct-horse/bat"])


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("around", ["{}", "see {} there", "key='{}',", '{{"k": "{}"}}', "line\\n{}", "({})", "x={};y"])
def test_a_token_goes_wherever_it_stands(token: str, around: str) -> None:
    assert scrub(around.format(token)) == around.format(MARK)


@pytest.mark.parametrize(("text", "clean"), [
    ("postgres://postgres:hunter2@db.x.co:5432/postgres", "postgres://postgres:[secret]@db.x.co:5432/postgres"),
    ("postgresql://u.ref:p%40ss@h/d?sslmode=require", "postgresql://u.ref:[secret]@h/d?sslmode=require"),
    ("at postgres://u:p@ss@h/d, then", "at postgres://u:[secret]@h/d, then"),
    ("postgres://u:it's@h/d", "postgres://u:[secret]@h/d"),
    ("postgres://u:pa/ss@h/d", "postgres://u:[secret]@h/d"),
    ("postgres://u:a@h1/d,postgres://u:b@h2/d", "postgres://u:[secret]@h1/d,postgres://u:[secret]@h2/d"),
    ("redis://:hunter2@h", "redis://:[secret]@h"),
    ("postgres://u@h/d?password=hunter2&a=b", "postgres://u@h/d?password=[secret]&a=b"),
    ("host=h user=u password=hunter2 port=1", "host=h user=u password=[secret] port=1"),
    (r"password='hun\'ter 2' port=1", "password='[secret]' port=1"),
    ("PGPASSWORD=hunter2 psql", "PGPASSWORD=[secret] psql"),
    ('{"password": "hunter2", "a": 1}', '{"password": "[secret]", "a": 1}'),
    ("ALTER ROLE a PASSWORD 'hun''ter2';", "ALTER ROLE a PASSWORD '[secret]';"),
    ("Authorization: Bearer abcdefghijklmnop0123", "Authorization: Bearer [secret]"),
    ("authorization: basic dTpw", "authorization: basic [secret]"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_SECRET_ACCESS_KEY=[secret]"),
    (f"{PEM[:60]}", "[secret]"),
    ("correct-horse/bat", "[secret]"),
])
def test_a_secret_goes_and_the_rest_stays(text: str, clean: str) -> None:
    assert scrub(text) == clean


@pytest.mark.parametrize("text", [
    "", "short", "alter table orders add column region text;", "select password from users where password is null",
    "postgres://db.x.co:5432/postgres", "https://h:8443/a/b", "https://h/@user", "https://h:8443/@user",
    "mailto:a@b.c", "12:30 a@b",
    "https://hooks.slack.com/commands/T0123456/1234567890123/abcdefghijABCDEFGHIJ0123",
    "https://hooks.slack.com/actions/T0123456/1234567890123/abcdefghijABCDEFGHIJ0123",
    "13345224609.738474920.8088930838d88f008e0", "sb_publishable_abcdefghijklmnop", "eyJust a word",
    "the bearer of news",
    "-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
])
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrub(text) == text


def test_overlapping_secrets_leave_nothing_of_either() -> None:
    both = Scrubber(["aaaaaaaabbbbbbbb", "bbbbbbbbcccccccc", "bbbbbbbbbbbb"])
    assert both("x aaaaaaaabbbbbbbbcccccccc y aaaaaaaabbbbbbbb") == "x [secret] y [secret]"
    assert both("bbbbbbbbccccccccbbbbbbbbcccccccc") == MARK


def test_json_is_scrubbed_through_and_through() -> None:
    value: Json = {"a": [OWN, 1, None, True, {OWN: f"x {JWT}"}], "b": "plain"}
    assert scrub.json(value) == {"a": [MARK, 1, None, True, {MARK: "x [secret]"}], "b": "plain"}


def test_what_is_no_json_is_left_for_others_to_refuse() -> None:
    value: dict[str, Any] = {"a": object(), "b": OWN}
    assert scrub.json(value) == {**value, "b": MARK}


def test_json_of_any_depth_is_no_error() -> None:
    deep: list[Json] = []
    for _ in range(100_000):
        deep = [deep]
    assert scrub.json(deep) == MARK


PIECES = st.one_of(st.text(), st.sampled_from([
    *TOKENS, "://", ":", "@", "password=", "password", "'", '"', "Bearer ", "eyJ", ".", "\\",
    "-----BEGIN PRIVATE KEY-----", "xoxb-", "postgres://", "/", MARK, "[", "\ud800",
]))


@given(st.lists(PIECES, max_size=12).map("".join))
def test_scrubbing_twice_is_scrubbing_once(text: str) -> None:
    once = scrub(text)
    assert scrub(once) == once
    assert OWN not in once


@pytest.mark.parametrize("piece", [
    "a", " ", "'", '"', ":", "://a:", "postgres://a:", "postgres://a:b", "x://:", "eyJ", "eyJa.", "eyJ-", "sb_secret_",
    "xoxb-", "xox", "ghp_", "github_pat_", "AKIA", "bearer ",
    "Bearer a", "password=", "password='", 'password:"',
    "password'\\", "password", "authorization: basic ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA ",
    "AGE-SECRET-KEY-",
    "aws_secret_access_key=", "select * from orders where id = 1;\n", "correct-horse",
])
def test_a_megabyte_takes_well_under_a_second(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    began = time.perf_counter()
    scrub(text)
    assert time.perf_counter() - began < 1
