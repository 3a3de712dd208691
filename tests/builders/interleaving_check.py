"""What must hold of every account whatever was interleaved, as one query; each row is a breach."""

LOG_STOPS = """
create schema if not exists watched;
create table watched.stops (
    id bigint generated always as identity,
    account_id text, position_id text, symbol text, side text,
    stop numeric, risk numeric, initial_stop numeric, at timestamptz
);
create function watched.log_stop() returns trigger language plpgsql as $$
begin
    insert into watched.stops (account_id, position_id, symbol, side, stop, risk, initial_stop, at)
    values (
        new.account_id, new.id, new.symbol, new.side, new.stop, new.risk, new.initial_stop, now()
    );
    return null;
end
$$;
create trigger watched_stops after insert or update on stopward.positions
for each row execute function watched.log_stop();
create table watched.told (
    account_id text, position_id text, source text, tick_at timestamptz,
    primary key (account_id, position_id, source, tick_at)
);
"""
"""Run once on a scratch database: every stop that a position ever had, and every pulse told."""

BREACHES = """
with events as (
    select
        e.*,
        row_number() over (partition by e.account_id, e.order_id order by e.id) as place,
        lead(e.id) over (partition by e.account_id, e.order_id order by e.id) is null as is_last,
        lag(e.status) over (partition by e.account_id, e.order_id order by e.id) as was,
        lag(e.filled_quantity) over (partition by e.account_id, e.order_id order by e.id) as had,
        lag(e.fence) over (partition by e.account_id order by e.id) as fence_before
    from stopward.order_events as e
),

stops as (
    select
        s.*,
        lag(s.stop) over (partition by s.account_id, s.position_id order by s.id) as stop_before,
        lag(s.risk) over (partition by s.account_id, s.position_id order by s.id) as risk_before
    from watched.stops as s
),

runs as (
    select
        d.*,
        lead(d.tick_at) over (
            partition by d.account_id, d.position_id, d.source order by d.tick_at
        ) as next_at
    from stopward.decisions as d
    where d.kind = 'hold' -- what acts is kept beside the hold that was told of its pulse
),

pulses as (
    select
        d.account_id, d.position_id, d.source,
        coalesce(sum(d.ticks) filter (where d.kind = 'hold'), 0) as held,
        count(distinct d.tick_at) filter (
            where d.kind <> 'hold' and not exists (
                select from stopward.decisions as h
                where (h.account_id, h.position_id, h.source, h.kind)
                    = (d.account_id, d.position_id, d.source, 'hold')
                    and d.tick_at between h.tick_at and h.last_tick_at
            )
        ) as acted_alone
    from stopward.decisions as d
    group by 1, 2, 3
)

select p.account_id, 'two open positions of ' || p.symbol
from stopward.positions as p where p.closed_at is null
group by p.account_id, p.symbol having count(*) > 1
union all
select e.account_id, 'event ' || e.id || ' under fence ' || e.fence || ' after ' || e.fence_before
from events as e where e.fence < e.fence_before
union all
select e.account_id, 'event under a fence that the lease never had: ' || e.fence
from events as e inner join stopward.leases as l on l.account_id = e.account_id
where e.fence > l.fence
union all
select e.account_id, 'order ' || e.order_id || ' began as ' || e.status
from events as e where e.place = 1 and e.status <> 'recorded'
union all
select e.account_id, 'order ' || e.order_id || ' was recorded again'
from events as e where e.place > 1 and e.status = 'recorded'
union all
select e.account_id, 'order ' || e.order_id || ' went from ' || e.was || ' to ' || e.status
from events as e
where e.was in ('filled', 'canceled', 'rejected', 'void') and e.status in ('recorded', 'working')
union all
select e.account_id, 'order ' || e.order_id || ' lost fills of ' || e.had
from events as e where e.filled_quantity < e.had
union all
select e.account_id, 'event ' || e.id || ' tells what was told: ' || e.status
from events as e where e.status = e.was and e.filled_quantity = e.had
union all
select o.account_id,
    'order ' || o.id || ' is ' || o.status || ', told as ' || coalesce(e.status, 'nothing')
from stopward.orders as o
left join events as e on e.account_id = o.account_id and e.order_id = o.id and e.is_last
where (o.status, o.filled_quantity) is distinct from (e.status, e.filled_quantity)
union all
select o.account_id, 'two unsettled sells of ' || o.position_id
from stopward.orders as o where o.step = 'sell' and o.status in ('recorded', 'working')
group by o.account_id, o.position_id having count(*) > 1
union all
select p.account_id, 'position ' || p.id || ' holds other shares than its fills left'
from stopward.positions as p
left join lateral (
    select coalesce(sum(o.filled_quantity), 0) as sold from stopward.orders as o
    where o.account_id = p.account_id and o.position_id = p.id and o.step = 'sell'
) as o on true
where p.quantity <> p.initial_quantity - o.sold or p.closed_quantity <> o.sold
union all
select s.account_id, 'stop of ' || s.position_id || ': ' || s.stop_before || ' to ' || s.stop
from stops as s
where
    (s.stop < s.stop_before or s.risk <> s.risk_before)
    and not exists (
        select from stopward.observations as o
        where o.account_id = s.account_id and o.position_id = s.position_id and o.recorded_at = s.at
    )
union all
select p.account_id, 'position ' || p.id || ' is closed without its one trade'
from stopward.positions as p
left join stopward.trades as t on t.account_id = p.account_id and t.position_id = p.id
where (p.closed_at is null) <> (t.position_id is null) or (p.closed_at is null) = (p.quantity = 0)
union all
select r.account_id, 'decisions about ' || r.position_id || ' overlap at ' || r.next_at
from runs as r where r.next_at <= r.last_tick_at
union all
select t.account_id,
    'pulse ' || t.tick_at || ' of ' || t.position_id || ' by ' || t.source || ' is in no decision'
from watched.told as t
where not exists (
    select from stopward.decisions as d
    where (d.account_id, d.position_id, d.source) = (t.account_id, t.position_id, t.source)
        and t.tick_at between d.tick_at and d.last_tick_at
)
union all
-- A hold that is told first when its run has gone on is of that run, and not counted.
select d.account_id, 'pulses of ' || d.position_id || ' by ' || d.source || ': ' || d.held
    || ' held, ' || d.acted_alone || ' acted alone, ' || coalesce(t.ticks, 0) || ' told'
from pulses as d
left join (
    select account_id, position_id, source, count(*) as ticks from watched.told group by 1, 2, 3
) as t using (account_id, position_id, source)
where d.held + d.acted_alone > coalesce(t.ticks, 0)
union all
select d.account_id, 'the same was decided twice about ' || d.position_id || ' at ' || d.tick_at
from stopward.decisions as d
group by d.account_id, d.position_id, d.source, d.tick_at, d.kind, d.rule, d.stop, d.stop_rule,
    d.quantity
having count(*) > 1
union all
select r.account_id, 'the run of ' || r.position_id || ' does not point at its decision'
from stopward.decision_runs as r
where not exists (
    select from stopward.decisions as d
    where (d.account_id, d.position_id, d.source, d.tick_at, d.last_tick_at)
        = (r.account_id, r.position_id, r.source, r.tick_at, r.last_tick_at)
)
union all
select d.account_id, 'the day counts ' || d.realised || ' trades of ' || coalesce(t.trades, 0)
from stopward.day_results as d
left join (
    select account_id, count(*) as trades from stopward.trades group by account_id
) as t on t.account_id = d.account_id
where d.realised <> coalesce(t.trades, 0)
union all
select a.account_id, 'two open alarms ' || a.key
from stopward.alarms as a where a.cleared_at is null
group by a.account_id, a.key having count(*) > 1
order by 1, 2
"""
