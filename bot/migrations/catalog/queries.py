"""What a snapshot asks, in one message. Every answer's rows are: id, kind, name, ids of parents, what defines it.

An id is `class:oid:column` within one database. A name is written as SQL wants it. Properties that begin with `_` are
for the reader of the rows and no part of the object.
"""

from __future__ import annotations

from bot.migrations.catalog.scope import MINE, MINE_AND_SHARED

PINNED = (
    "set local search_path to pg_catalog; set local datestyle to 'ISO, YMD'; set local intervalstyle to 'postgres';"
    " set local timezone to 'UTC'; set local extra_float_digits to 1; set local bytea_output to 'hex';"
    " set local quote_all_identifiers to off; set local statement_timeout to '30s'"
)
"""Settings on which the words of definitions depend."""


def _member(table: str, oid: str) -> str:
    """Whether an object belongs to an extension: that is dropped and made with it."""
    return (
        f"exists (select from pg_depend e where e.classid = '{table}'::regclass and e.objid = {oid}"
        " and e.deptype = 'e')"
    )


def _comment(table: str, oid: str, sub: str = "0") -> str:
    return (
        f"left join pg_description d on d.classoid = '{table}'::regclass and d.objoid = {oid} and d.objsubid = {sub}"
    )


def _doc(*pairs: str) -> str:
    return f"jsonb_strip_nulls(jsonb_build_object({', '.join(pairs)}))"


def _acl(acl: str, kind: str, owner: str) -> str:
    return f"'_acl', to_jsonb(coalesce({acl}, acldefault('{kind}', {owner}))::text[])"


_SEQUENCE = (
    "jsonb_build_object('type', format_type(s.seqtypid, null), 'start', s.seqstart, 'increment', s.seqincrement,"
    " 'min', s.seqmin, 'max', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle)"
)

_TABLES = f"""
with {MINE}
select '1259:' || c.oid || ':0', 'table', format('%I.%I', n.nspname, c.relname), '2615:' || n.oid || ':0', {_doc(
    "'owner', c.relowner::regrole::text", _acl("c.relacl", "r", "c.relowner"), "'comment', d.description",
    "'persistence', nullif(c.relpersistence, 'p')", "'options', to_jsonb(c.reloptions)",
    "'rls', c.relrowsecurity", "'force_rls', c.relforcerowsecurity",
    "'replica_identity', case c.relreplident when 'f' then 'full' when 'n' then 'nothing' when 'i' then ("
    "select format('using index %I', i.relname) from pg_index x join pg_class i on i.oid = x.indexrelid"
    " where x.indrelid = c.oid and x.indisreplident) end",
    "'partition_key', pg_get_partkeydef(c.oid)", "'bound', pg_get_expr(c.relpartbound, c.oid)",
    "'inherits', (select jsonb_agg(h.inhparent::regclass::text order by h.inhseqno) from pg_inherits h"
    " where h.inhrelid = c.oid)",
    "'foreign', (select jsonb_build_object('server', v.srvname, 'options', to_jsonb(f.ftoptions))"
    " from pg_foreign_table f join pg_foreign_server v on v.oid = f.ftserver where f.ftrelid = c.oid)",
    "'method', (select a.amname from pg_am a where a.oid = c.relam and a.amname <> 'heap')",
)}
from pg_class c join mine n on n.oid = c.relnamespace {_comment("pg_class", "c.oid")}
where c.relkind in ('r', 'p', 'f') and not {_member("pg_class", "c.oid")}
"""

_VIEWS = f"""
with {MINE}
select '1259:' || c.oid || ':0', case c.relkind when 'v' then 'view' else 'matview' end,
  format('%I.%I', n.nspname, c.relname), '2615:' || n.oid || ':0', {_doc(
    "'owner', c.relowner::regrole::text", _acl("c.relacl", "r", "c.relowner"), "'comment', d.description",
    "'options', to_jsonb(c.reloptions)", "'definition', pg_get_viewdef(c.oid)",
    "'columns', (select jsonb_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)) order by a.attnum)"
    " from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)",
    "'unpopulated', nullif(not c.relispopulated, false)",
)}
from pg_class c join mine n on n.oid = c.relnamespace {_comment("pg_class", "c.oid")}
where c.relkind in ('v', 'm') and not {_member("pg_class", "c.oid")}
"""

