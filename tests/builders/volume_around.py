"""What grows around the trading, at volume: alarms, notices, features, models, reports, settings.

In the order of their keys, after the trading. An account trains a model a week; `champion-1` is
the last but one.
"""

from typing import Final

AROUND: Final = (
    """
    insert into stopward.alarms (
        account_id, key, kind, message, severity, first_at, last_at, last_tick_at, cleared_at
    )
    select
        pg_temp.account(n), 'k' || n, 'stale_quote', 'm', 'warning', t.at, t.at, t.at,
        case when n < 100000 - 500 then t.at end
    from generate_series(1, 100000) as n
    cross join lateral (select pg_temp.moment(n, 100000) as at) as t
    """,
    """
    insert into stopward.imported_executions (
        account_id, source, id, symbol, side, quantity, price, at, fees
    )
    select
        pg_temp.account(n), 'tradervue', 'e' || n || s.side, pg_temp.symbol(n), s.side, 100, 10,
        pg_temp.moment(n, 100000) - interval '1 year' + s.later, 1
    from generate_series(1, 100000) as n
    cross join (
        values ('buy', interval '0 minutes'), ('sell', interval '30 minutes')
    ) as s (side, later)
    """,
    """
    insert into stopward.imported_trades (
        account_id, source, opened_by, symbol, side, quantity, average_entry, average_exit,
        opened_at, closed_at, fees, result, initial_stop, risk, entries, exits
    )
    select
        e.account_id, e.source, e.id, e.symbol, 'long', 100, 10, 10, e.at,
        e.at + interval '30 minutes', 2, -2, 9.5, 0.5, '[{}]', '[{}]'
    from stopward.imported_executions as e
    where e.side = 'buy'
    """,
    """
    insert into stopward.channels (account_id, name, kind, deliverer)
    select a.id, c.name, 'webhook', c.deliverer from stopward.accounts as a
    cross join (values ('board', 'lambda'), ('watch', 'edge')) as c (name, deliverer)
    """,
    """
    insert into stopward.channel_addresses (account_id, channel, address)
    select c.account_id, c.name, 'https://example.com/hook' from stopward.channels as c
    """,
    """
    insert into stopward.notifications (
        account_id, about, key, severity, title, said, created_at, read_at
    )
    select
        t.account_id, 'trade_closed', t.position_id, 'notice', 'A trade closed', '{}', t.closed_at,
        case when t.closed_at < %(until)s::timestamptz - interval '3 days' then t.closed_at end
    from stopward.trades as t
    order by t.closed_at
    """,
    """
    insert into stopward.outbox (
        id, account_id, channel, notification_id, status, attempts, next_at, created_at, settled_at
    )
    select
        gen_random_uuid(), n.account_id, 'board', n.id, s.status, 1, n.created_at, n.created_at,
        case when s.status <> 'pending' then n.created_at end
    from stopward.notifications as n
    cross join lateral (
        select case
            when n.created_at > %(until)s::timestamptz - interval '1 hour' then 'pending'
            when n.id %% 97 = 0 then 'dead'
            else 'delivered'
        end as status
    ) as s
    """,
    """
    insert into stopward.feature_schemas (schema_hash, names)
    values ('old', '{a,b,c,d}'), ('new', '{a,b,c,d}'), ('access', '{one,two}')
    """,
    """
    insert into stopward.trade_features (
        account_id, position_id, kind, schema_hash, at, vector, outcome_r, outcome_won, outcome_at
    )
    select
        p.account_id, p.id, 'entry',
        case when p.opened_at < pg_temp.moment(1, 4) then 'old' else 'new' end, p.opened_at,
        array[
            hashtext(p.id) & 15, case when hashtext(p.id) & 7 > 0 then 1 end, 2, 3
        ]::real[],
        t.result_r, t.result > 0, t.closed_at
    from stopward.positions as p
    left join stopward.trades as t on t.account_id = p.account_id and t.position_id = p.id
    """,
    """
    insert into stopward.feature_rollups (
        account_id, schema_hash, kind, outcome, place, known, missing, mean, m2, lowest, highest
    )
    select
        f.account_id, f.schema_hash, f.kind, o.outcome, v.place, count(v.value),
        count(*) - count(v.value), avg(v.value), var_pop(v.value) * count(v.value), min(v.value),
        max(v.value)
    from stopward.trade_features as f
    cross join lateral (
        values ('all', true), ('won', f.outcome_won), ('lost', not f.outcome_won)
    ) as o (outcome, counts)
    cross join lateral unnest(f.vector) with ordinality as v (value, place)
    where o.counts
    group by f.account_id, f.schema_hash, f.kind, o.outcome, v.place
    """,
    """
    insert into stopward.training_plans (account_id, trades, requests)
    select t.account_id, count(*), 25 from stopward.trades as t group by t.account_id
    """,
    """
    insert into stopward.models (
        account_id, id, kind, verdict, created_at, expires_at, registered_at, sha256, schema_hash,
        location, manifest, trades, effective_n, trained_from, trained_to, threshold, log_loss,
        base_log_loss, brier_skill, auc, auc_low, auc_high
    )
    select
        a.id, case n when 24 then 'champion-1' else 'model-' || n end, 'entry', 'published', m.at,
        m.at + interval '400 days', m.at, repeat('0', 64), 'new', 'models/x/model.onnx', '{}', 200,
        100, m.at, m.at, 0.5, 0.6, 0.7, 0.1, 0.6, 0.55, 0.65
    from stopward.accounts as a
    cross join generate_series(1, 25) as n
    cross join lateral (select pg_temp.moment(n - 1, 25) as at) as m
    """,
    """
    insert into stopward.imported_features (
        account_id, source, opened_by, schema_hash, at, vector
    )
    select t.account_id, t.source, t.opened_by, 'access', t.opened_at, '{1,2}'
    from stopward.imported_trades as t
    where substr(t.opened_by, 2, 1) <> '1'
    """,
    """
    insert into stopward.position_scores (
        account_id, position_id, model_id, at, probability, threshold, binds
    )
    select p.account_id, p.id, 'champion-1', coalesce(p.closed_at, %(until)s), 0.4, 0.5,
        true
    from stopward.positions as p
    """,
    """
    insert into stopward.model_aliases (account_id, kind, alias, model_id, changed_at, because)
    select a.id, 'entry', 'champion', 'champion-1', pg_temp.moment(24, 25), 'better'
    from stopward.accounts as a
    """,
    """
    insert into stopward.model_alias_changes (account_id, kind, alias, model_to, at, because)
    select m.account_id, 'entry', 'champion', m.id, m.created_at, 'better'
    from stopward.models as m
    """,
    """
    insert into stopward.rollout_events (
        account_id, id, model_id, number, at, kind, from_stage, to_stage, weight_from, weight_to,
        because, evidence, session_day
    )
    select
        m.account_id, m.id || '/' || n, m.id, n, m.created_at + interval '1 hour' * n,
        case n when 1 then 'began' else 'promotion' end,
        case when n < 3 then 'shadow' else 'pilot' end,
        case n when 1 then 'shadow' else 'pilot' end,
        case when n < 3 then 0 else 0.1 end, case n when 1 then 0 when 2 then 0.1 else 0.15 end,
        'earned',
        '{"days": 60, "resolved": 100, "e_value": 12, "mean_r": 0.1, "variance": 1, "parity": 1,'
        ' "skew": 0, "slope_low": 0.8, "slope_high": 1.2}',
        (m.created_at at time zone 'America/New_York')::date + n
    from stopward.models as m
    cross join generate_series(1, 3) as n
    """,
    # A veto that binds has no position; what has one is completed by its trade.
    """
    insert into stopward.predictions (
        account_id, model_id, signal_id, position_id, symbol, at, session_day, probability,
        threshold, decision, arm, weight, u, schema_hash, latency_ms, outcome_r, outcome_won,
        resolved_at, resolved_day
    )
    select
        p.account_id, 'champion-1', 's/' || p.id, case when not v.blocked then p.id end, p.symbol,
        p.opened_at, coalesce(t.session_day, %(until)s::date), case when v.veto then 0.4 else 0.6
        end, 0.5, case when v.veto then 'veto' else 'take' end,
        case when v.u < 0.1 then 'model' else 'control' end, 0.1, v.u, 'new', 1.5,
        case when not v.blocked then t.result_r end, case when not v.blocked then t.result > 0 end,
        case when not v.blocked then t.closed_at end,
        case when not v.blocked then t.session_day end
    from stopward.positions as p
    left join stopward.trades as t on t.account_id = p.account_id and t.position_id = p.id
    cross join lateral (
        select
            hashtext(p.id) & 1 = 0 as veto,
            (hashtext(p.id) >> 4 & 255) / 256.0 as u,
            hashtext(p.id) & 1 = 0 and (hashtext(p.id) >> 4 & 255) / 256.0 < 0.1 as blocked
    ) as v
    """,
    """
    insert into stopward.model_performance (
        account_id, model_id, session_day, arm, n, resolved, wins, p_sum, brier_sum, log_loss_sum,
        base_r_sum, model_r_sum, bin_n, bin_wins, bin_p_sum
    )
    select
        m.account_id, m.id, d.session_day, a.arm, 10, 10, 5, 5, 2.5, 7, 1, 2,
        '{0,0,0,0,5,0,5,0,0,0}', '{0,0,0,0,2,0,3,0,0,0}', '{0,0,0,0,2,0,3,0,0,0}'
    from stopward.models as m
    inner join (select distinct s.session_day from sessions as s) as d
        on d.session_day between m.created_at::date and m.created_at::date + 45
    cross join (values ('model'), ('control')) as a (arm)
    """,
    """
    insert into stopward.model_statistics (
        account_id, model_id, session_day, n, psi, more, put_at
    )
    select p.account_id, p.model_id, p.session_day, 10, '{"atr_percent": 0.1}', '{}', p.session_day
    from stopward.model_performance as p where p.arm = 'model'
    """,
    """
    insert into stopward.training_requests (
        account_id, id, requested_at, because, trades, started_at, started_by, claimed_until,
        trades_at_start, attempts, finished_at, verdict, model_id
    )
    select
        m.account_id, 'training-' || m.id, m.created_at, 'count', 100, m.created_at, 'one',
        m.created_at, 100, 1, m.created_at, 'published', m.id
    from stopward.models as m
    """,
    """
    insert into stopward.daily_reports (
        account_id, session_day, version, status, facts, patterns, recommendations, commentary,
        commentary_source, html_location, html, digest
    )
    select
        d.account_id, d.session_day, v, 'ready', '{}', '[]', '[]', 'Quiet.', 'template', 'r.html',
        repeat('<p>Quiet.</p>', 100), 'd' || v
    from stopward.day_results as d
    cross join generate_series(1, 2) as v
    """,
    """
    insert into stopward.settings_versions (account_id, hash, rules_toml, created_at)
    select a.id, 'hash-' || n, '[rules]', pg_temp.moment(n - 1, 20)
    from stopward.accounts as a cross join generate_series(1, 20) as n
    """,
    """
    insert into stopward.rule_sets (account_id, digest, numbers, created_at)
    select a.id, lpad(to_hex(n), 16, '0'), '{"breakeven": [1, 0, 0, 0]}', pg_temp.moment(n - 1, 20)
    from stopward.accounts as a cross join generate_series(1, 20) as n
    """,
    """
    insert into stopward.settings_changes (account_id, hash, in_force_from)
    select v.account_id, v.hash, v.created_at from stopward.settings_versions as v
    """,
    "update stopward.accounts set rules_hash = 'hash-20'",
    """
    insert into stopward.symbol_tags (account_id, symbol, tag)
    select a.id, 'S' || n, 'hands-off' from stopward.accounts as a
    cross join generate_series(100, 110) as n
    """,
    "insert into stopward.instruments (symbol, tick)"
    " select 'S' || n, case when n %% 100 = 0 then 0.05 end from generate_series(1, 20000) as n",
    "insert into stopward.usual_volumes (symbol, minute, volume)"
    " select 'S' || n, m, 1000 from generate_series(1, 400) as n"
    " cross join generate_series(570, 959) as m",
)
