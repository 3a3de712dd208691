-- Why: every decision with what it was made on, so that it can be made again, bit for bit.
--      Partitioned by month: retention drops whole months. A default partition takes what has no month.
-- Lock: none. Phase: before deploy.

create table stopward.decisions (
    account_id text not null,
    position_id text not null,
    tick_at timestamptz not null,
    source text not null,
    symbol text not null,
    kind text not null,
    rule text,
    stop numeric(18, 6),
    stop_rule text,
    quantity numeric(24, 9),
    price double precision,
    fired bigint not null,
    reasons jsonb not null,
    state jsonb not null,
    account_state jsonb not null,
    rules_hash text not null,
    rule_version text not null,
    mask text not null,
    closed_bar boolean not null,
    measured jsonb not null,
    last_tick_at timestamptz not null,
    ticks integer not null default 1,
    constraint decisions_pkey primary key (account_id, position_id, tick_at, source),
    constraint decisions_position_fkey foreign key (account_id, position_id)
    references stopward.positions (account_id, id),
    constraint decisions_kind_known check (kind in ('hold', 'move_stop', 'reduce', 'exit')),
    constraint decisions_only_holds_run check (kind = 'hold' or ticks = 1),
    constraint decisions_run_forward check (ticks >= 1 and last_tick_at >= tick_at),
    constraint decisions_reason_named check (kind = 'hold' or rule is not null)
) partition by range (tick_at);
create index decisions_log_idx on stopward.decisions (account_id, tick_at);
comment on table stopward.decisions is
'One decision about one position; a hold that repeats itself inside a bar extends its row instead.';
comment on column stopward.decisions.tick_at is 'Pulse instant on its grid (UTC), not the time of writing.';
comment on column stopward.decisions.source is 'The function that decided.';
comment on column stopward.decisions.stop is 'Stop wanted, dollars; null when none.';
comment on column stopward.decisions.quantity is 'Shares to close in a partial exit; null otherwise.';
comment on column stopward.decisions.price is 'What it was decided at, dollars.';
comment on column stopward.decisions.fired is 'Bits of the rules that were true.';
comment on column stopward.decisions.reasons is 'Each rule that was true, what it alone wanted, and a sentence.';
comment on column stopward.decisions.state is 'The kernel''s State in field order of rule_version; null is missing.';
comment on column stopward.decisions.account_state is 'The kernel''s Account in field order; null is missing.';
comment on column stopward.decisions.mask is 'Which rules the function might apply.';
comment on column stopward.decisions.measured is
'Parameters that no file holds: limit of the adverse-excursion cut in R (null: not known yet), winners behind it.';
comment on column stopward.decisions.last_tick_at is 'Last pulse of the run of equal holds (UTC).';
comment on column stopward.decisions.ticks is 'Pulses in the run.';
alter table stopward.decisions enable row level security;

create table stopward.decision_runs (
    account_id text not null,
    position_id text not null,
    source text not null,
    tick_at timestamptz not null,
    last_tick_at timestamptz not null,
    signature text,
    constraint decision_runs_pkey primary key (account_id, position_id, source)
) with (fillfactor = 50);
comment on table stopward.decision_runs is
'The last decision of each position and function, found without a search; its position is that decision''s.';
comment on column stopward.decision_runs.tick_at is 'Key of that decision (UTC).';
comment on column stopward.decision_runs.last_tick_at is 'Last pulse that it covers (UTC).';
comment on column stopward.decision_runs.signature is
'What an equal hold must equal: rules that were true, what they wanted, hash, version, mask, measured; null ends it.';
alter table stopward.decision_runs enable row level security;

