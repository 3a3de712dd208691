-- Why: what is guarded: positions, what people said of symbols, what closed bars add up to,
--      and what was seen at the broker.
-- Lock: none. Phase: before deploy.

create table stopward.symbol_tags (
    account_id text not null,
    symbol text not null,
    tag text not null,
    created_at timestamptz not null default now(),
    constraint symbol_tags_pkey primary key (account_id, symbol, tag),
    constraint symbol_tags_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint symbol_tags_tag_not_empty check (tag <> '')
);
comment on table stopward.symbol_tags is 'Tags people gave a symbol; hands-off means never touch.';
alter table stopward.symbol_tags enable row level security;

create table stopward.positions (
    account_id text not null,
    id text not null,
    symbol text not null,
    side text not null,
    quantity numeric(24, 9) not null,
    initial_quantity numeric(24, 9) not null,
    average_entry numeric(18, 6) not null,
    initial_stop numeric(18, 6) not null,
    risk numeric(18, 6) not null,
    stop numeric(18, 6) not null,
    target numeric(18, 6),
    lot numeric(24, 9) not null,
    tick numeric(18, 6) not null,
    fees_per_share numeric(18, 6) not null,
    opened_at timestamptz not null,
    adopted_at timestamptz not null,
    bar_at timestamptz,
    marks jsonb not null,
    tags text[] not null default '{}',
    flags text[] not null default '{}',
    realised numeric(18, 6) not null,
    closed_quantity numeric(24, 9) not null,
    tightest numeric(18, 6),
    stop_rule text not null,
    fills_at timestamptz,
    fill_ids text[] not null default '{}',
    closed_at timestamptz,
    constraint positions_pkey primary key (account_id, id),
    constraint positions_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint positions_side_known check (side in ('long', 'short')),
    constraint positions_quantity_not_negative check (quantity >= 0 and closed_quantity >= 0),
    constraint positions_initial_quantity_positive check (initial_quantity > 0),
    constraint positions_risk_positive check (risk > 0),
    constraint positions_stop_positive check (stop > 0 and initial_stop > 0),
    constraint positions_steps_positive check (lot > 0 and tick > 0),
    constraint positions_numbers_are_numbers check (
        'NaN' not in (
            quantity, initial_quantity, average_entry, initial_stop, risk, stop, lot, tick,
            fees_per_share, realised, closed_quantity, coalesce(target, 0), coalesce(tightest, 0)
        )
    )
) with (fillfactor = 70);
create unique index positions_one_open_per_symbol
on stopward.positions (account_id, symbol) where closed_at is null;
comment on table stopward.positions is 'One position under guard, open until closed_at; its last row stays as history.';
comment on column stopward.positions.quantity is 'Shares still open; always positive, side says which way.';
comment on column stopward.positions.initial_quantity is 'Shares when guarded first.';
comment on column stopward.positions.average_entry is 'Dollars a share.';
comment on column stopward.positions.initial_stop is 'Stop at entry in dollars; fixed for life but for splits.';
comment on column stopward.positions.risk is 'Initial risk in dollars a share, the R of this position; fixed for life but for splits.';
comment on column stopward.positions.stop is 'Stop that we believe rests at the broker, in dollars; ours only tightens.';
comment on column stopward.positions.target is 'Resting target in dollars; null when none rests.';
comment on column stopward.positions.lot is 'Smallest step of quantity, in shares.';
comment on column stopward.positions.tick is 'Smallest step of price, in dollars.';
comment on column stopward.positions.fees_per_share is 'Fees of the round trip, dollars a share.';
comment on column stopward.positions.bar_at is 'Start of the last closed bar that moved the marks; null before the first.';
comment on column stopward.positions.marks is
'What closed bars taught, by name: best and worst price in dollars, age in session minutes, ...; null is unknown.';
comment on column stopward.positions.realised is 'Result of the fills that reduced it so far, dollars before fees.';
comment on column stopward.positions.closed_quantity is 'Shares those fills took.';
comment on column stopward.positions.tightest is 'Tightest stop that ever rested, dollars; null until one did.';
comment on column stopward.positions.stop_rule is 'Rule that put the stop where it is; stop for the initial one, by_hand for the trader.';
comment on column stopward.positions.fills_at is 'Time of the last fill folded in; fill_ids are the fills of that very time.';
alter table stopward.positions enable row level security;

