-- What a Supabase project has and plain PostgreSQL lacks: roles, schema auth, schema extensions.
-- Applied by local mode and by tests, before the migrations; never to a hosted project.

do $$
declare
    wanted text;
begin
    foreach wanted in array array['anon', 'authenticated', 'service_role', 'authenticator'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
            execute format('create role %I nologin noinherit', wanted);
        end if;
    end loop;
end
$$;
alter role service_role bypassrls;
grant anon to authenticator;
grant authenticated to authenticator;
grant service_role to authenticator;

create schema extensions;
grant usage on schema extensions to anon, authenticated, service_role;

create schema auth;
grant usage on schema auth to anon, authenticated, service_role;

create function auth.jwt()
returns jsonb
language sql stable
set search_path = ''
as $$
select coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb
$$;

create function auth.uid()
returns uuid
language sql stable
set search_path = ''
as $$
select nullif(auth.jwt() ->> 'sub', '')::uuid
$$;

create function auth.role()
returns text
language sql stable
set search_path = ''
as $$
select auth.jwt() ->> 'role'
$$;
