"""For every check one migration that fires and one near miss that does not."""

from __future__ import annotations

from typing import NamedTuple

HEAD = "-- Migration: x\n-- Date: 2026-01-01\n-- Author: Ana\n"
NAME = "20260101000000_x.sql"
DEMO = "eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6ImFub24ifQ"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9." + "eyJ" + "yb2xlIjoiYW5vbiJ9." + "c2lnbmF0dXJlLXNpZ25hdHVyZQ"


class Case(NamedTuple):
    """A rule, what makes it speak, and what is close to it and does not."""

    rule: str
    fires: str | bytes
    near: str | bytes
    name: str = NAME
    near_name: str = NAME


CASES = (
    Case("encoding", b"select '\xff';", "select 'é';"),
    Case("encoding", b"select 1;\0", "select 1;"),
    Case("hidden-characters", "select 1; -- \u202e cba", "select 'schön', '漢字';"),
    Case("hidden-characters", "select 'a\u200bb';", "select 'a b';"),
    Case("hidden-characters", "select 'a\u200db';", "select '\U0001f468\u200d\U0001f469\u200d\U0001f467', '\u2764\ufe0f\u200d\U0001f525';"),
    Case("could-not-analyse", "selec 1;", "select 1;"),
    Case("could-not-analyse", "do $$ begin delte from x; end $$;", "do $$ begin null; end $$;"),
    Case("could-not-analyse", "create function public.f() returns trigger language plpgsql as $$ begin retur new end $$;",
         "create function public.f() returns trigger language plpgsql set search_path = '' as $$ begin\n"
         "  if tg_op = 'DELETE' then return old; end if;\n  new.note := '{}},{}}'; return new; end $$;"),
    Case("could-not-analyse", "create function public.f(a auth.users) returns void language plpgsql as $$ begin retur 1 end $$;",
         "create function public.f(a extensions.vector(3), b public.mood[]) returns setof pgmq.message language plpgsql\n"
         "set search_path = '' as $$ declare who auth.users; many extensions.vector(3)[] := '{}'; no constant public.mood[] := '{}'; begin\n"
         "  many[1] := 'a'; return query select 1; end $$;"),
    Case("rows-without-where", "do $$ declare who auth.users; begin delete from private.books; end $$;",
         "do $$ declare who auth.users; begin delete from private.books where id = 1; end $$;"),
    Case("psql-only", "\\echo hello\nselect 1;", "select E'\\\\echo';"),
    Case("psql-only", "copy public.books from stdin;\n1\n\\.\n", "insert into public.books values (1);"),
    Case("empty-file", "-- nothing yet\n", "select 1;"),
    Case("empty-file", "begin;\ncommit;\n", "begin;\nselect 1;\ncommit;\n"),
    Case("file-name", "select 1;", "select 1;", name="add_books.sql"),
    Case("file-name", "select 1;", "select 1;", name="20261341000000_x.sql"),
    Case("header", "select 1;", HEAD + "select 1;"),
    Case("transaction-control", "select 1;\ncommit;\nselect 2;", "begin;\nselect 1;\ncommit;"),
    Case("transaction-control", "begin;\nselect 1;", "start transaction;\nselect 1;\nend;"),
    Case("transaction-control", "do $$ begin commit; end $$;", "do $$ begin null; end $$;"),
    Case("transaction-control", "savepoint a;", "comment on table public.books is 'savepoint';"),
    Case("non-transactional", "create index concurrently i on public.books (title);\nselect 1;",
         "create index concurrently i on public.books (title);"),
    Case("non-transactional", "vacuum public.books;\nselect 1;", "analyze public.books;\nselect 1;"),
    Case("non-transactional", "alter system set work_mem = '1MB';",
         "alter database postgres set work_mem = '1MB';"),
    Case("non-transactional", "vacuum (full) public.books;", "vacuum (analyze) public.books;"),
    Case("non-transactional", "reindex (concurrently) schema public;", "reindex (concurrently) table public.books;"),
    Case("concurrent-if-not-exists", "create index concurrently if not exists i on public.books (title);",
         "create index if not exists i on public.books (title);"),
    Case("enum-value-used", "alter type public.mood add value 'calm';\nupdate public.p set mood = 'calm' where id = 1;",
         "alter type public.mood add value 'calm';\nupdate public.p set mood = 'sad' where id = 1;"),
    Case("enum-value-used", "alter type public.mood add value 'calm';\nselect 'calm'::public.mood;",
         "create type public.mood as enum ('sad');\nalter type public.mood add value 'calm';\n"
         "select 'calm'::public.mood;"),
    Case("if-exists", "alter table public.books add column a text;",
         "alter table public.books add column if not exists a text;"),
    Case("if-exists", "alter table public.books add column a text, add constraint c check (a <> ''), drop constraint d, "
         "drop b, alter c drop not null;", "alter table public.books add constraint c check (a <> '') not valid;"),
    Case("if-exists", "drop view public.v;", "drop view if exists public.v;"),
    Case("if-exists", "create table public.a (id bigint primary key);",
         "create table if not exists public.a (id bigint primary key);"),
    Case("drop-without-backup", "drop table if exists public.books;",
         "drop view if exists public.books;"),
    Case("drop-without-backup", "alter table public.books drop column if exists a;",
         "alter table public.books drop constraint if exists a;"),
    Case("drop-without-backup", "alter table public.books alter column a type text using left(a, 3);",
         "alter table public.books alter column a type text;"),
    Case("drop-without-backup", "truncate public.books;", "select 'truncate public.books';"),
    Case("drop-without-backup", "with gone as (delete from public.books where id = 1 returning *) select 1;",
         "select 'delete from public.books';"),
    Case("drop-without-backup", "alter table public.books alter column a type smallint;",
         "alter table public.books alter column a set default 1;"),
    Case("drop-without-backup", "do $$ begin drop table public.books; end $$;",
         "create function public.f() returns void language plpgsql as $$ begin drop table public.books; end $$;"),
    Case("drop-without-backup", "explain analyze delete from public.books where id = 1;",
         "explain select 'delete from public.books';"),
    Case("drop-without-backup", "create table private.a as with d as (delete from public.b returning *) select 1;",
         "create table private.a as select 1 as id;"),
    Case("grants", "create schema shop grant usage on schema shop to anon;", "create schema shop;"),
    Case("grants", "alter role anon bypassrls;", "alter role anon nobypassrls;"),
    Case("grants", "alter role authenticator bypassrls;", "alter role authenticator set statement_timeout = '8s';"),
    Case("grants", "grant service_role to authenticated;", "revoke service_role from authenticated;"),
    Case("rls-missing", "create table public.e_2027 partition of public.e for values from (1) to (2);",
         "create table public.e_2027 partition of public.e for values from (1) to (2);\n"
         "alter table public.e_2027 enable row level security;"),
    Case("rls-missing", "select 1 as id into public.a;", "select 1 as id into private.a;"),
    Case("unreadable", "alter table public.a add column b text default public.next_code();",
         "alter table public.a alter column b set default public.next_code();"),
    Case("cascade", "drop view if exists public.v cascade;", "drop view if exists public.v restrict;"),
    Case("rows-without-where", "update public.books set a = 1;", "update public.books set a = 1 where id = 1;"),
    Case("rows-without-where", "delete from public.books where true;", "delete from public.books where id = 1;"),
    Case("backfill", "update public.books set a = 1 where b is null;", "insert into public.books values (1);"),
    Case("backfill", "insert into public.a select * from public.books;",
         "insert into public.a select n from generate_series(1, 3) n;"),
    Case("unreadable", "select public.do_it();", "select now(), auth.uid(), lower('A');"),
    Case("unreadable", "do $$ begin execute 'drop ' || 'table x'; end $$;",
         "do $$ begin execute 'create table private.a (id int)'; end $$;"),
    Case("unreadable", "do $$ begin execute 'drop tabel x'; end $$;", "do $$ begin perform now(); end $$;"),
    Case("drop-without-backup", "do $$ begin if false then execute $q$drop table public.books$q$; end if; end $$;",
         "do $$ begin execute $q$comment on table public.books is 'drop table'$q$; end $$;"),
    Case("transaction-control", "do $$ begin execute 'commit'; end $$;", "do $$ begin execute 'select 1'; end $$;"),
    Case("unreadable", "do $$ begin if exists (select 1 from public.books) then null; end if; end $$;",
         "do $$ begin if exists (select 1 from pg_policies) then null; end if; end $$;"),
    Case("server-files", "copy public.books to program 'curl example.org';", "comment on table public.a is 'program';"),
    Case("server-files", "select pg_read_file('/etc/passwd');", "select pg_relation_size('public.books');"),
    Case("server-files", r"do E'begin perform p\x67_read_file(''/etc/passwd''); end';", r"do E'begin perform l\x6fwer(''x''); end';"),
    Case("server-files", """do U&'begin perform d!0062link_exec(''a'', ''b''); end' uescape '!';""", "do U&'begin null; end';"),
    Case("server-files", "create extension dblink with schema extensions;",
         "create extension pg_trgm with schema extensions;"),
    Case("secrets", "-- alter database postgres set app.service_role_key = 'k9-Zq7-mmA-11x-pQr';",
         "-- alter database postgres set app.service_role_key = 'your-service-role-key';\n"
         "-- alter database postgres set app.service_role_key = '<service-role-key>';\n"
         "-- create role bot password '[YOUR-PASSWORD]'; postgresql://bot:your-password@db.example.org"),
    Case("secrets", "select dblink('postgresql://bot:s3cr-et9@db.example.org');",
         f"select 'eyJ' || '{DEMO}'; select '{JWT.split('.')[0]}.{DEMO}.c2lnbmF0dXJlLXNpZ25hdHVyZQ';"),
    Case("secrets", f"select '{JWT}';", "select 'eyJhbGciOiJIUzI1NiJ9';"),
    Case("secrets", "create role bot login password 'correct horse';", "create role bot nologin;"),
    Case("secrets", "create role bot login password 'myfirstdog';", "create role bot login password 'YOUR_PASSWORD';"),
    Case("secrets", "create role bot login password '$ecretly';", "create role bot login password '${BOT_PASSWORD}';"),
    Case("secrets", f"create role bot login password 'your{'a' * 60}1';", "create role bot login password 'change-me';"),
    Case("secrets", "alter database postgres set app.jwt_secret = 'thirty-two characters of it all';",
         "update public.hints set password_hint = 'the name of my first dog' where id = 1;"),
    Case("production-data", "insert into public.p values ('ana@shop.org');",
         "insert into public.p values ('ana@example.org');"),
    Case("production-data", "update public.p set a = 1 where id = '6f9619ff-8b86-4d01-b42d-00c04fc964ff';",
         "update public.p set a = 1 where id = '6f9619ff';"),
    Case("rls-missing", "create table public.a (id bigint primary key);",
         "create table public.a (id bigint primary key);\nalter table public.a enable row level security;"),
    Case("rls-missing", "create table a (id bigint primary key);", "create table private.a (id bigint primary key);"),
    Case("rls-off", "alter table public.books disable row level security;",
         "alter table public.books enable row level security;"),
    Case("rls-off", "drop policy if exists p on public.books;",
         "drop policy if exists p on public.books;\n"
         "create policy p on public.books for select to anon using (open);"),
    Case("rls-without-policy",
         "create table public.a (id int);\ncreate policy p on public.a to authenticated using (a);",
         "create table public.a (id int);\nalter table public.a enable row level security;\n"
         "create policy p on public.a for select to authenticated using (a);"),
    Case("policy-open", "create policy p on public.books for all to authenticated using (true);",
         "create policy p on public.books for all to service_role using (true);"),
    Case("policy-open", "create policy p on public.books for insert with check (1 = 1);",
         "create policy p on public.books for insert to authenticated with check (user_id = 1);"),
    Case("policy-open", "create policy p on public.books for update using ((select auth.role() as role) = 'authenticated');",
         "create policy p on public.books for update to authenticated using (auth.uid() is not null and owner = id);"),
    Case("policy-open", "alter policy p on public.books to authenticated using (auth.uid() is not null);",
         "alter policy p on public.books to anon using (auth.uid() is not null);"),
    Case("policy-without-to", "create policy p on public.books for update using (id = 1);",
         "create policy p on public.books for update to authenticated using (id = 1);"),
    Case("policy-user-metadata",
         "create policy p on public.a to authenticated using ((select auth.jwt()) -> 'user_metadata' ->> 'a' = 'b');",
         "create policy p on public.a to authenticated using ((select auth.jwt()) -> 'app_metadata' ->> 'a' = 'b');"),
    Case("policy-user-metadata", r"create policy p on public.a to authenticated using ((select auth.jwt()) -> E'user\x5fmetadata' ->> 'a' = 'b');",
         r"create policy p on public.a to authenticated using ((select auth.jwt()) -> E'app\x5fmetadata' ->> 'a' = 'b');"),
    Case("policy-initplan", r'create policy p on public.books to authenticated using (U&"\0061uth".uid() = user_id);',
         r'create policy p on public.books to authenticated using ((select U&"\0061uth".uid()) = user_id);'),
    Case("policy-initplan", "create policy p on public.books to authenticated using (auth.uid() = user_id);",
         "create policy p on public.books to authenticated using ((select auth.uid()) = user_id);"),
    Case("grants", "grant select on public.books to anon;", "grant select on public.books to service_role;"),
    Case("grants", "alter default privileges in schema public grant select on tables to anon;",
         "revoke select on public.books from anon;"),
    Case("security-definer", "create function public.f() returns int language sql security definer as 'select 1';",
         "create function public.f() returns int language sql security definer set search_path = '' as 'select 1';"),
    Case("security-definer", "create function public.f(q text) returns void language plpgsql security definer "
         "set search_path = '' as $$ begin execute q; end $$;",
         "create function public.f(q text) returns void language plpgsql security definer "
         "set search_path = '' as $$ begin execute format('analyze %I', q); end $$;"),
    Case("view-security", "create materialized view public.m as select * from public.books;",
         "create materialized view private.m as select * from public.books;"),
    Case("view-security", "alter view public.v set (security_invoker = off);",
         "alter view public.v set (security_invoker = on);"),
    Case("view-security", "alter view public.v reset (security_invoker);", "alter view public.v reset (security_barrier);"),
    Case("view-security", "create view public.v as select * from public.books;",
         "create view public.v with (security_invoker = on) as select * from public.books;"),
    Case("view-security", "create view public.v with (security_invoker = off) as select * from auth.users;",
         "create view private.v as select * from auth.users;"),
    Case("platform-schemas", "alter table auth.users add column if not exists a text;",
         "create table public.p (id uuid primary key references auth.users (id));"),
    Case("platform-schemas", r'create table if not exists U&"\0061uth".a (id int primary key);', r'create table if not exists U&"\0061a".a (id int primary key);'),
    Case("platform-schemas", "drop table if exists auth.users;",
         "create table if not exists _private.a (id bigint primary key);"),
    Case("platform-schemas", "update supabase_migrations.schema_migrations set name = 'x' where version = '1';",
         "select version from supabase_migrations.schema_migrations;"),
    Case("platform-schemas", "insert into auth.users (id) values (gen_random_uuid());",
         "insert into storage.buckets (id, name) values ('a', 'a') on conflict do nothing;"),
    Case("extension", "create extension if not exists pg_trgm;",
         "create extension if not exists pg_trgm with schema extensions version '1.6';"),
    Case("realtime", "alter publication supabase_realtime add table public.books;",
         "alter publication other add table public.books;"),
    Case("session-settings", "set work_mem = '1MB';", "set local work_mem = '1MB';"),
    Case("session-settings", "set row_security = off;", "set local row_security = off;"),
    Case("session-settings", "set local session_replication_role = replica;", "reset role;"),
    Case("session-settings", "select pg_catalog.set_config('search_path', '', false);",
         "select pg_catalog.set_config('search_path', '', true);"),
    Case("session-settings", "select set_config('session_replication_role', 'replica', true);",
         "select current_setting('session_replication_role');"),
    Case("session-settings", r"""select U&"set\005fconfig"('role', 'postgres', true);""", r"""select U&"set\005fconfig"('lock_timeout', '1s', true);"""),
    Case("unreadable", "select set_config(name, 'x', true) from public.settings;",
         "select set_config('search_path', '', true);"),
    Case("triggers-off", "alter table public.a disable trigger all;", "alter table public.a enable trigger all;"),
    Case("triggers-off", "reassign owned by ana to postgres;", "drop role if exists ana;"),
    Case("triggers-off", "alter table public.books owner to ana;", "alter table public.books owner to postgres; alter type public.t owner to postgres;"),
    Case("triggers-off", "alter function public.f() owner to postgres;",
         "create function public.f() returns int language sql as 'select 1';\nalter function public.f() owner to postgres;"),
    Case("triggers-off", "alter view public.v owner to postgres;",
         "create view public.v as select 1 as one;\nalter view public.v owner to postgres;"),
    Case("rows-without-where", "select u&\"cr\\006fn\".schedule('x', '* * * * *', 'delete from public.a');",
         "select u&\"cr\\006fn\".unschedule('x');"),
    Case("view-security", "create view public.v as select id from public.books; alter view public.v set (security_invoker = on); "
         "create or replace view public.v as select id from public.books;",
         "create view public.v with (security_invoker = on) as select id from public.books;"),
    Case("heavy-lock", "refresh materialized view public.m;", "refresh materialized view concurrently public.m;"),
    Case("heavy-lock", "create trigger t after insert on public.books for each row execute function public.f();",
         "drop trigger if exists t on public.books;"),
    Case("exclude-constraint", "alter table public.b add constraint e exclude using gist (a with &&);",
         "create table private.b (a int4range, exclude using gist (a with &&));"),
    Case("lock-pile-up", "alter table public.a add column if not exists x int;\n"
         "alter table public.b add column if not exists x int;",
         "alter table public.a add column if not exists x int;\nalter table public.a add column if not exists y int;"),
    Case("foreign-key-index", "alter table public.a add column b_id bigint references public.b (id);\n"
         "create index if not exists i on public.a (note, b_id);",
         "alter table public.a add column b_id bigint references public.b (id);\n"
         "create index if not exists i on public.a (b_id, note);"),
    Case("foreign-key-index", "create table private.a (id int primary key, b int references private.b);",
         "create table private.a (id int primary key, b int references private.b);\ncreate index i on private.a (b);"),
    Case("public-bucket", "insert into storage.buckets (id, name, public) values ('a', 'a', false), ('b', 'b', true);",
         "insert into storage.buckets (id, name, public) values ('a', 'a', false) on conflict (id) do update set name = 'b';"),
    Case("public-bucket", "update storage.buckets set public = true where id = 'a';",
         "update storage.buckets set public = false where id = 'a'; update private.buckets set public = true where id = 1;"),
    Case("public-bucket", "insert into storage.buckets (id, name, public) select 'a', 'a', true on conflict do nothing;",
         "create function public.f() returns void language sql set search_path = '' as $$ update storage.buckets set public = true where id = 'a' $$;"),
    Case("rows-without-where", "select cron.schedule('nightly', '0 3 * * *', $$\n delete from public.logs;\n$$);",
         "select cron.schedule('nightly', '0 3 * * *', $$ delete from public.logs where at < now() - interval '30 days' $$);"),
    Case("unreadable", "select cron.schedule('x', '* * * * *', format('delete from %I', 'a'));",
         "select cron.schedule('x', '* * * * *', 'delete from a where b');"),
    Case("could-not-analyse", "select cron.schedule('x', '* * * * *', 'delete fro a'); create table public.b (id int);",
         "select cron.schedule('x', '* * * * *', 'vacuum public.a');"),
    Case("rows-without-where", "do $$ begin perform cron.schedule('0 3 * * *', 'update public.a set b = 1'); end $$;",
         "select cron.schedule('x', '* * * * *', format('delete from %I', 'a'));"),
    Case("rows-without-where", "select cron.schedule(job_name := 'x', schedule := '* * * * *', command := 'delete from public.a');",
         "select cron.schedule_in_database('x', '* * * * *', 'delete from public.a where b', 'postgres');"),
    Case("security-definer", "create function public.f(q text) returns json language plpgsql security definer set search_path = '' as $$\n"
         "declare r json; begin execute 'select json_agg(t) from (' || q || ') t' into r; return r; end $$;",
         "create function public.f(q text, n int) returns void language plpgsql security definer set search_path = '' as $$\n"
         "begin execute 'drop table ' || quote_ident(q) || n; execute format('drop table %I.%1$I', q);\n"
         "execute 'select $1 where ''q'' = $1' using q; end $$;"),
    Case("security-definer", "create function public.f(q varchar) returns void language plpgsql security definer set search_path = '' as $$\n"
         "begin execute format('drop table %s cascade', q); end $$;",
         "create function public.f(q text) returns void language plpgsql set search_path = '' as $$ begin execute format('drop table %s', q); end $$;"),
    Case("security-definer", "create function public.f(q citext) returns void language plpgsql security definer set search_path = '' as $$\n"
         "begin execute lower(q); end $$;",
         "create function public.f(q text, n bigint) returns void language plpgsql security definer set search_path = '' as $$\n"
         "begin execute 'drop table ' || quote_ident(lower(q)); execute 'select ' || n; end $$;"),
    Case("security-definer", "alter function public.f(int) reset search_path;", "alter function public.f(int) set search_path = '';"),
    Case("security-definer", "do $$ begin execute 'create function public.f() returns int language sql security def'\n"
         "'iner as ''select 1'''; end $$;", "select 'security def'\n'iner';"),
    Case("rows-without-where", "do $$ begin execute 'do $x$ begin delete from public.a; end $x$'; end $$;",
         "do $$ begin execute 'do $x$ begin delete from public.a where b; end $x$'; end $$;"),
    Case("rows-without-where", "do $$ begin execute 'explain analyze delete from public.a'; end $$;",
         "do $$ begin execute 'explain analyze select * from public.a'; end $$;"),
    Case("secrets", "alter role app password 'h4rd-Real-Secret9' /* password 'example' */;",
         "create role app password 'your-password'; comment on role app is 'password ''abcdefgh''';"),
    Case("secrets", "create role app /* .eyJpc3MiOiJzdXBhYmFzZS1kZW1v */ password 'h4rd-Real-Secret9';", "create role app;"),
    Case("public-bucket", "insert into storage.buckets values ('a', 'a', null, now(), now(), true);",
         "insert into storage.buckets values ('a', 'a', null, now(), now(), false);"),
    Case("public-bucket", "update storage.buckets set (name, public) = ('a', 'yes') where id = 'a';",
         "update storage.buckets set (public, name) = (false, 'true') where id = 'a';"),
    Case("platform-schemas", "create trigger t after insert on storage.buckets for each row execute function public.f();",
         "select 'create policy on storage.objects';"),
    Case("primary-key", "create table private.a (id int); alter table private.a add constraint a_u unique (id);",
         "create table private.a (id int); create unique index a_pkey on private.a (id);\n"
         "alter table only private.a add constraint a_pkey primary key using index a_pkey;"),
    Case("primary-key", "create table private.a (id int);", "create table private.a (id int primary key);"),
    Case("wide-index", "create index if not exists i on private.a (a, b, c, d);",
         "create index if not exists i on private.a (a, b, c) include (d);"),
    Case("json-type", "alter table public.books add column if not exists a json;",
         "alter table public.books add column if not exists a jsonb;"),
    # Squawk's, as far as we listen to them
    Case("require-concurrent-index-creation", "create index if not exists i on public.books (title);",
         "create table private.a (id int);\ncreate index if not exists i on private.a (id);"),
    Case("require-concurrent-index-deletion", "drop index if exists public.i;", "drop view if exists public.v;"),
    Case("require-concurrent-reindex", "reindex table public.books;", "analyze public.books;"),
    Case("require-concurrent-partition-detach", "alter table public.a detach partition public.b;",
         "alter table public.a detach partition public.b concurrently;"),
    Case("constraint-missing-not-valid", "alter table public.a add constraint c check (b > 0);",
         "alter table public.a add constraint c check (b > 0) not valid;"),
    Case("adding-foreign-key-constraint",
         "alter table public.a add constraint c foreign key (b) references public.b (id);",
         "alter table public.a add constraint c foreign key (b) references public.b (id) not valid;"),
    Case("disallowed-unique-constraint", "alter table public.a add constraint c unique (b);",
         "alter table public.a add constraint c unique using index i;"),
    Case("adding-serial-primary-key-field", "alter table public.a add column b serial primary key;",
         "create table private.a (b bigint primary key);"),
    Case("adding-field-with-default", "alter table public.a add column b uuid default gen_random_uuid();",
         "alter table public.a add column b text default 'x';"),
    Case("adding-field-with-default", "alter table public.a add b text default encode(extensions.gen_random_bytes(8), 'hex') not null;",
         "alter table public.a add b timestamptz not null default timezone('utc'::text, now()), add c uuid default auth.uid(),\n"
         "add d jsonb default jsonb_build_object('a', 1), add e timestamptz default (now() + interval '7 days'),\n"
         "add f uuid default ((auth.jwt() -> 'app_metadata') ->> 'tenant')::uuid;"),
    Case("adding-field-with-default", "alter table public.a add b tsvector generated always as (to_tsvector('english', c)) stored;",
         "alter table public.a add b tsvector;"),
    Case("adding-field-with-default", "alter table public.a add b bigint generated by default as identity;",
         "create table private.a (id bigint generated by default as identity primary key);"),
    Case("adding-field-with-default", "do $$ begin alter table public.a add b uuid default public.next_id(); end $$;",
         "create function public.f() returns void language plpgsql as $$ begin alter table public.a add b uuid default gen_random_uuid(); end $$;"),
    Case("adding-required-field", "alter table public.a add column b text not null;",
         "alter table public.a add column b text not null default 'x';"),
    Case("adding-not-nullable-field", "alter table public.a alter column b set not null;",
         "alter table public.a alter column b set default 1;"),
    Case("changing-column-type", "alter table public.a alter column b type bigint;",
         "alter table public.a alter column b set default 1;"),
    Case("renaming-column", "alter table public.a rename column b to c;",
         "alter table public.a add column if not exists c text;"),
    Case("constraint-missing-not-valid", "alter table public.a add constraint c check (b > 0) not valid;\n"
         "alter table public.a validate constraint c;", "alter table public.a validate constraint c;"),
    Case("policy-open", 'create policy "Anybody may, write" on public."Order Lines" for insert to anon with check (true);',
         "create policy p on public.a for insert to anon with check (b = 1);"),
    Case("renaming-table", "alter table public.a rename to b;",
         "alter table public.a add column if not exists c text;"),
    Case("ban-set-schema", "alter table public.a set schema private;", "create schema if not exists private;"),
    Case("ban-drop-view", "drop view if exists public.v;", "drop index if exists public.v;"),
    Case("ban-drop-function", "drop function if exists public.f();", "drop view if exists public.f;"),
    Case("ban-drop-constraint", "alter table public.a drop constraint c;",
         "alter table public.a validate constraint c;"),
    Case("ban-drop-not-null", "alter table public.a alter column b drop not null;",
         "alter table public.a alter column b set default 1;"),
    Case("identifier-too-long", f"create table private.{'a' * 70} (id int primary key);",
         f"create table private.{'a' * 60} (id int primary key);"),
    Case("prefer-bigint-over-int", "create table private.a (id int primary key);",
         "create table private.a (id bigint primary key);"),
    Case("prefer-timestamp-tz", "alter table public.a add column b timestamp;",
         "alter table public.a add column b timestamptz;"),
    Case("require-table-schema", "alter table a add column b text;", "alter table public.a add column b text;"),
    Case("ban-create-policy", "create policy p on public.a for select to authenticated using (b);",
         "alter table public.a enable row level security;"),
    Case("ban-revoke", "revoke select on public.a from anon;", "grant select on public.a to service_role;"),
)

