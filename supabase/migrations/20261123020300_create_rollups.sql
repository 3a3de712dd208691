-- Why: what people ask of all trades is added up when they close, so that no page reads a hundred thousand rows.
--      Sums are exact (numeric), so that taking a value back out leaves what was there before.
-- Lock: none. Phase: before deploy. It books the trades that are there already.

create table stopward.rule_days (
    account_id text not null,
    session_day date not null,
    rule text not null,
    stops_moved integer not null default 0,
    fired integer not null default 0,
    fills integer not null default 0,
    quantity numeric not null default 0,
    result numeric not null default 0,
    r_known integer not null default 0,
    r_sum numeric not null default 0,
    r_squares numeric not null default 0,
    wins integer not null default 0,
    losses integer not null default 0,
    doubtful integer not null default 0,
    saved_known integer not null default 0,
    saved_r_sum numeric not null default 0,
    saved_r_gains numeric not null default 0,
    saved_r_costs numeric not null default 0,
    constraint rule_days_pkey primary key (account_id, session_day, rule),
    constraint rule_days_account_fkey foreign key (account_id) references stopward.accounts (id),
    -- A NaN in a sum is there for ever; PostgreSQL sorts it above infinity.
    constraint rule_days_sums_are_numbers check (
        least(quantity, result, r_sum, r_squares, saved_r_sum, saved_r_gains, saved_r_costs) > '-Infinity'
        and greatest(quantity, result, r_sum, r_squares, saved_r_sum, saved_r_gains, saved_r_costs) < 'Infinity'
    )
) with (fillfactor = 70);
create index rule_days_rule_idx on stopward.rule_days (account_id, rule, session_day);
comment on table stopward.rule_days is
'What one rule did in one session of one account, added up from position_exits and orders by triggers.';
comment on column stopward.rule_days.session_day is 'Session at the exchange in which the trades closed, or the stops moved.';
comment on column stopward.rule_days.stops_moved is 'Moves of stops that it intended.';
comment on column stopward.rule_days.fired is 'Trades that it closed, whole or in part.';
comment on column stopward.rule_days.quantity is 'Shares that it closed.';
comment on column stopward.rule_days.result is 'Dollars before fees, of the exits whose price is known.';
comment on column stopward.rule_days.r_known is 'Exits whose R is known: what the sums of R are over.';
comment on column stopward.rule_days.r_sum is 'Its share of the trades in R, before fees.';
comment on column stopward.rule_days.r_squares is 'Sum of the squares of those shares, in R squared.';
comment on column stopward.rule_days.wins is 'Exits above zero R.';
comment on column stopward.rule_days.losses is 'Exits below zero R.';
comment on column stopward.rule_days.doubtful is 'Exits whose row says that it may be off.';
comment on column stopward.rule_days.saved_known is 'Exits with an attribution that is known: what the sums of saved R are over.';
comment on column stopward.rule_days.saved_r_sum is 'What it saved less what it cost, in R after fees.';
comment on column stopward.rule_days.saved_r_gains is 'What it saved where it saved, in R after fees; zero or more.';
comment on column stopward.rule_days.saved_r_costs is 'What it cost where it cost, in R after fees; zero or more.';
alter table stopward.rule_days enable row level security;

