-- Why: the log of decisions names rules by their bits, and there is a rule more: model_tighten, by the score of a position.
-- Lock: access exclusive on the view for a moment. Phase: before deploy.

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
                'percent_trail', 'bar_trail', 'average_trail', 'follow_targets', 'model_tighten'
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
                'percent_trail', 'bar_trail', 'average_trail', 'follow_targets', 'model_tighten'
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

comment on column stopward.decisions.measured is
'Parameters that no file holds: limit of the adverse-excursion cut in R (null: not known yet), winners behind it; then the score gone by, '
'where a rule asks for one (null: no fresh one). Of what is not asked for nothing stands, and before a score null.';