SHOP = """
create table public.books (id bigint primary key, title varchar(20), isbn varchar(13), price numeric(10, 2),
  stock int, note text, twice int generated always as (stock * 2) stored);
create schema shop;
create table shop.apart (id int primary key);
alter table public.books enable row level security;
create policy readers on public.books for select to anon using (title <> 'x');
create policy writers on public.books for update to anon using (title <> 'x');
create table public.tags (id int primary key, book bigint references public.books (id));
alter table public.tags enable row level security;
create policy all_tags on public.tags for select to anon using (true);
create table public.loose (id int primary key);
create policy none on public.loose for select to anon using (true);
create view public.titles as select id, title from public.books;
create view public.safe with (security_invoker = on) as select id from public.tags;
create function public.left_in_stock(b bigint) returns int language plpgsql as
  $$ declare n int; begin select stock into n from public.books where id = b; return n; end $$;
create function public.rate() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger rated before update on public.books for each row execute function public.rate();
create function public.left_of(b bigint) returns int language sql as 'select 1';
create function public.calls() returns int language plpgsql as $$ begin return public.left_of(1); end $$;
create function public.may_read() returns boolean language sql as 'select true';
create policy by_function on public.loose for update to anon using (public.may_read());
"""
GROUNDED = (
    Case("still-used", "alter table public.books drop column title cascade;",
         "alter table public.books drop column note;"),
    Case("still-used", "drop table public.books cascade;", "drop table public.loose;"),
    Case("still-used", "alter table public.books rename column stock to left_over;",
         "alter table public.books rename column note to remark;"),
    Case("still-used", "alter table public.books alter column title type text;",
         "alter table public.books alter column isbn type text;"),
    Case("still-used", "alter table public.books drop column title;",
         "drop view public.titles;\ndrop policy readers on public.books;\ndrop policy writers on public.books;"),
    Case("still-used", "drop function public.rate();",
         "drop trigger if exists rated on public.books;\ndrop function public.rate();"),
    Case("still-used", "drop function public.left_of(bigint);",
         "drop function public.left_of(bigint);\n"
         "create function public.left_of(b bigint, at int) returns int language sql as 'select 1';"),
    Case("still-used", "drop function public.may_read() cascade;",
         "drop policy by_function on public.loose;\ndrop function public.may_read();"),
    Case("newer-syntax", "create table private.a (id int primary key, b int generated always as (id) virtual);",
         "create table private.a (id int primary key, b int generated always as (id) stored);"),
    Case("newer-syntax", "alter table public.tags add primary key (id, r without overlaps);",
         "alter table public.tags add unique nulls not distinct (id);"),
)
"""Checks that need to know what a database holds: judged on the catalog of `SHOP`, on Postgres 17."""

MAKES = """
create table public.a (id int primary key);
create index a_idx on public.books (title);
create policy a_policy on public.books for select to anon using (open);
alter table public.books add column subtitle text;
"""
WITH_BACK = (
    Case("rollback-file", "drop table public.a;\nalter table public.books drop column subtitle;\ndrop index a_idx;",
         "drop policy a_policy on public.books;\ndrop index a_idx;\ndrop table public.a;\n"
         "alter table public.books drop column subtitle;"),
    Case("rollback-file", "drop table public.a;", "drop table public.books; drop table a; -- with subtitle"),
    Case("transaction-control", "drop table public.a;\ncommit;\nselect 1;", "begin;\ndrop table public.a;\ncommit;"),
    Case("server-files", "copy public.a to program 'x';", "drop table public.a;"),
    Case("could-not-analyse", "dorp table public.a;", "drop table public.a;"),
)
"""Rollback files of the migration `MAKES`."""
