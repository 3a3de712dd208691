-- Why: what people ask of exits, features and equity, read from sums; and the log of decisions says why not.
-- Lock: access exclusive on two views, a moment. Phase: before deploy.

create view api.daily_exit_performance with (security_invoker = true) as
select
    d.account_id,
    d.session_day,
    d.rule,
    d.stops_moved,
    d.fired,
    d.fills,
    d.quantity,
    d.result,
    d.wins,
    d.losses,
    d.r_known,
    case when d.r_known > 0 then d.r_sum::double precision end as r,
    (d.r_sum / nullif(d.r_known, 0))::double precision as mean_r,
    case
        when d.r_known > 1
            then sqrt(greatest((d.r_squares - d.r_sum * d.r_sum / d.r_known) / (d.r_known - 1), 0))::double precision
    end as sd_r,
    d.saved_known,
    case when d.saved_known > 0 then d.saved_r_sum::double precision end as net_saved_r,
    case when d.saved_known > 0 then d.saved_r_gains::double precision end as saved_r,
    case when d.saved_known > 0 then d.saved_r_costs::double precision end as cost_r,
    d.doubtful
from stopward.rule_days as d;
comment on view api.daily_exit_performance is
'What each rule did in each session: trades it closed (fired), stops it moved, its share of their result in R before fees, and what it saved '
'or cost in R after fees, null until the replay has said so (saved_known of fired).';

create view api.equity_curve with (security_invoker = true) as
with days as (
    select
        e.*,
        sum(e.result) over so_far as total,
        sum(e.r_sum) over so_far as total_r,
        sum(e.trades) over so_far as total_trades
    from stopward.equity_days as e
    window so_far as (partition by e.account_id order by e.session_day)
),

peaks as (
    select
        d.*,
        greatest(max(d.total) over so_far, 0) as peak,
        greatest(max(d.total_r) over so_far, 0) as peak_r
    from days as d
    window so_far as (partition by d.account_id order by d.session_day)
)

select
    p.account_id,
    p.session_day,
    p.trades,
    p.wins,
    p.losses,
    p.result,
    p.won,
    p.lost,
    p.r_sum::double precision as result_r,
    p.total as cumulative,
    p.total_r::double precision as cumulative_r,
    p.total_trades as cumulative_trades,
    p.peak - p.total as drawdown,
    (p.peak_r - p.total_r)::double precision as drawdown_r,
    r.equity as equity_prior_close,
    r.locked_by,
    p.last_closed_at
from peaks as p
left join stopward.day_results as r
    on p.account_id = r.account_id and p.session_day = r.session_day;
comment on view api.equity_curve is
'How the account grew: the trades that closed in each session, in dollars and R after fees, summed up from the first on, and how far below '
'the highest sum it stands (drawdown, zero or more).';

create view api.feature_statistics with (security_invoker = true) as
with paired as (
    select
        a.account_id,
        a.schema_hash,
        a.kind,
        a.place,
        s.names[a.place] as name,
        s.created_at as schema_created_at,
        a.known,
        a.missing,
        a.mean,
        a.m2,
        a.lowest,
        a.highest,
        coalesce(w.known, 0) as won_known,
        w.mean as won_mean,
        w.m2 as won_m2,
        coalesce(l.known, 0) as lost_known,
        l.mean as lost_mean,
        l.m2 as lost_m2
    from stopward.feature_rollups as a
    inner join stopward.feature_schemas as s on a.schema_hash = s.schema_hash
    left join stopward.feature_rollups as w
        on
            a.account_id = w.account_id
            and a.schema_hash = w.schema_hash
            and a.kind = w.kind
            and w.outcome = 'won'
            and a.place = w.place
    left join stopward.feature_rollups as l
        on
            a.account_id = l.account_id
            and a.schema_hash = l.schema_hash
            and a.kind = l.kind
            and l.outcome = 'lost'
            and a.place = l.place
    where a.outcome = 'all'
),

compared as (
    select
        p.*,
        p.won_mean - p.lost_mean as difference,
        p.won_m2 + p.lost_m2 as within_m2,
        p.won_known::double precision * p.lost_known / nullif(p.won_known + p.lost_known, 0) as weight
    from paired as p
)

