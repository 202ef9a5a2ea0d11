-- A login that only looks: the migration history and the catalog, nothing of anybody's data.
-- For dashboards, for people, and for a Stagedoor that is to show status and change nothing. Running it again changes
-- nothing. Run it as postgres, which works on hosted Supabase too, then: \password stagedoor_reader

begin;

do $$
begin
  if not exists (select from pg_roles where rolname = 'stagedoor_reader') then
    create role stagedoor_reader login connection limit 5;
  end if;
end $$;

-- The history as the Supabase CLI makes it, where no migration has made it yet.
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
alter table supabase_migrations.schema_migrations add column if not exists statements text[];
alter table supabase_migrations.schema_migrations add column if not exists name text;

grant usage on schema supabase_migrations to stagedoor_reader;
grant select on supabase_migrations.schema_migrations to stagedoor_reader;

-- A wrong statement is refused before anything looks at rights.
alter role stagedoor_reader set default_transaction_read_only to on;
alter role stagedoor_reader set statement_timeout to '30s';

comment on role stagedoor_reader is 'Stagedoor: reads the migration history';

commit;
