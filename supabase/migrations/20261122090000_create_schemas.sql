-- Why: the two schemas, the role of the guard, and how a rule of state says no.
--      `stopward` holds the tables and is never exposed; `api` is the whole surface.
-- Lock: none. Phase: before deploy.

create schema stopward;
comment on schema stopward is 'State of the guard. Not exposed: written by functions of schema api only.';

create schema api;
comment on schema api is 'The whole surface: functions for every write, views for people.';

-- Roles belong to the cluster, not to the database: a second database of one server finds it there.
do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'stopward_worker') then
        create role stopward_worker nologin;
    end if;
end
$$;
comment on role stopward_worker is 'The guard: executes api functions and reads; writes no table.';
grant stopward_worker to authenticator;
-- Whoever migrates may act as the guard: a plain database URL then needs no second user.
grant stopward_worker to current_user;

grant usage on schema api to authenticated, service_role, stopward_worker;
grant usage on schema stopward to authenticated, service_role, stopward_worker;

create function stopward.refuse(rule text, message text, hint text default null)
returns void
language plpgsql
set search_path = ''
as $$
begin
    -- The rule's name travels twice: as constraint for drivers, as detail for PostgREST.
    raise exception using
        errcode = 'raise_exception',
        constraint = rule,
        detail = rule,
        message = message,
        hint = coalesce(hint, '');
end
$$;
comment on function stopward.refuse(text, text, text) is 'Raise with the name of the rule that was broken.';
revoke execute on function stopward.refuse(text, text, text) from public;

create function stopward.refuse_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform stopward.refuse(
        tg_argv[0],
        format('%s of %s.%s was refused by rule %s', lower(tg_op), tg_table_schema, tg_table_name, tg_argv[0])
    );
    return null;
end
$$;
comment on function stopward.refuse_change() is 'Trigger: refuse the change; the argument names the rule.';
revoke execute on function stopward.refuse_change() from public;