select
    c.account_id,
    c.schema_hash,
    c.kind,
    c.place,
    c.name,
    c.known + c.missing as vectors,
    c.known,
    c.missing,
    c.missing / nullif(c.known + c.missing, 0)::double precision as missing_share,
    c.mean,
    sqrt(c.m2 / nullif(c.known - 1, 0)) as sd,
    c.lowest,
    c.highest,
    c.won_known,
    c.won_mean,
    sqrt(c.won_m2 / nullif(c.won_known - 1, 0)) as won_sd,
    c.lost_known,
    c.lost_mean,
    sqrt(c.lost_m2 / nullif(c.lost_known - 1, 0)) as lost_sd,
    case
        when c.won_known + c.lost_known > 2
            then c.difference / nullif(sqrt(c.within_m2 / (c.won_known + c.lost_known - 2)), 0)
    end as standardised_difference,
    c.difference * sqrt(c.weight) / nullif(sqrt(c.within_m2 + c.difference ^ 2 * c.weight), 0) as outcome_correlation,
    c.schema_created_at
from compared as c;
comment on view api.feature_statistics is
'How each feature is distributed over all vectors, and whether it differs between trades that won and trades that lost: Cohen''s d '
'(standardised_difference) and the point-biserial correlation; null where there is too little to say.';

create or replace view api.trade_journal with (security_invoker = true) as
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
    p.tags,
    t.session_day,
    extract(epoch from t.closed_at - t.opened_at)::double precision / 60 as held_minutes,
    p.initial_stop,
    p.stop as last_stop,
    p.stop_rule as last_stop_rule,
    p.fees_per_share * p.closed_quantity as fees,
    t.mfe_r - t.result_r as given_back_r,
    (
        select
            jsonb_agg(
                jsonb_build_object(
                    'rule', e.rule,
                    'quantity', trim_scale(e.quantity)::text,
                    'price', trim_scale(e.price)::text,
                    'r', e.r::double precision,
                    'saved_r', e.saved_r::double precision,
                    'at', e.at,
                    'doubt', e.doubt
                )
                order by e.at, e.rule
            )
        from stopward.position_exits as e
        where e.account_id = t.account_id and e.position_id = t.position_id
    ) as exits
from stopward.trades as t
inner join stopward.positions as p on t.account_id = p.account_id and t.position_id = p.id;
comment on view api.trade_journal is
'Closed positions: what they brought in dollars and in R, what closed them part by part (exits), and how much of the best was given back.';

create view api.exit_log with (security_invoker = true) as
select
    e.account_id,
    e.session_day,
    e.position_id,
    t.symbol,
    t.side,
    e.rule,
    e.at,
    e.quantity,
    e.price,
    e.result,
    e.r::double precision as r,
    e.trade_r::double precision as trade_r,
    e.without_r::double precision as without_r,
    e.saved_r::double precision as saved_r,
    e.attributed_at,
    e.attribution_version,
    e.fills,
    e.doubt
from stopward.position_exits as e
inner join stopward.trades as t on e.account_id = t.account_id and e.position_id = t.position_id;
comment on view api.exit_log is
'What each rule closed of each trade, its share in R before fees, and what the trade would have brought without it; null is unknown.';