_SEQUENCES = f"""
with {MINE}
select '1259:' || c.oid || ':0', 'sequence', format('%I.%I', n.nspname, c.relname), concat_ws(' ',
    '2615:' || n.oid || ':0', '1259:' || o.refobjid || ':' || o.refobjsubid), {_doc(
    "'owner', c.relowner::regrole::text", _acl("c.relacl", "s", "c.relowner"), "'comment', d.description",
    f"'sequence', {_SEQUENCE}",
    "'owned_by', (select format('%s.%I', o.refobjid::regclass, a.attname) from pg_attribute a"
    " where a.attrelid = o.refobjid and a.attnum = o.refobjsubid)",
)}
from pg_class c join mine n on n.oid = c.relnamespace join pg_sequence s on s.seqrelid = c.oid
left join pg_depend o on o.classid = 'pg_class'::regclass and o.objid = c.oid and o.deptype = 'a'
  and o.refclassid = 'pg_class'::regclass and o.refobjsubid > 0
{_comment("pg_class", "c.oid")}
where not {_member("pg_class", "c.oid")} and not exists (
  select from pg_depend i where i.classid = 'pg_class'::regclass and i.objid = c.oid and i.deptype = 'i'
)
"""

_COLUMNS = f"""
with {MINE}
select '1259:' || c.oid || ':' || a.attnum, 'column', format('%I.%I.%I', n.nspname, c.relname, a.attname),
  '1259:' || c.oid || ':0', {_doc(
    "'type', format_type(a.atttypid, a.atttypmod)", "'not_null', nullif(a.attnotnull, false)",
    "'comment', d.description", "'_acl', to_jsonb(a.attacl::text[])", "'generated', case when a.attgenerated <> '' then"
    " pg_get_expr(f.adbin, f.adrelid) end",
    "'collation', (select format('%I.%I', q.nspname, l.collname) from pg_collation l"
    " join pg_namespace q on q.oid = l.collnamespace where l.oid = a.attcollation and l.oid <> t.typcollation)",
    "'storage', case when a.attstorage <> t.typstorage then a.attstorage end",
    "'compression', nullif(a.attcompression, '')", "'statistics', nullif(a.attstattarget, -1)",
    "'options', to_jsonb(a.attoptions)", "'_inherited', nullif(a.attinhcount > 0 and not a.attislocal, false)",
    "'identity', case when a.attidentity <> '' then (select " + _SEQUENCE + " || jsonb_build_object('always',"
    " a.attidentity = 'a', 'name', i.objid::regclass::text) from pg_depend i join pg_sequence s on s.seqrelid = i.objid"
    " where i.classid = 'pg_class'::regclass and i.refclassid = 'pg_class'::regclass and i.refobjid = c.oid"
    " and i.refobjsubid = a.attnum and i.deptype = 'i') end",
)}
from pg_class c join mine n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
left join pg_attrdef f on f.adrelid = c.oid and f.adnum = a.attnum
{_comment("pg_class", "c.oid", "a.attnum")}
where c.relkind in ('r', 'p', 'f') and not {_member("pg_class", "c.oid")}
order by c.oid, a.attnum
"""

_DEFAULTS = f"""
with {MINE}
select '2604:' || f.oid || ':0', 'default', format('%I.%I.%I', n.nspname, c.relname, a.attname),
  '1259:' || c.oid || ':' || a.attnum, {_doc(
    "'expression', pg_get_expr(f.adbin, f.adrelid)", "'view', nullif(c.relkind = 'v', false)",
)}
from pg_attrdef f join pg_class c on c.oid = f.adrelid join mine n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum = f.adnum
where a.attgenerated = '' and not {_member("pg_class", "c.oid")}
"""

_CONSTRAINTS = f"""
with {MINE}
select '2606:' || k.oid || ':0', 'constraint',
  format('%I.%I.%I', n.nspname, coalesce(c.relname, t.typname), k.conname),
  coalesce('1259:' || c.oid || ':0', '1247:' || t.oid || ':0'), {_doc(
    "'definition', pg_get_constraintdef(k.oid)", "'type', k.contype", "'comment', d.description",
    "'domain', nullif(t.oid is not null, false)",
    "'_inherited', nullif(k.conparentid <> 0 or (k.coninhcount > 0 and not k.conislocal), false)",
    "'_index', case when k.contype in ('p', 'u', 'x') then '1259:' || k.conindid || ':0' end",
)}
from pg_constraint k join mine n on n.oid = k.connamespace
left join pg_class c on c.oid = k.conrelid left join pg_type t on t.oid = k.contypid
{_comment("pg_constraint", "k.oid")}
where k.contype in ('c', 'f', 'p', 'u', 'x') and not {_member("pg_class", "coalesce(c.oid, 0)")}
  and not {_member("pg_type", "coalesce(t.oid, 0)")}
"""

