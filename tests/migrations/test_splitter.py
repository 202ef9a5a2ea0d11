"""The splitter against what the Supabase CLI stores."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.migrations.lexer import Kind, pieces
from bot.migrations.splitter import decoded, split

CASES: list[tuple[str, list[str]]] = [
    # what is stored (facts/supabase A2)
    (
        "create table t1(id int);\n-- a comment\ncreate index on t1(id);\n",
        ["create table t1(id int)", "-- a comment\ncreate index on t1(id)"],
    ),
    ("", []),
    (" \n\t;; ;\n", []),
    ("select 1; -- trailing", ["select 1", "-- trailing"]),
    ("select 1;\r\n\r\nselect\r\n 2;", ["select 1", "select\r\n 2"]),
    ("BEGIN;\nselect 1;\nCOMMIT;", ["BEGIN", "select 1", "COMMIT"]),
    ("\u00a0select 1\u00a0;\u3000", ["select 1"]),
    # quotes
    ("select ';'';', E'\\';', '\\'; select \"a;\"\"b\"", ["select ';'';', E'\\';', '\\'", 'select "a;""b"']),
    ("select nameE'\\'; select 2", ["select nameE'\\'", "select 2"]),
    ("select U&'d\\0061;'; select 2", ["select U&'d\\0061;'", "select 2"]),
    # dollar quotes
    ("do $$ begin; end; $$; select 2", ["do $$ begin; end; $$", "select 2"]),
    ("select $a$;$b$;$$;$a$; select 2", ["select $a$;$b$;$$;$a$", "select 2"]),
    ("select a$b$; select c$b$", ["select a$b$", "select c$b$"]),
    ("select $á$;$á$; select $1; select 2", ["select $á$;$á$", "select $1", "select 2"]),
    # comments
    ("select 1 --; not here\n, 2; select 3", ["select 1 --; not here\n, 2", "select 3"]),
    ("select 1 /* ; /* ; */ ; */; select 2", ["select 1 /* ; /* ; */ ; */", "select 2"]),
    ("select 4 - -1 / 2; select 2", ["select 4 - -1 / 2", "select 2"]),
    ("select /*/ ; */ 1; select 2", ["select /*/ ; */ 1", "select 2"]),
    ("-- it's\nselect 1; select 2", ["-- it's\nselect 1", "select 2"]),
    # parentheses and bodies
    (
        "create rule r as on update to t do also (notify t; select \")\"); select 1",
        ["create rule r as on update to t do also (notify t; select \")\")", "select 1"],
    ),
    (
        "create function f() returns int begin atomic select case when 1 then 1 end; select 2 end; end; select 3",
        ["create function f() returns int begin atomic select case when 1 then 1 end; select 2 end; end", "select 3"],
    ),
    (
        "create function f() returns int language sql BEGIN\n ATOMIC -- END;\n select (1); END; select 3",
        ["create function f() returns int language sql BEGIN\n ATOMIC -- END;\n select (1); END", "select 3"],
    ),
    ("create function f_atomic() returns int; select 1", ["create function f_atomic() returns int", "select 1"]),
    ("begin; select atomic from t; end; select 1", ["begin", "select atomic from t", "end", "select 1"]),
    # what never closes runs to the end
    ("select 'a; b;", ["select 'a; b"]),
    ("select 1; /* a; b", ["select 1", "/* a; b"]),
    ("select $x$ a; b", ["select $x$ a; b"]),
    # a backslash outside quotes takes the next character with it
    ("\\; select 1; select 2", ["\\; select 1", "select 2"]),
]


@pytest.mark.parametrize(("text", "statements"), CASES)
def test_statements_as_the_cli_stores_them(text: str, statements: list[str]) -> None:
    assert [statement.text for statement in split(text)] == statements


def test_each_statement_knows_its_line() -> None:
    text = "\n-- why\n/* and\nhow */ create table t();\n\n\nselect 1; select\n2;\n-- end\n"
    assert [(s.begins, s.line, s.first) for s in split(text)] == [
        (2, 4, "CREATE"), (7, 7, "SELECT"), (7, 7, "SELECT"), (9, 9, ""),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_statement() -> None:
    assert [s.text for s in split(decoded(b"\xef\xbb\xbfselect 1;"))] == ["select 1"]


SQL = st.lists(st.sampled_from([
    "select", " 1", " ", "\n", ";", "'", '"', "$$", "$a$", "(", ")", "--", "/*", "*/", "\\", "E'", "a", "$", "/", "-",
    "begin", "atomic", "end", "é", "\r\n", "case",
])).map("".join)


@given(SQL)
def test_the_pieces_of_a_text_leave_nothing_out(text: str) -> None:
    assert "".join(text[piece.start:piece.end] for piece in pieces(text)) == text


@given(SQL)
def test_what_migration_fetch_writes_splits_into_the_same_again(text: str) -> None:
    """`migration fetch` joins statements with `;` and a line end.

    Left out is what that cannot give back: psql's backslashes, a last statement that was never closed,
    and a statement that ends in a line comment, which then swallows the `;`.
    """
    once = [statement.text for statement in split(text)][:-1]
    assume("\\" not in text)
    assume(all([piece.kind for piece in pieces(statement)][-1] is not Kind.COMMENT for statement in once))
    fetched = "".join(f"{statement};\n" for statement in once)
    assert [statement.text for statement in split(fetched)] == once


@given(SQL)
def test_statements_stay_whole_when_split_alone(text: str) -> None:
    assume("\\" not in text)
    for statement in split(text)[:-1]:
        assert [part.text for part in split(statement.text + "\n;")] == [statement.text]