create table stopward.equity_days (
    account_id text not null,
    session_day date not null,
    trades integer not null default 0,
    wins integer not null default 0,
    losses integer not null default 0,
    result numeric not null default 0,
    won numeric not null default 0,
    lost numeric not null default 0,
    r_known integer not null default 0,
    r_sum numeric not null default 0,
    r_squares numeric not null default 0,
    last_closed_at timestamptz not null,
    constraint equity_days_pkey primary key (account_id, session_day),
    constraint equity_days_account_fkey foreign key (account_id) references stopward.accounts (id),
    -- A NaN in a sum is there for ever; PostgreSQL sorts it above infinity.
    constraint equity_days_sums_are_numbers check (
        least(result, won, lost, r_sum, r_squares) > '-Infinity'
        and greatest(result, won, lost, r_sum, r_squares) < 'Infinity'
    )
) with (fillfactor = 70);
comment on table stopward.equity_days is 'What the trades that closed in one session of one account brought, added up by a trigger.';
comment on column stopward.equity_days.session_day is 'Session at the exchange in which the trades closed.';
comment on column stopward.equity_days.wins is 'Trades above zero dollars after fees.';
comment on column stopward.equity_days.losses is 'Trades below zero dollars after fees.';
comment on column stopward.equity_days.result is 'Dollars after fees.';
comment on column stopward.equity_days.won is 'Dollars of the winning trades.';
comment on column stopward.equity_days.lost is 'Dollars of the losing trades; zero or less.';
comment on column stopward.equity_days.r_known is 'Trades whose R is a number: what the sums of R are over.';
comment on column stopward.equity_days.r_sum is 'Result in R after fees, summed over trades.';
comment on column stopward.equity_days.r_squares is 'Sum of the squares, in R squared.';
alter table stopward.equity_days enable row level security;

create table stopward.feature_rollups (
    account_id text not null,
    schema_hash text not null,
    kind text not null,
    outcome text not null,
    place integer not null,
    known bigint not null,
    missing bigint not null,
    mean double precision,
    m2 double precision,
    lowest real,
    highest real,
    constraint feature_rollups_pkey primary key (account_id, schema_hash, kind, outcome, place),
    constraint feature_rollups_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint feature_rollups_schema_fkey foreign key (schema_hash)
    references stopward.feature_schemas (schema_hash),
    constraint feature_rollups_outcome_known check (outcome in ('all', 'won', 'lost')),
    constraint feature_rollups_counts_not_negative check (known >= 0 and missing >= 0),
    constraint feature_rollups_moments_are_numbers check (
        least(mean, m2, lowest, highest) > '-Infinity' and greatest(mean, m2, lowest, highest) < 'Infinity'
    )
) with (fillfactor = 70);
create index feature_rollups_schema_idx on stopward.feature_rollups (schema_hash);
comment on table stopward.feature_rollups is
'Moments of one feature over all its vectors, and apart over those of trades that won and of those that lost; kept by a trigger.';
comment on column stopward.feature_rollups.place is 'Place of the feature in its schema; 1 is the first.';
comment on column stopward.feature_rollups.known is 'Vectors that have it.';
comment on column stopward.feature_rollups.missing is 'Vectors in which it is missing.';
comment on column stopward.feature_rollups.mean is 'In the unit of the feature; null without a known value.';
comment on column stopward.feature_rollups.lowest is 'In its unit; null without a known value.';
comment on column stopward.feature_rollups.highest is 'In its unit; null without a known value.';
comment on column stopward.feature_rollups.m2 is
'Sum of squared distances from the mean, in its unit squared; null without a known value. Merged as Chan, Golub and LeVeque (1979) do.';
alter table stopward.feature_rollups enable row level security;

create function stopward.add_to_rule_days(of_exits stopward.position_exits[], sign integer)
returns void
language sql
set search_path = ''
as $$
insert into stopward.rule_days as d (
    account_id, session_day, rule, fired, fills, quantity, result, r_known, r_sum, r_squares, wins, losses, doubtful,
    saved_known, saved_r_sum, saved_r_gains, saved_r_costs
)
select
    e.account_id,
    e.session_day,
    e.rule,
    sign * count(*),
    sign * sum(e.fills),
    sign * sum(e.quantity),
    sign * coalesce(sum(e.result), 0),
    sign * count(e.r),
    sign * coalesce(sum(e.r), 0),
    sign * coalesce(sum(e.r * e.r), 0),
    sign * count(*) filter (where e.r > 0),
    sign * count(*) filter (where e.r < 0),
    sign * count(e.doubt),
    sign * count(e.saved_r),
    sign * coalesce(sum(e.saved_r), 0),
    sign * coalesce(sum(e.saved_r) filter (where e.saved_r > 0), 0),
    sign * coalesce(-sum(e.saved_r) filter (where e.saved_r < 0), 0)