_INDEXES = f"""
with {MINE}
select '1259:' || i.oid || ':0', 'index', format('%I.%I', n.nspname, i.relname), concat_ws(' ',
  '1259:' || c.oid || ':0', (select '1259:' || h.inhparent || ':0' from pg_inherits h where h.inhrelid = i.oid)), {_doc(
    "'definition', pg_get_indexdef(i.oid)", "'invalid', nullif(not x.indisvalid, false)", "'comment', d.description",
    "'clustered', nullif(x.indisclustered, false)", "'_inherited', nullif(i.relispartition, false)",
    "'_table', c.oid::regclass::text",
)}
from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
join mine n on n.oid = i.relnamespace
{_comment("pg_class", "i.oid")}
where c.relkind in ('r', 'p', 'm') and not {_member("pg_class", "c.oid")} and not exists (
  select from pg_constraint k where k.conindid = i.oid and k.contype in ('p', 'u', 'x')
)
"""

_FUNCTIONS = f"""
with {MINE}
select '1255:' || p.oid || ':0', 'function', p.oid::regprocedure::text, '2615:' || n.oid || ':0', {_doc(
    "'owner', p.proowner::regrole::text", _acl("p.proacl", "f", "p.proowner"), "'comment', d.description",
    "'kind', nullif(p.prokind, 'f')", "'arguments', pg_get_function_arguments(p.oid)",
    "'result', pg_get_function_result(p.oid)",
    "'definition', case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end",
    "'aggregate', (select jsonb_strip_nulls(jsonb_build_object('sfunc', g.aggtransfn::text, 'stype',"
    " format_type(g.aggtranstype, null), 'finalfunc', nullif(g.aggfinalfn::text, '-'), 'combinefunc',"
    " nullif(g.aggcombinefn::text, '-'), 'initcond', g.agginitval, 'kind', nullif(g.aggkind, 'n')))"
    " from pg_aggregate g where g.aggfnoid = p.oid)",
    "'definer', nullif(p.prosecdef, false)",
)}
from pg_proc p join mine n on n.oid = p.pronamespace {_comment("pg_proc", "p.oid")}
where not {_member("pg_proc", "p.oid")} and not exists (
  select from pg_depend r where r.classid = 'pg_proc'::regclass and r.objid = p.oid and r.deptype = 'i'
)
"""

_TRIGGERS = f"""
with {MINE_AND_SHARED}
select '2620:' || t.oid || ':0', 'trigger', format('%I.%I.%I', n.nspname, c.relname, t.tgname),
  '1259:' || c.oid || ':0', {_doc(
    "'definition', pg_get_triggerdef(t.oid)", "'enabled', nullif(t.tgenabled, 'O')",
    "'_on', c.oid::regclass::text", "'comment', d.description",
)}
from pg_trigger t join pg_class c on c.oid = t.tgrelid join mine n on n.oid = c.relnamespace
{_comment("pg_trigger", "t.oid")}
where not t.tgisinternal and t.tgparentid = 0 and not {_member("pg_trigger", "t.oid")}
union all
select '2618:' || r.oid || ':0', case r.rulename when '_RETURN' then '_alias' else 'rule' end,
  format('%I.%I.%I', n.nspname, c.relname, r.rulename), '1259:' || c.oid || ':0', {_doc(
    "'definition', case when r.rulename <> '_RETURN' then pg_get_ruledef(r.oid) end",
    "'enabled', nullif(r.ev_enabled, 'O')", "'comment', d.description",
)}
from pg_rewrite r join pg_class c on c.oid = r.ev_class join mine n on n.oid = c.relnamespace
{_comment("pg_rewrite", "r.oid")}
where not {_member("pg_class", "c.oid")}
"""

