"""Fingerprints over the corpus of a real server's messages, and over what people send."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.fingerprints import ours, pairwise
from bot.sightings.functions import broken
from bot.sightings.masking import plain
from bot.sightings.messages import named, template
from bot.sightings.paths import called, path_template
from bot.sightings.statements import shape, shown, tables
from tests.sightings.provoke import WORDS

CORPUS = [json.loads(line) for line in (Path(__file__).parent / "corpus.jsonl").read_text().splitlines()]


def test_precision_and_recall_over_a_real_servers_messages() -> None:
    labels = [row["label"] for row in CORPUS]
    precision, recall = pairwise(labels, [ours(row) for row in CORPUS])
    assert len(set(labels)) > 300
    assert precision >= 0.975
    assert recall >= 0.98


def test_hardly_any_value_is_left_in_a_template() -> None:
    """What a channel would see of the values that were put in: names that somebody took for columns, and no more."""
    leaks = {
        said for row in CORPUS
        for said in [template(row["sqlstate"], row["message"])]
        if any(word.lower().startswith(tuple(map(str.lower, WORDS))) for word in re.findall(r"\w+", said))
    }
    assert all(said.startswith('column "') for said in leaks)
    assert len(leaks) <= 5


def test_names_stay() -> None:
    message = 'duplicate key value violates unique constraint "users_email_key"'
    assert template("23505", message) == message


@pytest.mark.parametrize(("sqlstate", "message", "said"), [
    ("22P02", 'invalid input syntax for type integer: "a "quoted" one"', 'invalid input syntax for type integer: "…"'),
    ("28P01", 'password authentication failed for user "bob"', 'password authentication failed for user "…"'),
    ("57014", "canceling statement due to statement timeout", "canceling statement due to statement timeout"),
    ("42703", 'column "alice@example.com" does not exist', 'column "…" does not exist'),
    ("P0001", "Order 17 of ana@shop.example (Ana Smith) not found", "Order … of … not found"),
    ("23505", 'duplicate key\nDETAIL: Key (email)=(a@b.c)', "duplicate key"),
    ("42501", "permission denied for table books", "permission denied for table books"),
    ("", "", ""),
    ("XX000", "\ud800\0 broken", "… broken"),
])
def test_values_go(sqlstate: str, message: str, said: str) -> None:
    assert template(sqlstate, message) == said


def test_what_a_message_names() -> None:
    assert named('column "nope" of relation "shop.books" does not exist') == ("nope", "shop", "books")
    assert named('insert or update on table "books" violates foreign key constraint "books_author_fkey"') == (
        "books", "books_author_fkey",
    )
    assert named("column b.titel does not exist") == ("b", "titel")
    assert named("function add_book(integer, text) does not exist") == ("add_book",)
    assert named("permission denied for table books") == ("books",)


@pytest.mark.parametrize(("one", "other"), [
    ("select * from books where id = 1", "SELECT *  FROM books -- all\nWHERE id = $1;"),
    ("insert into b values (1, 'a'), (2, 'b')", "insert into b values (3, $$x$$)"),
    ("select 1 where a in (1, 2, 3)", "select 2 where a in ('x')"),
    ("select -1", "select -27.5e3"),
])
def test_statements_of_one_shape(one: str, other: str) -> None:
    assert shape(one) == shape(other)


def test_statements_are_shown_without_values_and_with_their_tables() -> None:
    sql = """update shop.books b set title = 'O''Neill' from "Authors" a where a.id = b.author and a.mail = 'x@y.z'"""
    assert shown(sql) == "update shop.books b set title = ? from \"authors\" a where a.id = b.author and a.mail = ?"
    assert tables(sql) == ("books", "authors")
    assert shape("select '" + "x" * 100_000) == "select ?"
    assert len(shown("select " + ", ".join(f"c{n}" for n in range(900)))) == 240


def test_function_errors_by_the_shape_of_their_stack() -> None:
    stack = (
        "TypeError: Cannot read properties of undefined (reading 'email{n}')\n"
        "    at chargeCustomer (file:///src/index.ts:{n}:9)\n    at async Object.handler (file:///src/index.ts:{n}0:5)\n"
        "    at ext:core/01_core.js:{n}:1\n"
    )
    one, other = broken(stack.format(n=1)), broken(stack.format(n=77))
    assert one == other
    assert one.template == "TypeError: Cannot read properties of undefined (reading … in chargeCustomer (index.ts)"
    assert broken(stack.format(n=1).replace("chargeCustomer", "refund")).shape != one.shape
    assert broken("Uncaught Error: payment of Anna Smith failed").template == "Error: payment of … failed"
    assert broken("x" * 100_000 + "\nat " * 50_000).shape


def test_addresses_lose_what_customers_chose() -> None:
    assert path_template("https://x.supabase.co/rest/v1/books?email=eq.a@b.c") == "/rest/v1/books"
    assert path_template("/storage/v1/object/avatars/ana.png") == "/storage/v1/object/avatars/…"
    assert path_template("/functions/v1/charge/ana") == "/functions/v1/charge/…"
    assert path_template("//[") == "…"
    assert called("/rest/v1/rpc/add_book") == ("add_book",)
    assert called("/rest/v1/books") == ("books",)


def test_text_that_anybody_wrote_keeps_known_words_alone() -> None:
    assert plain("User mark from Lisbon paid with card 4111-1111") == "User … from … paid with card …"
    assert plain('{"error": "x"}') == "{…}"