create table stopward.market_views (
    account_id text not null,
    tick_at timestamptz not null,
    symbol text not null,
    quote_at timestamptz,
    bid numeric(18, 6),
    ask numeric(18, 6),
    feed text not null,
    bar_at timestamptz,
    bar jsonb not null,
    fault text,
    constraint market_views_pkey primary key (account_id, symbol, tick_at),
    constraint market_views_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint market_views_numbers_are_numbers check ('NaN' not in (coalesce(bid, 0), coalesce(ask, 0)))
) partition by range (tick_at);
comment on table stopward.market_views is
'The market as a tick saw it, once per symbol, for every tick that wrote a decision on it.';
comment on column stopward.market_views.tick_at is 'Pulse instant on its grid (UTC).';
comment on column stopward.market_views.quote_at is 'Time of the quote at the exchange (UTC); null without one.';
comment on column stopward.market_views.bid is 'Dollars.';
comment on column stopward.market_views.ask is 'Dollars.';
comment on column stopward.market_views.bar_at is 'Start of the last closed bar (UTC).';
comment on column stopward.market_views.bar is 'The kernel''s Bar in field order; null is missing.';
comment on column stopward.market_views.fault is 'Why the quote could not be used; null when it could.';
alter table stopward.market_views enable row level security;

create trigger decisions_append_only
before update on stopward.decisions
for each row when (
    old.kind <> 'hold'
    or new.ticks <= old.ticks
    or new.last_tick_at <= old.last_tick_at
    or (
        old.account_id, old.position_id, old.tick_at, old.source, old.symbol, old.kind, old.rule, old.stop,
        old.stop_rule, old.quantity, old.price, old.fired, old.reasons, old.state, old.account_state,
        old.rules_hash, old.rule_version, old.mask, old.closed_bar, old.measured
    ) is distinct from (
        new.account_id, new.position_id, new.tick_at, new.source, new.symbol, new.kind, new.rule, new.stop,
        new.stop_rule, new.quantity, new.price, new.fired, new.reasons, new.state, new.account_state,
        new.rules_hash, new.rule_version, new.mask, new.closed_bar, new.measured
    )
)
execute function stopward.refuse_change('decisions_append_only');

create trigger decisions_never_deleted
before delete on stopward.decisions
for each row execute function stopward.refuse_change('decisions_append_only');

create trigger market_views_append_only
before update or delete on stopward.market_views
for each row execute function stopward.refuse_change('market_views_append_only');

create function stopward.make_partition(of_table text, of_month date)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
    first constant timestamptz := date_trunc('month', of_month::timestamp) at time zone 'UTC';
    next constant timestamptz := (date_trunc('month', of_month::timestamp) + interval '1 month') at time zone 'UTC';
    partition constant text := format('%s_%s', of_table, to_char(of_month, 'YYYY_MM'));
    taken boolean;
begin
    if to_regclass(format('stopward.%I', partition)) is not null then
        return false;
    end if;
    -- Rows that came before their month lie in the default partition, and stay there.
    execute format(
        'select exists (select from stopward.%I where tick_at >= %L and tick_at < %L)',
        of_table || '_default', first, next
    ) into taken;
    if taken then
        return false;
    end if;
    execute format(
        'create table stopward.%I partition of stopward.%I for values from (%L) to (%L) with (fillfactor = 85)',
        partition, of_table, first, next
    );
    execute format('alter table stopward.%I enable row level security', partition);
    execute format('comment on table stopward.%I is %L', partition, 'One month of ' || of_table || '.');
    return true;
end
$$;
comment on function stopward.make_partition(text, date) is
'Make one month of a partitioned table; false when it is there, or when the default partition has rows of it.';
revoke execute on function stopward.make_partition(text, date) from public;

create table stopward.decisions_default partition of stopward.decisions default with (fillfactor = 85);
comment on table stopward.decisions_default is 'Decisions of months that have no partition.';
alter table stopward.decisions_default enable row level security;

create table stopward.market_views_default partition of stopward.market_views default;
comment on table stopward.market_views_default is 'Market views of months that have no partition.';
alter table stopward.market_views_default enable row level security;

create policy decisions_select_member on stopward.decisions
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy decisions_select_worker on stopward.decisions
for select to stopward_worker
using (true);

create policy decision_runs_select_member on stopward.decision_runs
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy decision_runs_select_worker on stopward.decision_runs
for select to stopward_worker
using (true);

create policy market_views_select_member on stopward.market_views
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy market_views_select_worker on stopward.market_views
for select to stopward_worker
using (true);

grant select on
stopward.decisions, stopward.decision_runs, stopward.market_views
to authenticated, service_role, stopward_worker;