from unnest(of_exits) as e
where e.session_day is not null
group by e.account_id, e.session_day, e.rule
order by e.account_id, e.session_day, e.rule
on conflict on constraint rule_days_pkey do update
set
    fired = d.fired + excluded.fired,
    fills = d.fills + excluded.fills,
    quantity = d.quantity + excluded.quantity,
    result = d.result + excluded.result,
    r_known = d.r_known + excluded.r_known,
    r_sum = d.r_sum + excluded.r_sum,
    r_squares = d.r_squares + excluded.r_squares,
    wins = d.wins + excluded.wins,
    losses = d.losses + excluded.losses,
    doubtful = d.doubtful + excluded.doubtful,
    saved_known = d.saved_known + excluded.saved_known,
    saved_r_sum = d.saved_r_sum + excluded.saved_r_sum,
    saved_r_gains = d.saved_r_gains + excluded.saved_r_gains,
    saved_r_costs = d.saved_r_costs + excluded.saved_r_costs
$$;
comment on function stopward.add_to_rule_days(stopward.position_exits[], integer) is
'Add exits to the sums of their rules and sessions (sign 1), or take them out again (-1).';
revoke execute on function stopward.add_to_rule_days(stopward.position_exits[], integer) from public;

create function stopward.add_moves(of_orders stopward.orders[])
returns void
language sql
set search_path = ''
as $$
with moves as (
    select
        o.account_id,
        o.rule,
        o.tick_at,
        count(*) as moved
    from unnest(of_orders) as o
    where o.step = 'move' and isfinite(o.tick_at)
    group by o.account_id, o.rule, o.tick_at
),

days as (
    select
        m.*,
        stopward.session_day_of(a.exchange, m.tick_at) as session_day
    from moves as m
    inner join stopward.accounts as a on m.account_id = a.id
)

insert into stopward.rule_days as d (account_id, session_day, rule, stops_moved)
select
    y.account_id,
    y.session_day,
    y.rule,
    sum(y.moved)
from days as y
group by y.account_id, y.session_day, y.rule
order by y.account_id, y.session_day, y.rule
on conflict on constraint rule_days_pkey do update
set stops_moved = d.stops_moved + excluded.stops_moved
$$;
comment on function stopward.add_moves(stopward.orders[]) is 'Add the moves among orders to the sums of their rules and sessions.';
revoke execute on function stopward.add_moves(stopward.orders[]) from public;

create function stopward.add_to_equity_days(of_trades stopward.trades[])
returns void
language sql
set search_path = ''
as $$
insert into stopward.equity_days as d (
    account_id, session_day, trades, wins, losses, result, won, lost, r_known, r_sum, r_squares, last_closed_at
)
select
    t.account_id,
    t.session_day,
    count(*),
    count(*) filter (where t.result > 0),
    count(*) filter (where t.result < 0),
    sum(t.result),
    coalesce(sum(t.result) filter (where t.result > 0), 0),
    coalesce(sum(t.result) filter (where t.result < 0), 0),
    count(r.r),
    coalesce(sum(r.r), 0),
    coalesce(sum(r.r * r.r), 0),
    max(t.closed_at)
from unnest(of_trades) as t
cross join lateral (
    select stopward.r_of(case when abs(t.result_r) < 1000000000 then t.result_r::numeric end) as r
) as r
where t.session_day is not null
group by t.account_id, t.session_day
order by t.account_id, t.session_day
on conflict on constraint equity_days_pkey do update
set
    trades = d.trades + excluded.trades,
    wins = d.wins + excluded.wins,
    losses = d.losses + excluded.losses,
    result = d.result + excluded.result,
    won = d.won + excluded.won,
    lost = d.lost + excluded.lost,
    r_known = d.r_known + excluded.r_known,
    r_sum = d.r_sum + excluded.r_sum,
    r_squares = d.r_squares + excluded.r_squares,
    last_closed_at = greatest(d.last_closed_at, excluded.last_closed_at)
