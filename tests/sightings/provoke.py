"""Makes `corpus.jsonl`: messages that a real Postgres gave, each labelled with the place in the server it came from.

    python -m tests.sightings.provoke tests/sightings/corpus.jsonl

Every line of `provocations.txt` is run several times with other values, against a server that logs JSON with its own
source positions. What the server wrote is the corpus. Its labels owe nothing to the code that is measured with them:
the values that were put in are known, and are taken out of the message again. Two messages are one fault when what is
left is the same, or when one provocation drew both from one place in the server's source.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from rehearsal.postgres import Postgres

HERE = Path(__file__).parent
VARIANTS = 4
LOGGING = {
    "logging_collector": "on", "log_destination": "jsonlog", "log_directory": "log", "log_filename": "server",
    "log_error_verbosity": "verbose", "log_min_error_statement": "error", "max_stack_depth": "200kB",
}
SHOP = """
create type mood as enum ('happy', 'sad');
create domain posint as int check (value > 0);
create table authors (id int primary key, name text not null, email text unique);
create table books (
    id int primary key, title text not null, price numeric(6, 2) check (price > 0), qty smallint check (qty < 1000),
    author_id int references authors, isbn varchar(13), mood mood
);
create index books_title_idx on books (title);
create sequence books_seq; create sequence once maxvalue 2; create sequence fresh_seq;
create table codes (code char(2)); create table rooms (during int4range, exclude using gist (during with &&));
create table generated (id int generated always as identity, n int, twice int generated always as (n * 2) stored);
create table events (day date, n int) partition by range (day);
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
create view v_total as select count(*) as n from books;
create view v_cheap as select id, title, price from books where price < 10 with check option;
create materialized view mv_plain as select 1 as a;
create table secrets (id int, body text); create table plain_alone (n int);
create table notes (id int, body text, kind int); insert into notes values (1, null, 1), (2, 'b', 1);
create table guarded (id int primary key, body text); create table held (id int); insert into held values (1);
create table deferred_child (id int, author int references authors deferrable initially deferred);
create schema shop; create schema hidden; create table hidden.things (id int);
insert into authors values (1, 'first', 'first@shop.example'), (2, 'second', null);
insert into books (id, title, price, author_id) values (1, 'one', 5, 1), (2, 'two', 6, 1);
insert into rooms values (int4range(1, 200000));
create function add_book(a int) returns int language sql as 'select a';
create function ambiguous(a int, b text) returns int language sql as 'select 1';
create function ambiguous(a int, b date) returns int language sql as 'select 1';
create function hidden_function(a int) returns int language sql as 'select 1';
revoke all on function hidden_function from public;
create function own_trigger() returns trigger language plpgsql as
    $$ begin raise exception 'book % of % is guarded', new.id, new.body; end $$;
create trigger own_trigger before insert or update on guarded for each row execute function own_trigger();
create policy own_policy on secrets using (true);
create function raise_missing(n int, who text) returns int language plpgsql as
    $$ begin raise exception 'customer % with number % does not exist', who, n; end $$;
create function raise_quoted(a text) returns int language plpgsql as
    $$ begin raise exception 'the coupon "%" has expired', a; end $$;
create function raise_state(a text) returns int language plpgsql as
    $$ begin raise exception 'payment % was refused', a using errcode = 'PAY01'; end $$;
create function raise_refused(a int) returns int language plpgsql as
    $$ begin raise insufficient_privilege using message = 'seat ' || a || ' is taken'; end $$;
create function assert_positive(a int) returns int language plpgsql as
    $$ begin assert a > 0, 'amount ' || a || ' is negative'; return a; end $$;
create function strict_one(a int) returns int language plpgsql as
    $$ declare x int; begin select id into strict x from books where id = a; return x; end $$;
create function strict_many(a int) returns int language plpgsql as
    $$ declare x int; begin select id into strict x from books where id > -a; return x; end $$;
create function case_missing(a int) returns int language plpgsql as
    $$ begin case a when 1 then return 1; end case; end $$;
create function wrong_cast(a text) returns int language plpgsql as $$ declare x int; begin x := a; return x; end $$;
create function no_return(a int) returns int language plpgsql as $$ begin a := 1; end $$;
create function bad_dynamic(a text) returns int language plpgsql as
    $$ begin execute 'select * from ' || quote_ident('gone_' || length(a) * 0); return 1; end $$;
