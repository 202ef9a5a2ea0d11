"""A scratch database on staging's own server: staging's schema without its rows, made for one trial and dropped again.

CREATE DATABASE … TEMPLATE wants a template that nobody is connected to, and staging never is one. So the schema goes
through pg_dump and pg_restore. The role is staging's own: what runs there can do no more than it can in staging.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import psycopg
from psycopg import sql

from bot.errors import StagedoorError
from bot.migrations.backup.dumping import command
from bot.migrations.backup.process import Running, libpq_environment
from bot.migrations.backup.programs import Program, newest, unfit
from bot.migrations.backup.snapshot import Snapshot
from bot.migrations.session import ConnectionLost, Session, connect
from bot.migrations.trouble import said

PREFIX = "stagedoor_scratch_"
LIMIT = 120.0
"""How many seconds copying a schema may take."""
_HERE = """
select d.oid::text, pg_catalog.pg_encoding_to_char(d.encoding), to_jsonb(d), coalesce(s.setconfig, '{}')
from pg_catalog.pg_database d
left join pg_catalog.pg_db_role_setting s on s.setdatabase = d.oid and s.setrole = 0
where d.datname = current_database()
"""
_LEFT = """
select s.datname from pg_catalog.pg_database s, pg_catalog.pg_database d
where d.datname = current_database() and s.datname = %s || d.oid::text
"""
_RAW = ("search_path", "temp_tablespaces")
"""Settings whose value is a list with its quotes in it."""
_PROVIDERS = {"i": "icu", "c": "libc", "b": "builtin"}


class NoScratch(StagedoorError):
    """There can be no scratch database, or none that serves; the message is why, as part of a sentence."""


def sweep(session: Session) -> bool:
    """Drop what a killed Stagedoor left; the name is staging's own, so that whoever holds its lock may do so."""
    left = session.query(_LEFT, PREFIX)
    for (name,) in left:
        session.query(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)).as_string())
    return bool(left)


@contextmanager
def scratch(session: Session, url: str, pg_dump: str, stopping: Callable[[], bool]) -> Iterator[str]:
    """The address of a database with staging's schema, while `session` holds Stagedoor's lock on staging.

    Raises `NoScratch`. However the context ends, the database is dropped; after a kill by whoever has the lock next.
    """
    program = newest(pg_dump, os.environ)
    if trouble := unfit(program, session.connection.info.server_version // 10_000):
        raise NoScratch(_part(trouble))
    assert program is not None
    try:
        sweep(session)
        name = _made(session)
        try:
            copy = psycopg.conninfo.make_conninfo(url, dbname=name)
            _arrives(copy, session.name, name)
            _copied(program, session.name, url, copy, name, stopping)
            yield copy
        finally:
            with suppress(psycopg.Error, ConnectionLost):
                sweep(session)
    except psycopg.errors.InsufficientPrivilege:
        raise NoScratch("its role may not create databases (CREATEDB)") from None
    except psycopg.Error as error:
        raise NoScratch(said(error)) from None


def _made(session: Session) -> str:
    """An empty database that sorts and encodes as staging does."""
    oid, encoding, row, settings = session.query(_HERE)[0]
    name: str = PREFIX + oid
    words = [sql.SQL("create database {} template template0").format(sql.Identifier(name))]
    given = {
        "encoding": encoding, "lc_collate": row.get("datcollate"), "lc_ctype": row.get("datctype"),
        "locale_provider": _PROVIDERS.get(row.get("datlocprovider", ""), ""),
    }
    own = row.get("datlocale") or row.get("daticulocale")
    given["builtin_locale" if given["locale_provider"] == "builtin" else "icu_locale"] = own
    for word, value in given.items():
        if value:
            words.append(sql.SQL(f"{word} {{}}").format(sql.Literal(value)))
    session.query(sql.SQL(" ").join(words).as_string(session.connection))
    for setting in settings:
        which, _, value = setting.partition("=")
        written = sql.SQL(value) if which in _RAW else sql.Literal(value)
        with suppress(psycopg.Error):    # one that only a superuser may set
            session.query(sql.SQL("alter database {} set {} to {}").format(
                sql.Identifier(name), sql.Identifier(which), written,
            ).as_string(session.connection))
    return name


def _arrives(copy: str, staging: str, name: str) -> None:
    """A pooler may lead every name to the one database that it serves, where what is tried would stay."""
    try:
        with connect(copy, staging, "stagedoor-scratch") as connection:
            found = connection.execute("select current_database()").fetchone()
    except StagedoorError:
        found = None
    if found != (name,):
        raise NoScratch("the address leads to no other database of its server")


def _copied(
    program: Program, staging: str, url: str, copy: str, database: str, stopping: Callable[[], bool],
) -> None:
    """The schema through a pipe. What only the platform may make stays away: the catalogs show what is missing."""
    until = time.monotonic() + LIMIT
    try:
        with closing(Snapshot(url, staging, "stagedoor-scratch", lock_wait=10.0)) as source:
            scene = source.scene
            less = ["--no-subscriptions", "--no-security-labels"]
            dumping = [*command(program, scene, (), 10.0), "--schema-only", *less]
            restoring = [
                program.beside("pg_restore"), f"--dbname={database}", *less, "--no-password",
                *([f"--role={scene.becomes}"] if scene.becomes else []),
            ]
            quick = {"PGOPTIONS": "-c synchronous_commit=off"}
            with (
                Running(dumping, environment=libpq_environment(url, "stagedoor-scratch")) as dump,
                Running(
                    restoring, environment=libpq_environment(copy, "stagedoor-scratch") | quick,
                    stdin=dump.output.fileno(),
                ) as restore,
            ):
                while not restore.ended(0.05):
                    if stopping():
                        raise NoScratch("Stagedoor was asked to stop")
                    if time.monotonic() > until:
                        raise NoScratch(f"copying the schema took more than {LIMIT:.0f} s")
                if not (dump.ended(5.0) and dump.ended_well):
                    why = dump.trouble() if dump.ended(0) else "pg_dump did not end"
                    raise NoScratch(f"the schema could not be dumped: {why}")
    except (NoScratch, psycopg.Error):
        raise
    except StagedoorError as trouble:
        raise NoScratch(_part(str(trouble))) from None


def _part(sentence: str) -> str:
    """A sentence as the part of another one."""
    return sentence.rstrip(".")
