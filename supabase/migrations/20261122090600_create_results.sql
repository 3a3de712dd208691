-- Why: what came of it: trades, the day, alarms, and the seconds without protection.
-- Lock: none. Phase: before deploy.

create table stopward.trades (
    account_id text not null,
    position_id text not null,
    symbol text not null,
    side text not null,
    quantity numeric(24, 9) not null,
    average_entry numeric(18, 6) not null,
    risk numeric(18, 6) not null,
    opened_at timestamptz not null,
    closed_at timestamptz not null,
    exit_price numeric(18, 6) not null,
    result numeric(18, 6) not null,
    result_r double precision not null,
    mae_r double precision not null,
    mfe_r double precision not null,
    cause text not null,
    tick_at timestamptz not null,
    constraint trades_pkey primary key (account_id, position_id),
    constraint trades_position_fkey foreign key (account_id, position_id)
    references stopward.positions (account_id, id),
    constraint trades_side_known check (side in ('long', 'short')),
    constraint trades_numbers_are_numbers check (
        'NaN' not in (quantity, average_entry, risk, exit_price, result) and result_r <> 'NaN'
    ),
    constraint trades_excursions_not_negative check (
        least(mae_r, mfe_r) >= 0 and greatest(mae_r, mfe_r) < 'Infinity'
    )
);
create index trades_closed_idx on stopward.trades (account_id, closed_at);
-- Every tick reads the last winners' excursions, from this index alone.
create index trades_winners_idx
on stopward.trades (account_id, closed_at desc, (position_id collate "C") desc) include (mae_r) where result > 0;
comment on table stopward.trades is 'A closed position, as the broker''s fills tell it; written once.';
comment on column stopward.trades.quantity is 'Shares when guarded first.';
comment on column stopward.trades.average_entry is 'Dollars a share.';
comment on column stopward.trades.risk is 'R, dollars a share.';
comment on column stopward.trades.exit_price is 'Mean of the exits, dollars a share.';
comment on column stopward.trades.result is 'Dollars, after fees.';
comment on column stopward.trades.result_r is 'In units of the initial risk.';
comment on column stopward.trades.mae_r is 'Maximum adverse excursion in R, 0 or more; the exits count.';
comment on column stopward.trades.mfe_r is 'Maximum favourable excursion in R, 0 or more; the exits count.';
comment on column stopward.trades.cause is 'Rule of the last exit, or by_hand.';
comment on column stopward.trades.tick_at is 'Pulse that found it closed (UTC).';
alter table stopward.trades enable row level security;

create trigger trades_append_only
before update or delete on stopward.trades
for each row execute function stopward.refuse_change('trades_append_only');

create table stopward.day_results (
    account_id text not null,
    session_day date not null,
    realised numeric(18, 6) not null,
    realised_r double precision not null,
    peak_r double precision not null,
    equity numeric(18, 6),
    losses integer not null,
    last_loss_at timestamptz,
    locked_by text,
    warned double precision not null,
    constraint day_results_pkey primary key (account_id, session_day),
    constraint day_results_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint day_results_losses_not_negative check (losses >= 0),
    constraint day_results_warned_is_share check (warned between 0 and 1),
    constraint day_results_numbers_are_numbers check ('NaN' not in (realised, coalesce(equity, 0)))
);
comment on table stopward.day_results is 'One session of one account: what daily limits start from.';
comment on column stopward.day_results.session_day is 'Date at the exchange.';
comment on column stopward.day_results.realised is 'Dollars.';
comment on column stopward.day_results.realised_r is 'The same in R, summed over positions.';
comment on column stopward.day_results.peak_r is 'Highest realised plus open R seen at a tick.';
comment on column stopward.day_results.equity is 'Equity at the prior close, dollars; null when unknown.';
comment on column stopward.day_results.losses is 'Losing trades in a row.';
comment on column stopward.day_results.locked_by is 'Day rule that acted; it holds until the next session.';
comment on column stopward.day_results.warned is 'Highest share of the loss limit already warned of.';
alter table stopward.day_results enable row level security;

create trigger day_results_lock_stays
before update of locked_by on stopward.day_results
for each row when (old.locked_by is not null and new.locked_by is null)
execute function stopward.refuse_change('day_results_lock_stays');

create table stopward.alarms (
    id bigint generated always as identity,
    account_id text not null,
    key text not null,
    kind text not null,
    symbol text,
    message text not null,
    severity text not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    last_tick_at timestamptz not null,
    count integer not null default 1,
    cleared_at timestamptz,
    constraint alarms_pkey primary key (id),
    constraint alarms_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint alarms_severity_known check (severity in ('notice', 'warning', 'critical')),
    constraint alarms_count_positive check (count > 0)
);
create unique index alarms_one_open_per_key on stopward.alarms (account_id, key) where cleared_at is null;
create index alarms_account_idx on stopward.alarms (account_id, first_at);
comment on table stopward.alarms is 'What a person must know; a lasting fault is one open row, counted.';
comment on column stopward.alarms.first_at is 'Our clock when it was raised (UTC).';
comment on column stopward.alarms.last_at is 'Our clock when it was seen last (UTC).';
comment on column stopward.alarms.last_tick_at is 'Last pulse that counted it (UTC).';
comment on column stopward.alarms.count is 'Pulses that saw it.';
comment on column stopward.alarms.cleared_at is 'Our clock when it was over (UTC); null while it lasts.';
alter table stopward.alarms enable row level security;

create table stopward.protection_gaps (
    account_id text not null,
    symbol text not null,
    tick_at timestamptz not null,
    phase text not null,
    seconds double precision not null,
    constraint protection_gaps_pkey primary key (account_id, symbol, tick_at, phase),
    constraint protection_gaps_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint protection_gaps_phase_known check (phase in ('record', 'acknowledge')),
    constraint protection_gaps_seconds_are_number check (seconds >= 0 and seconds < 'Infinity')
);
create index protection_gaps_tick_idx on stopward.protection_gaps (account_id, tick_at);
comment on table stopward.protection_gaps is 'Time in which shares under guard had neither a stop nor a working exit.';
comment on column stopward.protection_gaps.seconds is 'Seconds in that pulse.';
comment on column stopward.protection_gaps.phase is 'The call that told it.';
alter table stopward.protection_gaps enable row level security;

create policy trades_select_member on stopward.trades
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy trades_select_worker on stopward.trades
for select to stopward_worker
using (true);

create policy day_results_select_member on stopward.day_results
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy day_results_select_worker on stopward.day_results
for select to stopward_worker
using (true);

create policy alarms_select_member on stopward.alarms
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy alarms_select_worker on stopward.alarms
for select to stopward_worker
using (true);

create policy protection_gaps_select_member on stopward.protection_gaps
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy protection_gaps_select_worker on stopward.protection_gaps
for select to stopward_worker
using (true);

grant select on
stopward.trades, stopward.day_results, stopward.alarms, stopward.protection_gaps
to authenticated, service_role, stopward_worker;
