-- Why: who may look at an account is set by a call, not by hand; and which rules were in force when is a question
--      that people ask: a version that is put again comes into force again.
-- Lock: share row exclusive on stopward.accounts, for an instant. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

create function api.add_member(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require('add_member', request, '{"account_id": "text", "user_id": "uuid"}');
    perform stopward.require_account(request ->> 'account_id');
    insert into stopward.members (account_id, user_id)
    values (request ->> 'account_id', (request ->> 'user_id')::uuid)
    on conflict on constraint members_pkey do nothing;
    return jsonb_build_object('done', true);
end
$$;
comment on function api.add_member(jsonb) is
'Let a person read an account: {account_id, user_id}, the id that auth.uid() answers. Twice is once.';
revoke execute on function api.add_member(jsonb) from public;
grant execute on function api.add_member(jsonb) to service_role, stopward_worker;

create function api.remove_member(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require('remove_member', request, '{"account_id": "text", "user_id": "uuid"}');
    perform stopward.require_account(request ->> 'account_id');
    delete from stopward.members
    where account_id = request ->> 'account_id' and user_id = (request ->> 'user_id')::uuid;
    return jsonb_build_object('done', true);
end
$$;
comment on function api.remove_member(jsonb) is
'Let a person read an account no longer: {account_id, user_id}. Who is no member stays none.';
revoke execute on function api.remove_member(jsonb) from public;
grant execute on function api.remove_member(jsonb) to service_role, stopward_worker;

create table stopward.settings_changes (
    id bigint generated always as identity,
    account_id text not null,
    hash text not null,
    in_force_from timestamptz not null default now(),
    constraint settings_changes_pkey primary key (id),
    constraint settings_changes_version_fkey foreign key (account_id, hash)
    references stopward.settings_versions (account_id, hash)
);
create index settings_changes_version_idx on stopward.settings_changes (account_id, hash);
create index settings_changes_log_idx on stopward.settings_changes (account_id, in_force_from, id);
comment on table stopward.settings_changes is
'Each time that other rules came into force for an account; written by a trigger, and once.';
comment on column stopward.settings_changes.in_force_from is
'Start of the transaction that put them (UTC): the next tick reads them.';
alter table stopward.settings_changes enable row level security;

create policy settings_changes_select_member on stopward.settings_changes
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy settings_changes_select_worker on stopward.settings_changes
for select to stopward_worker
using (true);

grant select on stopward.settings_changes to authenticated, service_role, stopward_worker;

create trigger settings_changes_append_only
before update or delete on stopward.settings_changes
for each row execute function stopward.refuse_change('settings_changes_append_only');

insert into stopward.settings_changes (account_id, hash, in_force_from)
select
    a.id,
    v.hash,
    v.created_at
from stopward.accounts as a
inner join stopward.settings_versions as v on a.id = v.account_id and a.rules_hash = v.hash;

create function stopward.note_settings()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    insert into stopward.settings_changes (account_id, hash) values (new.id, new.rules_hash);
    return null;
end
$$;
comment on function stopward.note_settings() is 'Trigger: note that other rules came into force.';
revoke execute on function stopward.note_settings() from public;

create trigger accounts_note_settings
after update of rules_hash on stopward.accounts
for each row when (new.rules_hash is distinct from old.rules_hash and new.rules_hash is not null)
execute function stopward.note_settings();

create view api.settings_history with (security_invoker = true) as
select
    c.account_id,
    c.hash as rules_hash,
    c.in_force_from,
    lead(c.in_force_from) over (partition by c.account_id order by c.in_force_from, c.id) as in_force_until,
    v.created_at as first_put_at,
    v.rules_toml
from stopward.settings_changes as c
inner join stopward.settings_versions as v on c.account_id = v.account_id and c.hash = v.hash;
comment on view api.settings_history is
'Which rules were in force when, with their text; in_force_until is null for those that are now.';
grant select on api.settings_history to authenticated, service_role, stopward_worker;
