-- Why: a trader's past, read from a broker's exports, is where replay and training begin. It was traded without a guard:
--      no stop that we know, no orders, no ticks. So it has tables of its own, and nothing that closing a guarded position
--      starts (notices, the day's result, rollups, training due) hears of it.
-- Lock: none. Phase: before deploy.

create table stopward.imported_executions (
    account_id text not null,
    source text not null,
    id text not null,
    symbol text not null,
    side text not null,
    quantity numeric(24, 9) not null,
    price numeric(18, 6) not null,
    at timestamptz not null,
    fees numeric(18, 6) not null,
    effect text,
    initial_stop numeric(18, 6),
    imported_at timestamptz not null default now(),
    constraint imported_executions_pkey primary key (account_id, source, id),
    constraint imported_executions_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint imported_executions_source_known check (source in ('tradervue', 'alpaca', 'ibkr')),
    constraint imported_executions_side_known check (side in ('buy', 'sell')),
    constraint imported_executions_effect_known check (effect in ('open', 'close')),
    constraint imported_executions_numbers_are_numbers check (
        'NaN' not in (quantity, price, fees, coalesce(initial_stop, 1))
        and least(quantity, price, initial_stop) > 0
    ),
    constraint imported_executions_times_plausible check (
        at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    )
);
-- The symbol leads, so that nobody takes this index for the key while the tables have no statistics.
create index imported_executions_symbol_idx on stopward.imported_executions (symbol, account_id, source, at);
comment on table stopward.imported_executions is
'What the trader bought and sold before, as an export of a broker tells it; written once, taken back whole by api.forget_import.';
comment on column stopward.imported_executions.source is 'Kind of the export; ids are unique within one of one account.';
comment on column stopward.imported_executions.id is 'The broker''s, or derived from the row where the export has none.';
comment on column stopward.imported_executions.quantity is 'Shares, above 0.';
comment on column stopward.imported_executions.price is 'Dollars a share.';
comment on column stopward.imported_executions.at is 'When it was executed (UTC).';
comment on column stopward.imported_executions.fees is 'Dollars charged; below 0 for a rebate; 0 where the export tells none.';
comment on column stopward.imported_executions.effect is
'open: a short sale, or as the broker says; close: it closed and no more; null where the export does not say.';
comment on column stopward.imported_executions.initial_stop is
'Dollars a share, as the trader wrote it beside the entry; null when unknown.';
comment on column stopward.imported_executions.imported_at is
'Start of the transaction that stored it, by the clock of the database (UTC).';
alter table stopward.imported_executions enable row level security;

create table stopward.imported_trades (
    account_id text not null,
    source text not null,
    opened_by text not null,
    symbol text not null,
    side text not null,
    quantity numeric(24, 9) not null,
    average_entry numeric(18, 6) not null,
    average_exit numeric(18, 6) not null,
    opened_at timestamptz not null,
    closed_at timestamptz not null,
    fees numeric(18, 6) not null,
    result numeric(18, 6) not null,
    initial_stop numeric(18, 6),
    risk numeric(18, 6),
    result_r double precision generated always as (
        (result / nullif(risk * quantity, 0))::double precision
    ) stored,
    entries jsonb not null,
    exits jsonb not null,
    session_day date,
    constraint imported_trades_pkey primary key (account_id, source, opened_by),
    constraint imported_trades_opening_fkey foreign key (account_id, source, opened_by)
    references stopward.imported_executions (account_id, source, id),
    constraint imported_trades_side_known check (side in ('long', 'short')),
    constraint imported_trades_numbers_are_numbers check (
        'NaN' not in (
            quantity, average_entry, average_exit, fees, result, coalesce(initial_stop, 1), coalesce(risk, 1)
        )
        and least(quantity, risk) > 0
    ),
    constraint imported_trades_risk_is_of_stop check ((risk is null) = (initial_stop is null)),
    constraint imported_trades_opened_before_closed check (opened_at <= closed_at),
    constraint imported_trades_legs_are_lists check (
        jsonb_typeof(entries) = 'array'
        and jsonb_typeof(exits) = 'array'
        and '[]' not in (entries, exits)
    ),
    constraint imported_trades_times_plausible check (
        opened_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
        and closed_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    )
);
create index imported_trades_closed_idx on stopward.imported_trades (account_id, closed_at);
create index imported_trades_symbol_idx on stopward.imported_trades (symbol, account_id, source);
comment on table stopward.imported_trades is
'Round trips, from flat to flat, that imported executions make; made anew when executions of their symbol are added.';
comment on column stopward.imported_trades.opened_by is 'Execution that opened it, which names it: one opens one trade at most.';
comment on column stopward.imported_trades.quantity is 'Shares entered, all entries together.';
comment on column stopward.imported_trades.average_entry is 'Mean of the entries, dollars a share.';
comment on column stopward.imported_trades.average_exit is 'Mean of the exits, dollars a share.';
comment on column stopward.imported_trades.opened_at is 'Time of the first entry (UTC).';
comment on column stopward.imported_trades.closed_at is 'Time of the last exit (UTC).';
comment on column stopward.imported_trades.fees is 'Dollars; 0 where the export tells none.';
comment on column stopward.imported_trades.result is 'Dollars, after fees.';
comment on column stopward.imported_trades.initial_stop is 'Dollars a share, of the opening execution; null when unknown.';
comment on column stopward.imported_trades.risk is
'R, dollars a share, from the first entry to the initial stop; null when unknown, never estimated.';
comment on column stopward.imported_trades.result_r is 'In units of risk times all shares entered; null when the risk is unknown.';
comment on column stopward.imported_trades.entries is '[{execution_id, at, price, quantity}], oldest first.';
comment on column stopward.imported_trades.exits is
'[{execution_id, at, price, quantity, result}], oldest first; result in dollars before fees, first in first out.';
comment on column stopward.imported_trades.session_day is 'Session at the exchange in which it closed.';
alter table stopward.imported_trades enable row level security;

create trigger imported_trades_stamp_session_day
before insert on stopward.imported_trades
for each row execute function stopward.stamp_session_day();

create policy imported_executions_select_member on stopward.imported_executions
for select to authenticated
using (account_id = any(array(
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
)));

create policy imported_executions_select_worker on stopward.imported_executions
for select to stopward_worker
using (true);

create policy imported_trades_select_member on stopward.imported_trades
for select to authenticated
using (account_id = any(array(
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
)));

create policy imported_trades_select_worker on stopward.imported_trades
for select to stopward_worker
using (true);

grant select on stopward.imported_executions, stopward.imported_trades
to authenticated, service_role, stopward_worker;

create view api.imported_executions with (security_invoker = true) as
select
    e.account_id,
    e.source,
    e.id,
    e.symbol,
    e.side,
    e.quantity,
    e.price,
    e.at,
    e.fees,
    e.effect,
    e.initial_stop,
    e.imported_at
from stopward.imported_executions as e;
comment on view api.imported_executions is 'The executions that imported trades are made of, and those of trades that were open at the end.';
grant select on api.imported_executions to authenticated, service_role, stopward_worker;

create view api.imported_trades with (security_invoker = true) as
select
    t.account_id,
    t.source,
    t.opened_by,
    t.symbol,
    t.side,
    t.quantity,
    t.average_entry,
    t.average_exit,
    t.opened_at,
    t.closed_at,
    t.session_day,
    extract(epoch from t.closed_at - t.opened_at)::double precision / 60 as held_minutes,
    t.fees,
    t.result,
    t.initial_stop,
    t.risk,
    t.result_r,
    t.entries,
    t.exits
from stopward.imported_trades as t;
comment on view api.imported_trades is
'Trades of the past that were imported and never guarded; what is known in R only where the export told the initial stop.';
grant select on api.imported_trades to authenticated, service_role, stopward_worker;
