"""Which files can run in one transaction, and what people are told about the others."""

from __future__ import annotations

import pytest

from bot.errors import Refused
from bot.migrations.transaction import alone_in, in_a_trial, obstacle, statement_count, statements_to_run

AS_IT_IS = (
    "refresh materialized view concurrently v",
    "create index if not exists concurrently_built on t(a)",
    "cluster t using i",
    "reindex table t",
    "copy t from '/tmp/x'",
    "set constraints all deferred",
    "set session characteristics as transaction read write",
    'create table "commit"()',
    "do $$ begin perform 1; end $$",
    "select E'\\n', '\\d'",
    "prepare q as select 1",
    "create function f() returns int language sql begin atomic select 1; end",
)

ALONE: list[tuple[str, str, str]] = [
    ("create index concurrently i on t(a)", "CREATE INDEX CONCURRENTLY i", "create index i on t (a)"),
    (
        'create /* x */ unique index concurrently if not exists "I;x" on only "s".T using btree (a, lower(b)) where c',
        'CREATE INDEX CONCURRENTLY "I;x"',
        'create unique index if not exists "I;x" on "s".T using btree (a, lower(b)) where c',
    ),
    ("drop index concurrently if exists s.i restrict;", "DROP INDEX CONCURRENTLY s.i", "drop index if exists s.i"),
    ("reindex index concurrently s.i", "REINDEX CONCURRENTLY s.i", ""),
    ("reindex (verbose, concurrently) table s.t", "REINDEX CONCURRENTLY s.t", ""),
    ("vacuum", "VACUUM", ""),
    ("-- note\nvacuum (analyze, full false) t", "VACUUM", ""),
    ("-- pg-delta: transaction=false\nvacuum t;", "VACUUM", ""),
]

RUNS: list[tuple[str, list[str]]] = [
    *((text, [text]) for text in AS_IT_IS),
    ("create table a(); create table b();", ["create table a()", "create table b()"]),
    ("BEGIN;\ncreate table a();\nCOMMIT;", ["create table a()"]),
    ("-- Migration: x\nbegin transaction; select 1; end;\n-- done", ["select 1"]),
    ("START TRANSACTION; select 1; COMMIT WORK;", ["select 1"]),
    ("begin work; select 1; end transaction;", ["select 1"]),
    ("begin; select 1; commit and no chain;", ["select 1"]),
    ("select 1; -- the end", ["select 1"]),
    ("alter type m add value 'x'; select 'y'", ["alter type m add value 'x'", "select 'y'"]),
    ("create type m as enum ('y'); alter type m add value 'x'; select 'x'::m",
     ["create type m as enum ('y')", "alter type m add value 'x'", "select 'x'::m"]),
]

