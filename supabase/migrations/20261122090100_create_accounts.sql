-- Why: who is guarded, by which rules, and which program may act now.
-- Lock: none. Phase: before deploy.

create table stopward.accounts (
    id text not null,
    name text not null,
    exchange text not null default 'XNYS',
    mode text not null default 'observe',
    halted boolean not null default false,
    halted_because text,
    flatten_at timestamptz,
    rules_hash text,
    equity_prior_close numeric(18, 6),
    equity_put_at timestamptz,
    created_at timestamptz not null default now(),
    constraint accounts_pkey primary key (id),
    constraint accounts_id_not_empty check (id <> ''),
    constraint accounts_mode_known check (mode in ('observe', 'guard')),
    constraint accounts_equity_is_number check (equity_prior_close <> 'NaN'),
    constraint accounts_equity_is_dated check ((equity_prior_close is null) = (equity_put_at is null))
);
comment on table stopward.accounts is 'One guarded account; mode observe decides and records, but sends nothing.';
comment on column stopward.accounts.exchange is 'Market whose sessions count (ISO 10383 code).';
comment on column stopward.accounts.halted is 'The kill switch: rules propose nothing, arming goes on.';
comment on column stopward.accounts.flatten_at is 'When a person asked to close everything; null otherwise.';
comment on column stopward.accounts.equity_prior_close is 'Equity at the prior close, in dollars; null when unknown.';
comment on column stopward.accounts.equity_put_at is 'When it was put (UTC): it counts until the next close.';
alter table stopward.accounts enable row level security;

create table stopward.members (
    account_id text not null,
    user_id uuid not null,
    created_at timestamptz not null default now(),
    constraint members_pkey primary key (user_id, account_id),
    constraint members_account_fkey foreign key (account_id) references stopward.accounts (id)
);
create index members_account_id_idx on stopward.members (account_id);
comment on table stopward.members is 'Which person (auth.uid()) may read which account.';
alter table stopward.members enable row level security;

create table stopward.settings_versions (
    account_id text not null,
    hash text not null,
    rules_toml text not null,
    created_at timestamptz not null default now(),
    constraint settings_versions_pkey primary key (account_id, hash),
    constraint settings_versions_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint settings_versions_hash_not_empty check (hash <> '')
);
comment on table stopward.settings_versions is 'Every rules file an account ever had, by its hash; written once.';
alter table stopward.settings_versions enable row level security;

create trigger settings_versions_append_only
before update or delete on stopward.settings_versions
for each row execute function stopward.refuse_change('settings_versions_append_only');

alter table stopward.accounts
add constraint accounts_rules_fkey
foreign key (id, rules_hash) references stopward.settings_versions (account_id, hash);
create index accounts_rules_idx on stopward.accounts (id, rules_hash);

create table stopward.leases (
    account_id text not null,
    holder text not null,
    until timestamptz not null,
    fence bigint not null,
    last_tick_at timestamptz,
    last_source text,
    constraint leases_pkey primary key (account_id),
    constraint leases_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint leases_fence_positive check (fence > 0)
);
comment on table stopward.leases is 'Who may act on an account, by the clock of the database.';
comment on column stopward.leases.until is 'End of the lease; in the past once it was given back.';
comment on column stopward.leases.fence is 'Token, one more for each new holder; writes with an older one are refused.';
comment on column stopward.leases.last_tick_at is 'Pulse instant of the last recorded tick (UTC).';
alter table stopward.leases enable row level security;

create trigger leases_fence_grows
before update of fence on stopward.leases
for each row when (new.fence < old.fence)
execute function stopward.refuse_change('leases_fence_grows');

-- A person sees the accounts that list them; the guard sees all.
create policy members_select_self on stopward.members
for select to authenticated
using (user_id = (select auth.uid()));

create policy members_select_worker on stopward.members
for select to stopward_worker
using (true);

create policy accounts_select_member on stopward.accounts
for select to authenticated
using (id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy accounts_select_worker on stopward.accounts
for select to stopward_worker
using (true);

create policy settings_versions_select_member on stopward.settings_versions
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy settings_versions_select_worker on stopward.settings_versions
for select to stopward_worker
using (true);

create policy leases_select_member on stopward.leases
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy leases_select_worker on stopward.leases
for select to stopward_worker
using (true);

grant select on
stopward.accounts, stopward.members, stopward.settings_versions, stopward.leases
to authenticated, service_role, stopward_worker;