create or replace view api.decision_log with (security_invoker = true) as
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
    v.fault,
    -- The bits of fired, in the order of the rules' codes.
    array(
        select n.name
        from
            unnest(array[
                'stop', 'day_loss', 'day_profit', 'session_flat', 'adverse_excursion', 'give_back', 'time_stop',
                'momentum', 'volume', 'target', 'aged_target', 'partial', 'breakeven', 'ratchet', 'chandelier',
                'percent_trail', 'bar_trail', 'average_trail', 'follow_targets'
            ]) with ordinality as n (name, code)
        where (d.fired >> (n.code - 1)::integer) & 1 = 1
        order by n.code
    ) as rules_true,
    -- What the rules file names, and its preset has; a file that is not at hand may have named any.
    array(
        select n.name
        from
            unnest(array[
                'stop', 'day_loss', 'day_profit', 'session_flat', 'adverse_excursion', 'give_back', 'time_stop',
                'momentum', 'volume', 'target', 'aged_target', 'partial', 'breakeven', 'ratchet', 'chandelier',
                'percent_trail', 'bar_trail', 'average_trail', 'follow_targets'
            ]) with ordinality as n (name, code)
        where
            (d.fired >> (n.code - 1)::integer) & 1 = 0
            and (d.mask <> 'breakeven' or n.name in ('breakeven', 'ratchet', 'follow_targets'))
            and (
                f.hash is null
                or n.name = 'stop'
                or f.rules_toml ~ ('(^|\n)\s*(\[?[^#\n\]=]*\m(rules|limits)\.)?' || n.name || '\s*[].=]')
                or (
                    f.rules_toml ~ '(^|\n)\s*preset\s*=\s*["'']standard'
                    and n.name in (
                        'day_loss', 'day_profit', 'session_flat', 'give_back', 'time_stop', 'momentum', 'volume',
                        'partial', 'breakeven', 'ratchet', 'chandelier'
                    )
                )
            )
        order by n.code
    ) as rules_not_true,
    array(
        select s.sentence
        from (
            values
            (1, 'no quote could be used: ' || v.fault),
            (
                2,
                case
                    when (d.account_state ->> 5)::double precision > 0
                        then 'the account was halted: rules propose nothing, stops stay'
                end
            ),
            (
                3,
                case when (d.account_state ->> 4)::double precision > 0 then 'a limit of the day had acted already' end
            ),
            (4, case when d.fired = 0 then 'no rule was true' end),
            (
                6,
                case
                    when
                        d.kind <> 'hold'
                        and not exists (
                            select from stopward.orders as o
                            where
                                o.account_id = d.account_id
                                and o.position_id = d.position_id
                                and o.tick_at = d.tick_at
                        )
                        then
                            'nothing was recorded to be sent at this pulse: '
                            || 'the account only observes, or an order of before was not over'
                end
            )
        ) as s (place, sentence)
        where s.sentence is not null
        order by s.place
    )
    -- True, and not what was done: another rule was more protective, or it waits.
    || array(
        select
            format(
                '%s was true and wanted %s: %s; %s',
                r.value ->> 'rule',
                r.value ->> 'wanted',
                r.value ->> 'sentence',
                case
                    when d.kind = 'hold' and r.value ->> 'wanted' = 'hold' then 'there was nothing more to do'
                    when d.kind = 'hold' and r.value ->> 'rule' = 'stop' then 'the stop at the broker comes first'
                    when d.kind = 'hold' then 'it was not worth a request, or could not be done at this price'
                    else concat_ws(' and ', d.rule, nullif(d.stop_rule, d.rule)) || ' decided'
                end
            )
        from jsonb_path_query(d.reasons, '$[*]') as r (value)
        where
            r.value ->> 'rule' is distinct from d.rule
            and r.value ->> 'rule' is distinct from d.stop_rule
    )
    || array(
        select format('%s was %s: %s', o.step, o.status, o.reason)
        from stopward.orders as o
        where
            o.account_id = d.account_id
            and o.position_id = d.position_id
            and o.tick_at = d.tick_at
            and o.status in ('rejected', 'void', 'canceled')
            and d.kind <> 'hold'
        order by o.id
    ) as why_not,
    -- How it stood, in R: fields of the kernel's State in its order.
    ((d.price - (d.state ->> 1)::double precision) * (d.state ->> 0)::double precision)
    / nullif((d.state ->> 2)::double precision, 0) as now_r,
    (((d.state ->> 9)::double precision - (d.state ->> 1)::double precision) * (d.state ->> 0)::double precision)
    / nullif((d.state ->> 2)::double precision, 0) as best_r,
    (((d.state ->> 10)::double precision - (d.state ->> 1)::double precision) * (d.state ->> 0)::double precision)
    / nullif((d.state ->> 2)::double precision, 0) as worst_r,
    (d.state ->> 11)::double precision as age_minutes,
    (d.account_state ->> 0)::double precision as day_r,
    d.mask,
    d.closed_bar,
    v.quote_at
from stopward.decisions as d
left join stopward.market_views as v
    on d.account_id = v.account_id and d.symbol = v.symbol and d.tick_at = v.tick_at and d.telling = v.telling
left join stopward.settings_versions as f
    on d.account_id = f.account_id and d.rules_hash = f.hash;
comment on view api.decision_log is
'Why something was done, and why not: each decision with the rules that were true, those that were not, what stood in the way, how the '
'position stood in R, and the quote it saw. What was never decided (no lease, no data, not opted in) is in alarm_log.';

grant select on
api.daily_exit_performance, api.equity_curve, api.feature_statistics, api.exit_log
to authenticated, service_role, stopward_worker;