create table stopward.symbol_states (
    account_id text not null,
    symbol text not null,
    bar_at timestamptz,
    since timestamptz,
    carry jsonb not null,
    highs bytea not null,
    lows bytea not null,
    daily_atr double precision,
    constraint symbol_states_pkey primary key (account_id, symbol),
    constraint symbol_states_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint symbol_states_windows_are_doubles check (length(highs) % 8 = 0 and length(lows) % 8 = 0)
) with (fillfactor = 50);
comment on table stopward.symbol_states is 'What the closed bars of one symbol add up to, under the periods of one account.';
comment on column stopward.symbol_states.bar_at is 'Start of the last bar folded in; null before the first.';
comment on column stopward.symbol_states.carry is 'What indicators remember between bars, by name; null is unknown.';
comment on column stopward.symbol_states.highs is
'Highs of the last closed bars in dollars, oldest first: doubles of 8 bytes, big-endian, as float8send writes them.';
comment on column stopward.symbol_states.lows is
'Lows of the last closed bars in dollars, as highs.';
comment on column stopward.symbol_states.daily_atr is 'ATR(14) of daily bars in dollars; null when unknown.';
alter table stopward.symbol_states enable row level security;

create table stopward.observations (
    id bigint generated always as identity,
    account_id text not null,
    tick_at timestamptz not null,
    position_id text,
    symbol text not null,
    kind text not null,
    cause text not null,
    detail jsonb not null default '{}',
    observed_at timestamptz not null,
    recorded_at timestamptz not null default now(),
    constraint observations_pkey primary key (id),
    constraint observations_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint observations_once unique nulls not distinct (
        account_id, tick_at, symbol, kind, cause, position_id, detail
    )
);
create index observations_position_idx on stopward.observations (account_id, position_id);
comment on table stopward.observations is 'What the broker or the trader did, stored as seen, with its cause; written once.';
comment on column stopward.observations.position_id is
'The position it is about; null when no position of ours is. Not a key: it may come before its position.';
comment on column stopward.observations.observed_at is 'Our clock when it was seen (UTC).';
comment on column stopward.observations.recorded_at is 'Start of the transaction that wrote it: the pass for what it explains.';
alter table stopward.observations enable row level security;

create trigger observations_append_only
before update or delete on stopward.observations
for each row execute function stopward.refuse_change('observations_append_only');

create function stopward.require_observation()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    -- Only what was observed in this very transaction explains a change that is not ours.
    if not exists (
        select from stopward.observations as o
        where
            o.account_id = new.account_id
            and (o.position_id = new.id or (o.position_id is null and o.symbol = new.symbol))
            and o.recorded_at = now()
            and (
                'split' in (o.kind, o.cause)
                or (tg_argv[0] = 'positions_stop_tightens' and o.kind = 'stop_moved' and o.cause = 'by_hand')
            )
    ) then
        perform stopward.refuse(
            tg_argv[0],
            format(
                'position %s: stop %s to %s, initial stop %s to %s, risk %s to %s',
                new.id, old.stop, new.stop, old.initial_stop, new.initial_stop, old.risk, new.risk
            ),
            'what the trader or a split did is written as an observation in the same transaction'
        );
    end if;
    return new;
end
$$;
comment on function stopward.require_observation() is 'Trigger: refuse unless an observation of this transaction explains it.';
revoke execute on function stopward.require_observation() from public;

create trigger positions_closed_is_final
before update on stopward.positions
for each row when (old.closed_at is not null)
execute function stopward.refuse_change('positions_closed_is_final');

create trigger positions_never_deleted
before delete on stopward.positions
for each row execute function stopward.refuse_change('positions_never_deleted');

create trigger positions_identity_is_fixed
before update on stopward.positions
for each row when (
    (old.symbol, old.side, old.opened_at) is distinct from (new.symbol, new.side, new.opened_at)
)
execute function stopward.refuse_change('positions_identity_is_fixed');

create trigger positions_risk_is_fixed
before update on stopward.positions
for each row when ((old.initial_stop, old.risk) is distinct from (new.initial_stop, new.risk))
execute function stopward.require_observation('positions_risk_is_fixed');

create trigger positions_stop_tightens
before update on stopward.positions
for each row when (
    (new.side = 'long' and new.stop < old.stop) or (new.side = 'short' and new.stop > old.stop)
)
execute function stopward.require_observation('positions_stop_tightens');

create policy symbol_tags_select_member on stopward.symbol_tags
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy symbol_tags_select_worker on stopward.symbol_tags
for select to stopward_worker
using (true);

create policy positions_select_member on stopward.positions
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy positions_select_worker on stopward.positions
for select to stopward_worker
using (true);

create policy symbol_states_select_member on stopward.symbol_states
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy symbol_states_select_worker on stopward.symbol_states
for select to stopward_worker
using (true);

create policy observations_select_member on stopward.observations
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy observations_select_worker on stopward.observations
for select to stopward_worker
using (true);

grant select on
stopward.symbol_tags, stopward.positions, stopward.symbol_states, stopward.observations
to authenticated, service_role, stopward_worker;