_POLICIES = f"""
with {MINE_AND_SHARED}
select '3256:' || p.oid || ':0', 'policy', format('%I.%I.%I', n.nspname, c.relname, p.polname),
  '1259:' || c.oid || ':0', {_doc(
    "'command', case p.polcmd when '*' then 'ALL' when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE'"
    " else 'DELETE' end", "'restrictive', nullif(not p.polpermissive, false)",
    "'roles', (select jsonb_agg(case r.role when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(r.role)) end"
    " order by 1) from unnest(p.polroles) r (role))",
    "'using', pg_get_expr(p.polqual, p.polrelid)", "'check', pg_get_expr(p.polwithcheck, p.polrelid)",
    "'comment', d.description", "'_on', c.oid::regclass::text",
)}
from pg_policy p join pg_class c on c.oid = p.polrelid join mine n on n.oid = c.relnamespace
{_comment("pg_policy", "p.oid")}
"""

_TYPES = f"""
with {MINE}
select '1247:' || t.oid || ':0', case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range'
    when 'c' then 'composite' end, format('%I.%I', n.nspname, t.typname), '2615:' || n.oid || ':0', {_doc(
    "'owner', t.typowner::regrole::text", _acl("t.typacl", "T", "t.typowner"), "'comment', d.description",
    "'labels', (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid)",
    "'base', case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod) end",
    "'default', case t.typtype when 'd' then t.typdefault end", "'not_null', nullif(t.typnotnull, false)",
    "'attributes', case t.typtype when 'c' then (select jsonb_agg(format('%I %s', a.attname,"
    " format_type(a.atttypid, a.atttypmod)) order by a.attnum) from pg_attribute a"
    " where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) end",
    "'subtype', (select format_type(g.rngsubtype, null) from pg_range g where g.rngtypid = t.oid)",
    "'_relation', case when t.typtype = 'c' then '1259:' || t.typrelid || ':0' end",
)}
from pg_type t join mine n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
{_comment("pg_type", "t.oid")}
where (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c')) and not {_member("pg_type", "t.oid")}
"""

_SMALL = f"""
with {MINE}
select '2615:' || n.oid || ':0', 'schema', quote_ident(n.nspname), '', {_doc(
    "'owner', s.nspowner::regrole::text", _acl("s.nspacl", "n", "s.nspowner"), "'comment', d.description",
)}
from mine n join pg_namespace s on s.oid = n.oid {_comment("pg_namespace", "n.oid")}
where not {_member("pg_namespace", "n.oid")}
union all
select '3079:' || x.oid || ':0', 'extension', quote_ident(x.extname), '', {_doc(
    "'version', x.extversion", "'schema', x.extnamespace::regnamespace::text",
)} from pg_extension x
union all
select '826:' || a.oid || ':0', 'default_privileges', concat_ws(' ', a.defaclrole::regrole,
    'in ' || nullif(a.defaclnamespace, 0)::regnamespace, 'on ' || a.defaclobjtype::text), '', {_doc(
    "'role', a.defaclrole::regrole::text", "'schema', nullif(a.defaclnamespace, 0)::regnamespace::text",
    "'on', a.defaclobjtype", "'_acl', to_jsonb(a.defaclacl::text[])",
)} from pg_default_acl a left join mine n on n.oid = a.defaclnamespace where a.defaclnamespace = 0 or n.oid is not null
union all
select '6104:' || p.oid || ':0', 'publication', quote_ident(p.pubname), '', {_doc(
    "'all_tables', nullif(p.puballtables, false)", "'via_root', p.pubviaroot", "'publish', concat_ws(', ', case when"
    " p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end, case when p.pubdelete then 'delete' end,"
    " case when p.pubtruncate then 'truncate' end)", "'owner', p.pubowner::regrole::text", "'comment', d.description",
)} from pg_publication p {_comment("pg_publication", "p.oid")}
union all
select '6106:' || r.oid || ':0', 'published', format('%I %s', p.pubname, r.prrelid::regclass),
  concat_ws(' ', '6104:' || p.oid || ':0', '1259:' || r.prrelid || ':0'), {_doc(
    "'publication', quote_ident(p.pubname)", "'table', r.prrelid::regclass::text",
    "'where', pg_get_expr(r.prqual, r.prrelid)",
    "'columns', (select jsonb_agg(quote_ident(a.attname) order by a.attnum) from pg_attribute a"
    " where a.attrelid = r.prrelid and a.attnum = any (r.prattrs))",
)} from pg_publication_rel r join pg_publication p on p.oid = r.prpubid join pg_class c on c.oid = r.prrelid
join mine n on n.oid = c.relnamespace
union all
select '6237:' || r.oid || ':0', 'published_schema', format('%I %s', p.pubname, r.pnnspid::regnamespace),
  concat_ws(' ', '6104:' || p.oid || ':0', '2615:' || r.pnnspid || ':0'), {_doc(
    "'publication', quote_ident(p.pubname)", "'schema', r.pnnspid::regnamespace::text",
)} from pg_publication_namespace r join pg_publication p on p.oid = r.pnpubid
union all
select '3466:' || v.oid || ':0', 'event_trigger', quote_ident(v.evtname), '', {_doc(
    "'event', v.evtevent", "'tags', to_jsonb(v.evttags)", "'function', v.evtfoid::regproc::text",
    "'enabled', nullif(v.evtenabled, 'O')", "'owner', v.evtowner::regrole::text", "'comment', d.description",
)} from pg_event_trigger v {_comment("pg_event_trigger", "v.oid")} where not {_member("pg_event_trigger", "v.oid")}
union all
select '3381:' || s.oid || ':0', 'statistics', format('%I.%I', n.nspname, s.stxname),
  '1259:' || s.stxrelid || ':0', {_doc(
    "'definition', pg_get_statisticsobjdef(s.oid)", "'owner', s.stxowner::regrole::text", "'comment', d.description",
)} from pg_statistic_ext s join mine n on n.oid = s.stxnamespace {_comment("pg_statistic_ext", "s.oid")}
"""