create function deep(a int) returns int language plpgsql as $$ begin return deep(a + 1); end $$;
alter table notes enable row level security; grant select, insert, update on notes to anon;
"""
WORDS = (
    "walnut", "zephyr", "marigold", "quartz", "Bergamot", "tundra", "Lisbon", "saffron", "oboe", "Kestrel", "birch",
    "umber", "anna", "smith",
)

_WORD = re.compile(r"\w+")
_LITERAL = re.compile(r"'[^']*'")
_NAMES = re.compile(r"::reg|language|\$\$|set_config|setting|privilege|^set |size\(")
"""Where a literal holds names or SQL."""
_VALUES = (
    (re.compile(r"0x[0-9a-f]{2}"), "?"), (re.compile(r"\?(?:\W*\?)+"), "?"), (re.compile(r'"[^\w"]*\?\W*"'), '"?"'),
    (re.compile(r'"\W*"'), '"?"'),
)


def values(chance: random.Random) -> dict[str, str]:
    word = chance.choice(WORDS) + chance.choice("abcdefghkm")
    broken = chance.choice([f"{word}!", f"{word} x", f"{chance.randint(1, 9)}{word}", f"zq{word}", f'{word}"{word}'])
    return {
        "i": str(chance.randint(2, 9)), "s": word.lower(), "m": f"{word}@{chance.choice(WORDS)}.example", "d": broken,
        "u": str(uuid.UUID(int=chance.getrandbits(128))),
    }


def provocations() -> Iterator[tuple[int, bool, str]]:
    """Number, whether as anon, and the SQL."""
    lines = (HERE / "provocations.txt").read_text().splitlines()
    for number, line in enumerate(line for line in lines if line and not line.startswith("#")):
        yield number, line.startswith("anon | "), line.removeprefix("anon | ")


def fillings(sql: str, filled: str) -> set[str]:
    """The words of the filled SQL that are values: all that were put in, and those of plain literals."""
    own = _WORD.findall(_LITERAL.sub("", sql) if not _NAMES.search(sql) else sql)
    return set(_WORD.findall(filled)) - set(own)


def provoke(url: str) -> dict[str, set[str]]:
    """Run them all; returns what was put in, by the name under which it ran."""
    chance, put_in = random.Random(7), dict[str, set[str]]()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(SHOP)
        owner.execute("revoke all on all tables in schema public from anon; grant select on notes to anon; "
                      "grant insert, update on notes to anon; revoke all on all sequences in schema public from anon; "
                      "grant usage on schema public to anon; revoke create on schema public from public, anon")
    with psycopg.connect(url, autocommit=True) as holder:
        holder.execute("begin; lock table public.held")
        for number, anon, sql in provocations():
            for variant in range(VARIANTS):
                filled = sql.format(**values(chance))
                put_in[f"{number}-{variant}"] = fillings(sql, filled)
                _run(url, f"{number}-{variant}", filled, anon=anon)
    return put_in


def _run(url: str, name: str, sql: str, *, anon: bool) -> None:
    with psycopg.connect(url, autocommit=True, application_name=name) as db:
        try:
            db.execute("set role anon" if anon else "set role postgres")
            db.execute(b"set statement_timeout = '2s'")
            db.execute(sql.encode())
            if "idle_in" in sql:
                time.sleep(0.05)
            db.execute(b"select 1")
        except psycopg.Error:
            pass


def logged(postgres: Postgres) -> Iterator[dict[str, Any]]:
    time.sleep(1)
    for line in (postgres.directory / "data/log/server.json").read_text().splitlines():
        row = json.loads(line)
        if row.get("error_severity") in ("ERROR", "FATAL", "PANIC") and "-" in row.get("application_name", ""):
            yield row


def corpus() -> list[dict[str, str]]:
    with Postgres(fast=True, settings=LOGGING) as postgres:
        url = postgres.project("corpus")
        with psycopg.connect(postgres.url("corpus", "supabase_admin"), autocommit=True) as owner:
            owner.execute("grant all on schema public to postgres; alter role postgres set search_path = public")
        put_in = provoke(url)
        return labelled(list(logged(postgres)), put_in)


def labelled(rows: Sequence[dict[str, Any]], put_in: Mapping[str, set[str]]) -> list[dict[str, str]]:
    """Messages, each once, with the name of their fault."""
    first: dict[tuple[str, ...], tuple[str, ...]] = {}

    def root(key: tuple[str, ...]) -> tuple[str, ...]:
        while (above := first.setdefault(key, key)) != key:
            key = above
        return key

    keyed = []
    for row in rows:
        name, state = row["application_name"], (row["error_severity"], row["state_code"])
        left = _WORD.sub(lambda word: "?" if word[0] in put_in[name] else word[0], row["message"])  # noqa: B023  (it is called at once)
        for pattern, instead in _VALUES:
            left = pattern.sub(instead, left)
        text, place = (*state, left), (*state, name.partition("-")[0], f'{row["file_name"]}:{row["file_line_num"]}')
        first[root(place)] = root(text)
        keyed.append((text, row))
    found = {
        row["message"] + " ".join(root(text)[:2]): {
            "label": " ".join(root(text)), "severity": row["error_severity"], "sqlstate": row["state_code"],
            "message": row["message"],
        }
        for text, row in keyed
    }
    return list(found.values())


if __name__ == "__main__":
    made = corpus()
    Path(sys.argv[1]).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made))
    print(len(made), "messages,", len({row["label"] for row in made}), "labels")
