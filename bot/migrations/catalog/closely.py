"""Looks closely at a few statements of a staging run: everything that one of them wrote, emptied, or did away with.

For what no check can read beforehand (`bot.migrations.lint.unreadable`). It asks on the applying session, in the file's
own transaction: Postgres counts there what the transaction wrote, also into its own catalogs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.entry import Json
from bot.migrations.catalog.scope import MINE
from bot.migrations.history import TABLE
from bot.migrations.session import Session

# A table that is emptied or rewritten gets another file. Of the platform's tables, whose definitions no catalog of ours
# holds, what a change of them would leave behind is compared as one text.
_TABLES = f"""
with {MINE.replace("from pg_namespace", "from pg_catalog.pg_namespace")}
select c.oid::bigint, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relfilenode::bigint,
  case when mine.oid is null then pg_catalog.concat_ws(' ',
    c.relacl, n.nspacl, c.relowner, c.relrowsecurity, c.relforcerowsecurity, c.relnatts,
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attname, a.atttypid, a.attacl), ' ' order by a.attnum)
     from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0),
    (select pg_catalog.string_agg(p::text, ' ' order by p.oid) from pg_catalog.pg_policy p where p.polrelid = c.oid)
  ) end
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join mine on mine.oid = n.oid
where c.relkind in ('r', 'p', 'f') and n.nspname not like 'pg\\_%'
  and n.nspname <> 'information_schema'
"""  # noqa: S608  (our own words)

_WRITTEN = f"""
with {MINE.replace("from pg_namespace", "from pg_catalog.pg_namespace")}
select pg_catalog.format('%I.%I', s.schemaname, s.relname), s.n_tup_ins, s.n_tup_upd, s.n_tup_del,
  case when c.relisshared then 'shared' when s.relname like 'pg\\_largeobject%' then 'large' when
    s.schemaname = 'pg_catalog' then 'catalog' when mine.oid is null then 'platform' else 'mine' end
from pg_catalog.pg_stat_xact_all_tables s
join pg_catalog.pg_class c on c.oid = s.relid
left join mine on mine.oid = c.relnamespace
where s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0 and s.schemaname not like 'pg\\_t%'
  and s.relname <> all ('{{pg_shdepend,pg_shdescription}}')
"""  # noqa: S608  (our own words)

# What is written to a foreign table is counted by nobody here.
_ABROAD = """
select pg_catalog.format('%I.%I', n.nspname, c.relname)
from pg_catalog.pg_locks l
join pg_catalog.pg_class c on c.oid = l.relation
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where l.pid = pg_catalog.pg_backend_pid() and c.relkind = 'f' and l.mode <> 'AccessShareLock'
"""


@dataclass(frozen=True, kw_only=True)
class _State:
    """`tables` by oid: name, file, and what of it is compared; `written` by name: counts and whose table it is."""

    tables: Mapping[int, tuple[str, int, str | None]]
    written: Mapping[str, tuple[tuple[int, int, int], str]]
    abroad: frozenset[str]


@dataclass
class Closely:
    """Told when the transaction began, then before and after each statement that is to be looked at.

    `seen` holds for each: the `lines` that nobody could read; `rows` by table (inserted, updated, deleted); tables that
    were `emptied` or rewritten, or are `gone`; `beyond`, what it did where no catalog of ours looks, in words; and
    whether it `defines` something or `fills` a table that the file makes.
    """

    session: Session
    seen: list[dict[str, Json]] = field(default_factory=list)
    _first: _State | None = None
    _last: _State | None = None

    def begin(self) -> None:
        self._first = self._look()

    def before(self) -> None:
        self._last = self._look()

    def after(self, lines: Sequence[int]) -> None:
        assert self._first is not None
        assert self._last is not None
        did = _between(self._first, self._last, self._look(), at_end=not lines)
        self.seen.append({"lines": list[Json](lines), **did})

    def _look(self) -> _State:
        query = self.session.query
        return _State(
            tables={int(oid): (name, int(file), compared) for oid, name, file, compared in query(_TABLES)},
            written={name: ((int(i), int(u), int(d)), whose) for name, i, u, d, whose in query(_WRITTEN)},
            abroad=frozenset(name for (name,) in query(_ABROAD)),
        )


def _between(first: _State, last: _State, now: _State, *, at_end: bool) -> dict[str, Json]:
    """What one statement did, from how it found things (`last`) and how the file did (`first`)."""
    did = _written(last, now)
    if at_end and did.get(TABLE, ((0, 0, 0), ""))[0] == (1, 0, 0):    # the row that says that the file is in
        del did[TABLE]
    known = {name for name, _, _ in first.tables.values()}
    own = {name: counts for name, (counts, whose) in did.items() if whose == "mine" and name in known}
    gone = [table[0] for oid, table in last.tables.items() if oid in first.tables and oid not in now.tables]
    altered = [
        name for oid, (name, _, compared) in last.tables.items()
        if compared is not None and now.tables.get(oid, (name, 0, compared))[2] != compared
    ]
    # Within one transaction a table that has another file already is emptied in place.
    emptied = [
        name for oid, (name, file, _) in now.tables.items() if oid in first.tables and first.tables[oid][1] != file
    ]
    shrunk = [name for name, counts in own.items() if min(counts) < 0]
    beyond = [f"writes to {name}" for name, (_, whose) in did.items() if whose == "platform"]
    beyond += [f"alters {name}" for name in altered]
    beyond += [f"writes to the foreign table {name}" for name in sorted(now.abroad - last.abroad)]
    beyond += ["changes roles or what belongs to the whole server"] * any(who == "shared" for _, who in did.values())
    beyond += ["changes large objects"] * any(who == "large" for _, who in did.values())
    return {
        "rows": {name: list[Json](counts) for name, counts in sorted(own.items()) if min(counts) >= 0},
        "emptied": list[Json](sorted({*emptied, *shrunk})), "gone": list[Json](sorted(gone)),
        "beyond": list[Json](beyond), "defines": any(whose == "catalog" for _, whose in did.values()),
        "fills": any(whose == "mine" and name not in known for name, (_, whose) in did.items()),
    }


def _written(last: _State, now: _State) -> dict[str, tuple[tuple[int, int, int], str]]:
    found = {}
    for name, (counts, whose) in now.written.items():
        before = last.written.get(name, ((0, 0, 0), whose))[0]
        if counts != before:
            found[name] = ((counts[0] - before[0], counts[1] - before[1], counts[2] - before[2]), whose)
    found |= {name: ((-1, 0, 0), whose) for name, (_, whose) in last.written.items() if name not in now.written}
    return found