_OTHERS = f"""
with {MINE}, others (class, oid, namespace) as (
  select 'pg_operator'::regclass, oid, oprnamespace from pg_operator where oid >= 16384
  union all select 'pg_opclass'::regclass, oid, opcnamespace from pg_opclass where oid >= 16384
  union all select 'pg_opfamily'::regclass, oid, opfnamespace from pg_opfamily where oid >= 16384
  union all select 'pg_collation'::regclass, oid, collnamespace from pg_collation where oid >= 16384
  union all select 'pg_conversion'::regclass, oid, connamespace from pg_conversion where oid >= 16384
  union all select 'pg_ts_config'::regclass, oid, cfgnamespace from pg_ts_config where oid >= 16384
  union all select 'pg_ts_dict'::regclass, oid, dictnamespace from pg_ts_dict where oid >= 16384
  union all select 'pg_cast'::regclass, oid, null from pg_cast where oid >= 16384
  union all select 'pg_foreign_data_wrapper'::regclass, oid, null from pg_foreign_data_wrapper where oid >= 16384
  union all select 'pg_foreign_server'::regclass, oid, null from pg_foreign_server where oid >= 16384
)
select o.class::oid || ':' || o.oid || ':0', 'other', i.type || ' ' || i.identity, '', '{{}}'::jsonb
from others o left join mine n on n.oid = o.namespace
cross join lateral pg_identify_object(o.class::oid, o.oid, 0) i
where (o.namespace is null or n.oid is not null)
  and not exists (select from pg_depend e where e.classid = o.class and e.objid = o.oid and e.deptype in ('e', 'i'))
"""

_SAME = """
select '1247:' || t.oid || ':0', '_alias', '', coalesce('1259:' || nullif(t.typrelid, 0), '1247:' || t.typelem) || ':0',
  '{}'::jsonb
from pg_type t where t.oid >= 16384 and (t.typrelid <> 0 or (t.typelem <> 0 and t.typcategory = 'A'))
"""

_NEEDS = """
select classid || ':' || objid || ':' || objsubid, refclassid || ':' || refobjid || ':' || refobjsubid
from pg_depend
where objid >= 16384 and refobjid >= 16384 and deptype in ('n', 'a', 'i', 'P', 'S')
"""

OBJECTS = (
    _SMALL, _TYPES, _TABLES, _COLUMNS, _DEFAULTS, _CONSTRAINTS, _INDEXES, _SEQUENCES, _VIEWS, _FUNCTIONS, _TRIGGERS,
    _POLICIES, _OTHERS, _SAME,
)
NEEDS = _NEEDS
SERVER = "select current_setting('server_version_num')::int"