$$;
comment on function stopward.add_to_equity_days(stopward.trades[]) is 'Add trades to the sums of their sessions.';
revoke execute on function stopward.add_to_equity_days(stopward.trades[]) from public;

create function stopward.add_to_feature_rollups(of_features stopward.trade_features[], are_new boolean)
returns void
language sql
set search_path = ''
as $$
with told as (
    select
        f.account_id,
        f.schema_hash,
        f.kind,
        o.outcome,
        v.place,
        v.value::double precision as value,
        v.value as stored
    from unnest(of_features) as f
    cross join lateral (
        values ('all', are_new), ('won', f.outcome_won is true), ('lost', f.outcome_won is false)
    ) as o (outcome, counts)
    cross join lateral unnest(f.vector) with ordinality as v (value, place)
    where o.counts
)

insert into stopward.feature_rollups as r (
    account_id, schema_hash, kind, outcome, place, known, missing, mean, m2, lowest, highest
)
select
    t.account_id,
    t.schema_hash,
    t.kind,
    t.outcome,
    t.place,
    count(t.value),
    count(*) - count(t.value),
    avg(t.value),
    var_pop(t.value) * count(t.value),
    min(t.stored),
    max(t.stored)
from told as t
group by t.account_id, t.schema_hash, t.kind, t.outcome, t.place
order by t.account_id, t.schema_hash, t.kind, t.outcome, t.place
on conflict on constraint feature_rollups_pkey do update
set
    known = r.known + excluded.known,
    missing = r.missing + excluded.missing,
    mean = case
        when excluded.known = 0 then r.mean
        when r.known = 0 then excluded.mean
        else r.mean + (excluded.mean - r.mean) * excluded.known / (r.known + excluded.known)
    end,
    m2 = case
        when excluded.known = 0 then r.m2
        when r.known = 0 then excluded.m2
        else
            r.m2 + excluded.m2
            + (excluded.mean - r.mean) ^ 2 * r.known * excluded.known / (r.known + excluded.known)
    end,
    lowest = least(r.lowest, excluded.lowest),
    highest = greatest(r.highest, excluded.highest)
$$;
comment on function stopward.add_to_feature_rollups(stopward.trade_features[], boolean) is
'Merge vectors into the moments of their features: of all where they are new, and of those that won or lost where that is known.';
revoke execute on function stopward.add_to_feature_rollups(stopward.trade_features[], boolean) from public;

create function stopward.sum_exits()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if tg_op = 'UPDATE' then
        perform stopward.add_to_rule_days(
            array(select row(e.*)::stopward.position_exits from earlier as e), -1
        );
    end if;
    perform stopward.add_to_rule_days(array(select row(e.*)::stopward.position_exits from later as e), 1);
    return null;
end
$$;
comment on function stopward.sum_exits() is 'Trigger: keep the sums of rules and sessions.';
revoke execute on function stopward.sum_exits() from public;

create trigger position_exits_sum_new
after insert on stopward.position_exits
referencing new table as later
for each statement execute function stopward.sum_exits();

create trigger position_exits_sum_attributed
after update on stopward.position_exits
referencing old table as earlier new table as later
for each statement execute function stopward.sum_exits();

create function stopward.sum_moves()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    moves stopward.orders[];
begin
    moves := array(select row(o.*)::stopward.orders from recorded as o where o.step = 'move');
    if cardinality(moves) > 0 then
        begin
            perform stopward.add_moves(moves);
        exception
            when others then
                perform stopward.tell_unbooked(moves[1].account_id, 'moves', sqlerrm);
        end;
    end if;
    return null;
end
$$;
comment on function stopward.sum_moves() is 'Trigger: count the stops that each rule moved.';
revoke execute on function stopward.sum_moves() from public;

