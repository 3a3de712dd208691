-- Why: what people ask: what is open, why was that done, what came of it, is the guard well.
-- Lock: none. Phase: before deploy.

create view api.open_positions with (security_invoker = true) as
-- One R of a short points down.
with scale as (
    select
        p.account_id,
        p.id,
        p.average_entry::double precision as entry,
        case p.side when 'long' then 1 else -1 end * p.risk::double precision as r
    from stopward.positions as p
)

select
    p.account_id,
    p.id as position_id,
    p.symbol,
    p.side,
    p.quantity,
    p.initial_quantity,
    p.average_entry,
    p.initial_stop,
    p.stop,
    p.risk,
    p.target,
    (d.price - k.entry) / k.r as now_r,
    ((p.marks ->> 'best')::double precision - k.entry) / k.r as best_r,
    ((p.marks ->> 'worst')::double precision - k.entry) / k.r as worst_r,
    round((p.stop - p.average_entry) / k.r::numeric, 4) as stop_r,
    p.stop_rule,
    p.realised,
    p.opened_at,
    p.adopted_at,
    (p.marks ->> 'age')::double precision as age_minutes,
    p.tags,
    p.flags,
    d.price,
    d.last_tick_at as decided_at,
    d.kind as decision,
    d.rule,
    d.reasons
from stopward.positions as p
inner join scale as k on p.account_id = k.account_id and p.id = k.id
left join lateral (
    select
        r.tick_at,
        r.source
    from stopward.decision_runs as r
    where r.account_id = p.account_id and r.position_id = p.id
    order by r.last_tick_at desc
    limit 1
) as r on true
left join stopward.decisions as d
    on
        p.account_id = d.account_id
        and p.id = d.position_id
        and r.tick_at = d.tick_at
        and r.source = d.source
where p.closed_at is null;
comment on view api.open_positions is 'What is under guard now, how it stands in R, and what was decided last.';

create view api.decision_log with (security_invoker = true) as
select
    d.account_id,
    d.tick_at,
    d.last_tick_at,
    d.ticks,
    d.position_id,
    d.symbol,
    d.source,
    d.kind,
    d.rule,
    d.stop,
    d.stop_rule,
    d.quantity,
    d.price,
    jsonb_path_query_array(d.reasons, '$[*].sentence') as why,
    d.reasons,
    d.rules_hash,
    d.rule_version,
    d.measured,
    v.bid,
    v.ask,
    v.feed,
    v.fault
from stopward.decisions as d
left join stopward.market_views as v
    on d.account_id = v.account_id and d.symbol = v.symbol and d.tick_at = v.tick_at;
comment on view api.decision_log is
'Why something was done, or was not: each decision with every rule that was true and the quote it saw.';

create view api.order_log with (security_invoker = true) as
select
    o.account_id,
    o.tick_at,
    o.id as order_id,
    o.position_id,
    o.symbol,
    o.step,
    o.side,
    o.quantity,
    o.price,
    o.rule,
    o.attempt,
    o.status,
    o.broker_order_id,
    o.filled_quantity,
    o.filled_price,
    o.reason,
    e.first_at,
    e.last_at,
    e.events
from stopward.orders as o
left join lateral (
    select
        min(e.at) as first_at,
        max(e.at) as last_at,
        count(*) as events
    from stopward.order_events as e
    where e.account_id = o.account_id and e.order_id = o.id
) as e on true;
comment on view api.order_log is 'What was sent to the broker, for which rule, and what came of it.';

create view api.trade_journal with (security_invoker = true) as
select
    t.account_id,
    t.position_id,
    t.symbol,
    t.side,
    t.quantity,
    t.average_entry,
    t.exit_price,
    t.risk,
    t.result,
    t.result_r,
    t.cause,
    t.opened_at,
    t.closed_at,
    t.mfe_r,
    t.mae_r,
    p.flags,
    p.tags
from stopward.trades as t
inner join stopward.positions as p on t.account_id = p.account_id and t.position_id = p.id;
comment on view api.trade_journal is 'Closed positions: what they brought in dollars and in R, and what closed them.';

create view api.alarm_log with (security_invoker = true) as
select
    a.account_id,
    a.key,
    a.kind,
    a.symbol,
    a.message,
    a.severity,
    a.first_at,
    a.last_at,
    a.count,
    a.cleared_at
from stopward.alarms as a;
comment on view api.alarm_log is 'What a person must know, and what was over by itself (cleared_at).';

create view api.day_log with (security_invoker = true) as
select
    d.account_id,
    d.session_day,
    d.realised,
    d.realised_r,
    d.peak_r,
    d.equity,
    d.losses,
    d.locked_by
from stopward.day_results as d;
comment on view api.day_log is 'Each session: what it brought, and whether a daily limit ended it.';

create view api.guard_health with (security_invoker = true) as
select
    a.id as account_id,
    a.name,
    a.mode,
    a.halted,
    a.halted_because,
    a.flatten_at,
    a.rules_hash,
    l.last_tick_at,
    l.last_source,
    l.holder as lease_holder,
    l.until as lease_until,
    coalesce(l.until > now(), false) as lease_is_held,
    (
        select count(*) from stopward.positions as p
        where p.account_id = a.id and p.closed_at is null
    ) as open_positions,
    (
        select count(*) from stopward.orders as o
        where o.account_id = a.id and o.status in ('recorded', 'working')
    ) as unsettled_orders,
    (
        select count(*) from stopward.alarms as m
        where m.account_id = a.id and m.cleared_at is null
    ) as open_alarms,
    (
        select count(*) from stopward.alarms as m
        where m.account_id = a.id and m.cleared_at is null and m.severity = 'critical'
    ) as critical_alarms,
    (
        select coalesce(sum(g.seconds), 0) from stopward.protection_gaps as g
        where g.account_id = a.id and g.tick_at > l.last_tick_at - interval '1 day'
    ) as unprotected_seconds
from stopward.accounts as a
left join stopward.leases as l on a.id = l.account_id;
comment on view api.guard_health is 'Is the guard well: last tick, lease, what is open, what is wrong.';

grant select on
api.open_positions, api.decision_log, api.order_log, api.trade_journal, api.alarm_log, api.day_log, api.guard_health
to authenticated, service_role, stopward_worker;
