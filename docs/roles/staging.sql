-- Stagedoor's own login for staging. Running it again changes nothing.
--
-- Run it as a superuser (self-hosted Supabase: supabase_admin), then give the role a password:
--   psql "$ADMIN_URL" --set ON_ERROR_STOP=1 --file staging.sql
--   \password stagedoor
-- STAGING_DATABASE_URL is then the usual address with `stagedoor` as its user.
-- docs/roles/README.md says what this role may, what it may not, and where hosted Supabase stands.

begin;

do $$
begin
  if not exists (select from pg_roles where rolname = 'stagedoor') then
    create role stagedoor login noinherit connection limit 20;
  end if;
  if exists (
    select from pg_roles where rolname = 'stagedoor'
      and (rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls or rolinherit)
  ) then
    raise exception 'There is a role stagedoor already, and it may more than this file gives it.'
      using hint = 'Drop it, or alter it to noinherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls.';
  end if;
end $$;

-- Whoever alters a table has to be its owner, and on Supabase that is postgres. The role inherits nothing: only a
-- session that has become postgres may what postgres may, as with the Supabase CLI's own logins.
do $$
begin
  if current_setting('server_version_num')::int >= 160000 then
    execute 'grant postgres to stagedoor with admin false, inherit false, set true';
  else
    execute 'grant postgres to stagedoor';
  end if;
exception when insufficient_privilege then
  raise exception 'Only a superuser can grant postgres from Postgres 16 on, and % is none.', current_user
    using hint = 'On hosted Supabase use the address of postgres itself; docs/roles/README.md says more.';
end $$;

-- Every session of this role becomes postgres by itself, so that new objects belong to postgres as ever.
alter role stagedoor set role to 'postgres';

-- A login that nobody watches must not wait for ever; Stagedoor sets its own limits for each file.
alter role stagedoor set statement_timeout to '2min';
alter role stagedoor set lock_timeout to '5s';
alter role stagedoor set idle_in_transaction_session_timeout to '2min';

comment on role stagedoor is 'Stagedoor: applies migrations as postgres';

commit;