REFUSED: list[tuple[str | bytes, str]] = [
    ("", "holds no statement"),
    ("-- only words\n/* here */", "holds no statement"),
    ("begin; commit;", "Line 1: there is nothing between BEGIN and COMMIT"),
    ("begin;\nselect 1;", "Line 1: BEGIN without COMMIT"),
    ("-- x\nbegin;\nselect 1;\nrollback;", "Line 2: BEGIN without COMMIT"),
    ("begin isolation level serializable; select 1; commit", "Line 1: BEGIN with options"),
    ("start transaction read only; select 1; commit", "Line 1: BEGIN with options"),
    ("begin;\nselect 1;\ncommit;\nselect 2;", "Line 3: COMMIT inside the file"),
    ("begin; select 1; commit; begin; select 2; commit;", "COMMIT inside the file"),
    ("select 1;\nbegin;\nselect 2;\ncommit;", "Line 2: BEGIN inside the file"),
    ("select 1;\ncommit;", "Line 2: COMMIT inside the file"),
    ("select 1; end", "END inside the file"),
    ("select 1; /* x */ Commit", "COMMIT inside the file"),
    ("select 1; rollback", "ROLLBACK inside the file"),
    ("select 1; rollback to savepoint a", "ROLLBACK TO inside the file"),
    ("select 1; abort", "ABORT inside the file"),
    ("savepoint a; select 1; release a", "SAVEPOINT inside the file"),
    ("select 1; release savepoint a", "RELEASE inside the file"),
    ("prepare transaction 'x'", "PREPARE TRANSACTION inside the file"),
    ("set transaction isolation level serializable; select 1", "SET TRANSACTION inside the file"),
    ("set local transaction read only; select 1", "SET LOCAL inside the file"),
    ("begin; select 1; commit and chain", "BEGIN without COMMIT"),
    ("select 1;\ncreate index concurrently i on t(a)", "Line 2: CREATE INDEX CONCURRENTLY cannot run inside a trans"),
    ("create index concurrently i on t(a); create index concurrently j on t(b)", "the only statement of its file"),
    ("begin; drop index concurrently i; commit", "DROP INDEX CONCURRENTLY cannot run inside a transaction"),
    ("create index concurrently on t(a)", "CREATE INDEX CONCURRENTLY needs plain names"),
    ('create index concurrently U&"\\0069" on t(a)', "CREATE INDEX CONCURRENTLY needs plain names"),
    ("drop index concurrently i, j", "DROP INDEX CONCURRENTLY needs plain names"),
    ("reindex database d", "REINDEX DATABASE is about"),
    ("reindex (verbose) system d", "REINDEX SYSTEM is about"),
    ("reindex (concurrently) schema s", "REINDEX SCHEMA is about"),
    ("vacuum; select 1", "VACUUM cannot run inside a transaction"),
    ("-- note\nVacuum (full, analyze) t", "Line 2: VACUUM FULL writes the table anew"),
    ("alter system set work_mem = '1MB'", "ALTER SYSTEM changes the whole server"),
    ("cluster", "CLUSTER without a table locks"),
    ("select 1; cluster verbose", "CLUSTER without a table locks"),
    ("create database x", "CREATE DATABASE is about the whole server"),
    ("drop database x", "DROP DATABASE is about"),
    ("create tablespace x location '/x'", "CREATE TABLESPACE is about"),
    ("drop tablespace x", "DROP TABLESPACE is about"),
    ("create subscription s connection 'x' publication p", "CREATE SUBSCRIPTION is about"),
    ("discard all", "DISCARD ALL does nothing"),
    ("alter type mood add value 'calm';\nupdate p set mood = 'calm'", "Line 2: 'calm' was added to its type in line 1"),
    ("alter type s.mood add value if not exists 'a' after 'b';\ncreate view v as select 'a'::s.mood", "55P04"),
    ("copy t (a, b) from stdin;\n1\t2\n\\.\n", "Line 1: COPY with STDIN or STDOUT"),
    ("copy t to stdout", "COPY with STDIN or STDOUT"),
    ("\\restrict abc\nselect 1;", "Line 1: \\restrict is a command of psql"),
    ("select 1;\n\\echo hi\nselect 2", "\\echo is a command of psql"),
    ("-- pg-delta: transaction=false\nselect 1", "Line 1: the file asks to run without a transaction"),
    (b"select 1;\nselect '\0'", "Line 2: there is a NUL byte"),
    ("select 1;\n\nselect 'é'".encode("latin-1"), "Line 3: this is not UTF-8"),
]


@pytest.mark.parametrize(("text", "inside"), RUNS)
def test_what_runs(text: str, inside: list[str]) -> None:
    assert obstacle(text.encode()) is None
    assert [statement.text for statement in statements_to_run(text.encode())] == inside
    assert statement_count(text.encode()) == len(inside)


@pytest.mark.parametrize(("text", "about", "tried"), ALONE)
def test_what_runs_alone(text: str, about: str, tried: str) -> None:
    assert obstacle(text.encode()) is None
    found = alone_in(text.encode())
    assert found is not None
    assert found.about == about
    assert in_a_trial(text.encode()) == ([tried] if tried else [])
    assert statement_count(text.encode()) == 1


def test_a_partition_is_detached_alone_and_not_in_a_trial() -> None:
    content = b"alter table if exists s.p detach partition q concurrently;"
    found = alone_in(content)
    assert found is not None
    assert (found.name, found.table) == ("q", "s.p")
    with pytest.raises(Refused, match="cannot be tried"):
        in_a_trial(content)


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_is_refused_and_why(text: str | bytes, why: str) -> None:
    said = obstacle(text if isinstance(text, bytes) else text.encode())
    assert said is not None
    assert why in said
    assert said.endswith(".")