create trigger orders_sum_moves
after insert on stopward.orders
referencing new table as recorded
for each statement execute function stopward.sum_moves();

create function stopward.sum_trades()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    trades stopward.trades[];
begin
    trades := array(select row(t.*)::stopward.trades from closed as t);
    if cardinality(trades) > 0 then
        begin
            perform stopward.add_to_equity_days(trades);
        exception
            when others then
                perform stopward.tell_unbooked(trades[1].account_id, 'days', sqlerrm);
        end;
    end if;
    return null;
end
$$;
comment on function stopward.sum_trades() is 'Trigger: keep the sums of sessions.';
revoke execute on function stopward.sum_trades() from public;

create trigger trades_sum_days
after insert on stopward.trades
referencing new table as closed
for each statement execute function stopward.sum_trades();

create function stopward.sum_features()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform stopward.add_to_feature_rollups(
        array(select row(f.*)::stopward.trade_features from later as f), tg_op = 'INSERT'
    );
    return null;
end
$$;
comment on function stopward.sum_features() is 'Trigger: keep the moments of features.';
revoke execute on function stopward.sum_features() from public;

create trigger trade_features_sum_new
after insert on stopward.trade_features
referencing new table as later
for each statement execute function stopward.sum_features();

create trigger trade_features_sum_resolved
after update on stopward.trade_features
referencing new table as later
for each statement execute function stopward.sum_features();

create function stopward.rebuild_rollups(of_account text)
returns void
language plpgsql
set search_path = ''
as $$
declare
    unbooked text[];
    last text := '';
begin
    perform stopward.hold_account(of_account);
    loop
        unbooked := array(
            select t.position_id
            from stopward.trades as t
            where
                t.account_id = of_account
                and t.position_id > last
                and not exists (
                    select from stopward.position_exits as e
                    where e.account_id = of_account and e.position_id = t.position_id
                )
            order by t.position_id
            limit 1000
        );
        exit when cardinality(unbooked) = 0;
        perform stopward.write_exits(of_account, unbooked);
        last := unbooked[cardinality(unbooked)];
    end loop;

    delete from stopward.rule_days as d
    where d.account_id = of_account;
    perform stopward.add_to_rule_days(
        array(select e from stopward.position_exits as e where e.account_id = of_account), 1
    );
    perform stopward.add_moves(
        array(select o from stopward.orders as o where o.account_id = of_account and o.step = 'move')
    );

    delete from stopward.equity_days as d
    where d.account_id = of_account;
    perform stopward.add_to_equity_days(
        array(select t from stopward.trades as t where t.account_id = of_account)
    );

    update stopward.trade_features as f
    set
        outcome_r = t.result_r,
        outcome_won = t.result > 0,
        outcome_at = t.closed_at
    from stopward.trades as t
    where
        f.account_id = of_account
        and f.outcome_at is null
        and t.account_id = of_account
        and t.position_id = f.position_id;
    delete from stopward.feature_rollups as r
    where r.account_id = of_account;
    perform stopward.add_to_feature_rollups(
        array(select f from stopward.trade_features as f where f.account_id = of_account), true
    );
end
$$;
comment on function stopward.rebuild_rollups(text) is
'Book what is not booked of the closed trades of an account and add all sums up anew; ticks wait for it. For the owner of the database.';
revoke execute on function stopward.rebuild_rollups(text) from public;

select stopward.rebuild_rollups(a.id) from stopward.accounts as a;

create policy rule_days_select_member on stopward.rule_days
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy rule_days_select_worker on stopward.rule_days
for select to stopward_worker
using (true);

create policy equity_days_select_member on stopward.equity_days
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy equity_days_select_worker on stopward.equity_days
for select to stopward_worker
using (true);

create policy feature_rollups_select_member on stopward.feature_rollups
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy feature_rollups_select_worker on stopward.feature_rollups
for select to stopward_worker
using (true);

grant select on stopward.rule_days, stopward.equity_days, stopward.feature_rollups
to authenticated, service_role, stopward_worker;
