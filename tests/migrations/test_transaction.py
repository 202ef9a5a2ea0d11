"""Which files can run in one transaction, and what people are told about the others."""

from __future__ import annotations

import pytest

from bot.migrations.transaction import obstacle, statement_count, statements_to_run

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

RUNS: list[tuple[str, list[str]]] = [
    *((text, [text]) for text in AS_IT_IS),
    ("create table a(); create table b();", ["create table a()", "create table b()"]),
    ("BEGIN;\ncreate table a();\nCOMMIT;", ["create table a()"]),
    ("-- Migration: x\nbegin transaction; select 1; end;\n-- done", ["select 1"]),
    ("START TRANSACTION; select 1; COMMIT WORK;", ["select 1"]),
    ("begin work; select 1; end transaction;", ["select 1"]),
    ("begin; select 1; commit and no chain;", ["select 1"]),
    ("select 1; -- the end", ["select 1"]),
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
    ("create index concurrently i on t(a)", "CREATE INDEX CONCURRENTLY cannot run inside a transaction"),
    ("create unique index concurrently if not exists i on t(a)", "CREATE UNIQUE INDEX CONCURRENTLY cannot run"),
    ("drop index concurrently i", "DROP INDEX CONCURRENTLY cannot run"),
    ("reindex index concurrently i", "REINDEX CONCURRENTLY cannot run"),
    ("reindex (concurrently) table t", "REINDEX CONCURRENTLY cannot run"),
    ("alter table p detach partition q concurrently", "DETACH PARTITION CONCURRENTLY cannot run"),
    ("reindex database d", "REINDEX DATABASE cannot run"),
    ("reindex (verbose) system d", "REINDEX SYSTEM cannot run"),
    ("vacuum", "VACUUM cannot run"),
    ("-- note\nVacuum (analyze) t", "Line 2: VACUUM cannot run"),
    ("alter system set work_mem = '1MB'", "ALTER SYSTEM cannot run"),
    ("cluster", "CLUSTER without a table cannot run"),
    ("cluster verbose", "CLUSTER without a table cannot run"),
    ("create database x", "CREATE DATABASE cannot run"),
    ("drop database x", "DROP DATABASE cannot run"),
    ("create tablespace x location '/x'", "CREATE TABLESPACE cannot run"),
    ("drop tablespace x", "DROP TABLESPACE cannot run"),
    ("create subscription s connection 'x' publication p", "CREATE SUBSCRIPTION cannot run"),
    ("discard all", "DISCARD ALL cannot run"),
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


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_is_refused_and_why(text: str | bytes, why: str) -> None:
    said = obstacle(text if isinstance(text, bytes) else text.encode())
    assert said is not None
    assert why in said
    assert said.endswith(".")
