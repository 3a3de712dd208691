"""What the screen asks the api views, for one `account`."""

from typing import LiteralString

DECIDED: LiteralString = """
    select
        tick_at, symbol, position_id, kind as what,
        coalesce(rule, stop_rule, '') as rule, reasons
    from api.decision_log
    where account_id = %(account)s and kind <> 'hold'
"""
ARMED: LiteralString = """
    select
        tick_at, symbol, position_id, 'armed' as what, '' as rule,
        jsonb_build_array(jsonb_build_object('sentence', 'a stop rests at ' || trim_scale(price)))
            as reasons
    from api.order_log
    where
        account_id = %(account)s and step = 'arm'
        and broker_order_id is not null and status <> 'rejected'
"""
# The limit is said in each part, so that each is read by its index and no further.
OF_POSITION: LiteralString = "and position_id = p.position_id order by tick_at desc limit 1"
LAST_ACTIONS: LiteralString = (
    "select a.* from api.open_positions as p cross join lateral (select * from (("  # noqa: S608
    + DECIDED
    + OF_POSITION
    + ") union all ("
    + ARMED
    + OF_POSITION
    + ")) as parts order by tick_at desc, what limit 1) as a where p.account_id = %(account)s"
)
NEWEST: LiteralString = "order by tick_at desc, symbol limit %(most)s"
NEWEST_ACTIONS: LiteralString = (
    "select * from (("  # noqa: S608 - literals all
    + DECIDED
    + NEWEST
    + ") union all ("
    + ARMED
    + NEWEST
    + ")) as parts "
    + NEWEST
)
POSITIONS: LiteralString = (
    "select * from api.open_positions where account_id = %(account)s order by symbol"
)
ALARMS: LiteralString = """
select kind, symbol, severity, message, count from api.alarm_log
where account_id = %(account)s and cleared_at is null
order by severity = 'critical' desc, severity = 'warning' desc, first_at desc
"""
TRADES: LiteralString = """
select
    coalesce(sum(trades), 0) as trades, coalesce(sum(wins), 0) as wins,
    coalesce(sum(result_r), 0) as total_r, coalesce(sum(result), 0) as result
from api.equity_curve where account_id = %(account)s
"""
RULES: LiteralString = """
with fired as (
    select r ->> 'rule' as rule, sum(d.ticks) as fired
    from api.decision_log as d
    cross join jsonb_array_elements(d.reasons) as r
    where d.account_id = %(account)s
    group by 1
), sent as (
    select
        rule,
        count(*) filter (
            where step = 'move' and broker_order_id is not null and status <> 'rejected'
        ) as moves,
        count(distinct position_id || tick_at) filter (where step = 'sell' and filled_quantity > 0)
            as exits
    from api.order_log where account_id = %(account)s group by 1
), ended as (
    select cause as rule, count(*) as trades, sum(result_r) as result_r
    from api.trade_journal where account_id = %(account)s group by 1
)
select
    rule, coalesce(fired, 0) as fired, coalesce(moves, 0) as moves, coalesce(exits, 0) as exits,
    coalesce(trades, 0) as trades, coalesce(result_r, 0) as result_r
from fired full join sent using (rule) full join ended using (rule)
where coalesce(fired, 0) + coalesce(moves, 0) + coalesce(exits, 0) + coalesce(trades, 0) > 0
order by coalesce(trades, 0) desc, coalesce(moves, 0) desc, coalesce(fired, 0) desc, rule
"""
COUNTS: LiteralString = """
select
    (select coalesce(sum(ticks), 0) from api.decision_log
        where account_id = %(account)s) as decisions,
    (select count(*) from api.order_log where account_id = %(account)s) as orders,
    -- guard_health sums one day only; a run may span more.
    (select coalesce(sum(seconds), 0) from stopward.protection_gaps
        where account_id = %(account)s) as unprotected_seconds
"""
GUARDED: LiteralString = """
select symbol, true as is_open from api.open_positions where account_id = %(account)s
union all
select symbol, false as is_open from api.trade_journal where account_id = %(account)s
"""
KNOWN: LiteralString = "select account_id from api.guard_health where account_id = %(account)s"
STANDING: LiteralString = """
select
    a.id as account_id, a.name, a.mode, a.exchange, a.halted, a.rules_hash,
    (
        select count(*) from stopward.market_sessions as s
        where s.exchange = a.exchange and s.day >= %(today)s
    ) as sessions_ahead,
    array(
        select to_char(d.day, 'YYYY-MM-DD') from stopward.session_disagreements as d
        where
            d.exchange = a.exchange and d.day >= %(today)s and d.cleared_at is null
            -- Where a person has spoken there is no doubt any more.
            and not d.said -> 'claims' ? 'person'
        order by d.day
    ) as doubtful_days
from stopward.accounts as a where a.id = %(account)s
"""
