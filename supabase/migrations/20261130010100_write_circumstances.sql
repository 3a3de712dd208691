-- Why: a tick says what its decisions stood on: see 20261130010000. A hold under other rules, or of a stop that was
--      loosened meanwhile, does not extend the run: its row would tell the wrong ones.
--      3: decisions carry their circumstances, and ticks the rule sets that these name.
-- Lock: none. Phase: before deploy; programs that write no circumstances are understood.

create or replace function stopward.tick_shape(of_function text)
returns jsonb
language plpgsql immutable
set search_path = ''
as $$
begin
    return case of_function
        when 'record_tick' then '{
            "fence": "bigint", "account_id": "text", "tick_at": "timestamptz", "at": "timestamptz",
            "positions": "rows?", "orders": "rows?", "trades": "rows?", "observations": "rows?", "alarms": "rows?",
            "cleared": "text[]?", "day": "object?", "unprotected_seconds": "numbers?", "release": "boolean?",
            "source": "text", "symbols": "rows?", "views": "rows?", "rule_sets": "rows?", "decisions": "rows?",
            "settled": "rows?", "halted_symbols": "text[]?", "lease_seconds": "double precision?"
        }'::jsonb
        when 'acknowledge' then '{
            "fence": "bigint", "account_id": "text", "tick_at": "timestamptz", "at": "timestamptz",
            "positions": "rows?", "orders": "rows?", "trades": "rows?", "observations": "rows?", "alarms": "rows?",
            "cleared": "text[]?", "day": "object?", "unprotected_seconds": "numbers?", "release": "boolean?"
        }'::jsonb
    end;
end
$$;

create or replace function stopward.row_shape(of_rows text)
returns jsonb
language plpgsql immutable
set search_path = ''
as $$
begin
    return case of_rows
        when 'positions' then '{
            "id": "text", "account_id": "text", "symbol": "text", "side": "text", "quantity": "numeric(24,9)",
            "initial_quantity": "numeric(24,9)", "average_entry": "numeric(18,6)", "initial_stop": "numeric(18,6)",
            "risk": "numeric(18,6)", "stop": "numeric(18,6)", "target": "numeric(18,6)?", "lot": "numeric(24,9)",
            "tick": "numeric(18,6)", "fees_per_share": "numeric(18,6)", "opened_at": "timestamptz",
            "adopted_at": "timestamptz", "bar_at": "timestamptz?", "marks": "numbers", "tags": "text[]",
            "flags": "text[]", "realised": "numeric(18,6)", "closed_quantity": "numeric(24,9)",
            "tightest": "numeric(18,6)?", "stop_rule": "text", "fills_at": "timestamptz?", "fill_ids": "text[]"
        }'::jsonb
        when 'symbols' then '{
            "symbol": "text", "bar_at": "timestamptz?", "since": "timestamptz?", "carry": "numbers",
            "highs": "prose", "lows": "prose", "daily_atr": "double precision?"
        }'::jsonb
        when 'views' then '{
            "symbol": "text", "quote_at": "timestamptz?", "bid": "numeric(18,6)?", "ask": "numeric(18,6)?",
            "feed": "prose", "bar_at": "timestamptz?", "bar": "double precision[]", "fault": "prose?"
        }'::jsonb
        when 'decisions' then '{
            "position_id": "text", "symbol": "text", "tick_at": "timestamptz", "source": "text",
            "decision": "object", "state": "double precision[]", "account": "double precision[]",
            "fired": "double precision", "reasons": "array", "price": "double precision?", "rules_hash": "prose",
            "rule_version": "text", "mask": "text", "closed_bar": "boolean", "measured": "double precision[]",
            "circumstances": "object?"
        }'::jsonb
        when 'circumstances' then '{
            "rule_set": "text", "hand_loosened": "boolean", "covered": "boolean", "crossed": "boolean"
        }'::jsonb
        when 'rule_sets' then '{"digest": "text", "numbers": "object"}'::jsonb
        when 'decision' then '{
            "kind": "text", "rule": "text?", "to": "numeric(18,6)?", "quantity": "numeric(24,9)?",
            "stop": "numeric(18,6)?", "stop_rule": "text?"
        }'::jsonb
        when 'orders' then '{
            "id": "text", "position_id": "text", "symbol": "text", "step": "text", "side": "text",
            "quantity": "numeric(24,9)", "price": "numeric(18,6)?", "on": "text?", "rule": "text",
            "tick_at": "timestamptz", "attempt": "integer", "status": "text", "broker_order_id": "text?",
            "filled_quantity": "numeric(24,9)", "filled_price": "numeric(18,6)?", "reason": "prose",
            "partials": "integer", "part": "prose"
        }'::jsonb
        when 'trades' then '{
            "position_id": "text", "symbol": "text", "closed_at": "timestamptz", "exit_price": "numeric(18,6)",
            "result": "numeric(18,6)", "result_r": "double precision", "mae_r": "double precision",
            "mfe_r": "double precision", "cause": "text"
        }'::jsonb
        when 'observations' then '{
            "position_id": "text?", "symbol": "text", "kind": "text", "cause": "text", "detail": "object"
        }'::jsonb
        when 'alarms' then '{
            "key": "text", "kind": "text", "symbol": "text?", "message": "prose", "severity": "text"
        }'::jsonb
        when 'day' then '{
            "session_day": "date", "realised": "numeric(18,6)", "realised_r": "double precision",
            "peak_r": "double precision", "equity": "numeric(18,6)?", "losses": "integer",
            "last_loss_at": "timestamptz?", "locked_by": "text?", "warned": "double precision"
        }'::jsonb
    end;
end
$$;

create or replace function stopward.row_path(of_rows text)
returns jsonpath
language plpgsql immutable
set search_path = ''
as $$
begin
    return case of_rows
        when 'positions' then stopward.shape_path(stopward.row_shape('positions'))
        when 'symbols' then stopward.shape_path(stopward.row_shape('symbols'))
        when 'views' then stopward.shape_path(stopward.row_shape('views'))
        when 'rule_sets' then stopward.shape_path(stopward.row_shape('rule_sets'))
        when 'decisions' then stopward.shape_path(stopward.row_shape('decisions'))
        when 'orders' then stopward.shape_path(stopward.row_shape('orders'))
        when 'trades' then stopward.shape_path(stopward.row_shape('trades'))
        when 'observations' then stopward.shape_path(stopward.row_shape('observations'))
        when 'alarms' then stopward.shape_path(stopward.row_shape('alarms'))
        when 'day' then stopward.shape_path(stopward.row_shape('day'))
    end;
end
$$;

create or replace function stopward.name_fault(function_name text, request jsonb, message text)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
    fault text;
begin
    select p.key || f.fault into fault
    from (
        select
            s.key,
            request -> s.key as given,
            case s.key when 'settled' then 'orders' else s.key end as of_rows
        from jsonb_each_text(stopward.tick_shape(function_name)) as s
        where s.value = 'rows?'
        union all
        select 'day', jsonb_build_array(request -> 'day'), 'day'
        where jsonb_typeof(request -> 'day') = 'object'
        union all
        select 'decisions.decision', jsonb_path_query_array(request, '$.decisions[*].decision'), 'decision'
        union all
        select
            'decisions.circumstances',
            jsonb_path_query_array(request, '$.decisions[*].circumstances ? (@ != null)'),
            'circumstances'
    ) as p
    cross join lateral stopward.fault_of_rows(p.given, stopward.row_shape(p.of_rows)) as f (fault)
    where f.fault is not null
    limit 1;
    perform stopward.refuse(
        function_name || '_request',
        format('%s: %s', function_name, coalesce(fault, message)),
        'nothing was written'
    );
end
$$;

create function stopward.write_rule_sets(of_account text, given jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
    other text;
begin
    insert into stopward.rule_sets (account_id, digest, numbers)
    select of_account, g.digest, g.numbers
    from jsonb_to_recordset(given) as g (digest text, numbers jsonb)
    on conflict on constraint rule_sets_pkey do nothing;
    select r.digest into other
    from jsonb_to_recordset(given) as g (digest text, numbers jsonb)
    inner join stopward.rule_sets as r on r.account_id = of_account and g.digest = r.digest
    where r.numbers <> g.numbers
    limit 1;
    if other is not null then
        perform stopward.refuse(
            'rule_sets_append_only',
            format('rule set %s was stored with other numbers', other),
            'a digest names one content'
        );
    end if;
end
$$;
comment on function stopward.write_rule_sets(text, jsonb) is
'Keep the rules that decisions name; those that are known are left alone.';
revoke execute on function stopward.write_rule_sets(text, jsonb) from public;

create or replace function stopward.write_journal(of_account text, of_tick timestamptz, given jsonb, views jsonb)
returns void
language plpgsql
set search_path = ''
set plan_cache_mode = 'force_custom_plan'
as $$
declare
    is_late boolean;
    earliest timestamptz;
    unknown text;
begin
    select u.digest into unknown
    from (
        select distinct g.circumstances ->> 'rule_set' as digest
        from jsonb_to_recordset(given) as g (circumstances jsonb)
    ) as u
    where
        u.digest is not null
        and not exists (
            select from stopward.rule_sets as r where r.account_id = of_account and u.digest = r.digest
        )
    limit 1;
    if unknown is not null then
        perform stopward.refuse(
            'decisions_rule_set_known',
            format('a decision names rule set %s, which is not stored', unknown),
            'its numbers come with the same tick, or came with an earlier one'
        );
    end if;

    select coalesce(bool_or(g.tick_at <= r.last_tick_at), false), coalesce(min(r.tick_at), of_tick)
    into is_late, earliest
    from jsonb_to_recordset(given) as g (position_id text, tick_at timestamptz, source text)
    inner join stopward.decision_runs as r
        on r.account_id = of_account and g.position_id = r.position_id and g.source = r.source;

    with stated as (
        select
            g.*,
            g.decision ->> 'kind' as kind,
            g.decision ->> 'rule' as rule,
            coalesce(g.decision ->> 'to', g.decision ->> 'stop')::numeric(18, 6) as stop,
            coalesce(
                g.decision ->> 'stop_rule', case g.decision ->> 'kind' when 'move_stop' then g.decision ->> 'rule' end
            ) as stop_rule,
            (g.decision ->> 'quantity')::numeric(24, 9) as quantity,
            case
                when g.decision ->> 'kind' = 'hold' then
                    concat_ws(
                        '|',
                        g.fired,
                        g.rules_hash,
                        g.rule_version,
                        g.mask,
                        g.measured,
                        g.circumstances ->> 'rule_set',
                        g.circumstances ->> 'hand_loosened',
                        jsonb_path_query_array(g.reasons, '$[*].rule'),
                        jsonb_path_query_array(g.reasons, '$[*].wanted')
                    )
            end as signature
        from jsonb_to_recordset(given) as g (
            position_id text,
            symbol text,
            tick_at timestamptz,
            source text,
            decision jsonb,
            state jsonb,
            account jsonb,
            fired double precision,
            reasons jsonb,
            price double precision,
            rules_hash text,
            rule_version text,
            mask text,
            closed_bar boolean,
            measured jsonb,
            circumstances jsonb
        )
    ),

    -- What is already told drops out here: telling it twice changes nothing. A pulse that comes after later ones (a
    -- schedule that fired twice) may lie inside a run, which a look at the last one cannot tell. A hold is told when
    -- anything is of its pulse; what acts, only when the same was decided: an order stands on it.
    fresh as (
        select
            s.*,
            r.tick_at as run_at,
            coalesce(not s.closed_bar and s.signature = r.signature and s.tick_at > r.last_tick_at, false) as extends,
            case
                when not is_late or s.tick_at > r.last_tick_at then 1
                else coalesce(
                    (
                        select max(d.telling) from stopward.decisions as d
                        where
                            d.account_id = of_account
                            and d.position_id = s.position_id
                            and d.source = s.source
                            and d.tick_at = s.tick_at
                    ),
                    0
                ) + 1
            end as telling
        from stated as s
        left join stopward.decision_runs as r
            on r.account_id = of_account and s.position_id = r.position_id and s.source = r.source
        where not is_late or case
            when s.tick_at > r.last_tick_at then true
            when s.kind = 'hold' then
                not exists (
                    select from stopward.decisions as d
                    where
                        d.account_id = of_account
                        and d.position_id = s.position_id
                        and d.source = s.source
                        and d.tick_at = s.tick_at
                )
                -- Runs never overlap: only the last that begins before can reach so far.
                and coalesce(
                    (
                        select d.last_tick_at from stopward.decisions as d
                        where
                            d.account_id = of_account
                            and d.position_id = s.position_id
                            and d.source = s.source
                            and d.kind = 'hold'
                            and d.tick_at < s.tick_at
                        order by d.tick_at desc
                        limit 1
                    ) < s.tick_at,
                    true
                )
            else
                not exists (
                    select from stopward.decisions as d
                    where
                        d.account_id = of_account
                        and d.position_id = s.position_id
                        and d.source = s.source
                        and d.tick_at = s.tick_at
                        and (d.kind, d.rule, d.stop, d.stop_rule, d.quantity)
                        is not distinct from (s.kind, s.rule, s.stop, s.stop_rule, s.quantity)
                )
        end
    ),

    extended as (
        update stopward.decisions as d
        set last_tick_at = f.tick_at, ticks = d.ticks + 1
        from fresh as f
        where
            f.extends
            and d.account_id = of_account
            and d.position_id = f.position_id
            and d.tick_at = f.run_at
            and d.tick_at between earliest and of_tick
            and d.source = f.source
            and d.kind = 'hold'
    ),

    written as (
        insert into stopward.decisions (
            account_id, position_id, tick_at, source, symbol, kind, rule, stop, stop_rule, quantity, price, fired,
            reasons, state, account_state, rules_hash, rule_version, mask, closed_bar, measured,
            last_tick_at, telling, rule_set, hand_loosened, covered, crossed
        )
        select
            of_account,
            f.position_id,
            f.tick_at,
            f.source,
            f.symbol,
            f.kind,
            f.rule,
            f.stop,
            f.stop_rule,
            f.quantity,
            f.price,
            f.fired::bigint,
            f.reasons,
            f.state,
            f.account,
            f.rules_hash,
            f.rule_version,
            f.mask,
            f.closed_bar,
            f.measured,
            f.tick_at,
            f.telling,
            f.circumstances ->> 'rule_set',
            (f.circumstances ->> 'hand_loosened')::boolean,
            (f.circumstances ->> 'covered')::boolean,
            (f.circumstances ->> 'crossed')::boolean
        from fresh as f
        where not f.extends
        on conflict on constraint decisions_pkey do nothing
    ),

    pointed as (
        insert into stopward.decision_runs as r (account_id, position_id, source, tick_at, last_tick_at, signature)
        select
            of_account,
            f.position_id,
            f.source,
            case when f.extends then f.run_at else f.tick_at end,
            f.tick_at,
            f.signature
        from fresh as f
        on conflict on constraint decision_runs_pkey do update
        set tick_at = excluded.tick_at, last_tick_at = excluded.last_tick_at, signature = excluded.signature
        -- What acts at the run's own last pulse ends it.
        where
            excluded.last_tick_at > r.last_tick_at
            or (excluded.last_tick_at = r.last_tick_at and excluded.signature is null)
    ),

    -- A view is needed where a decision was written; where all of a symbol's ran on, it is not.
    told as (
        select
            s.symbol,
            bool_or(f.position_id is not null and not f.extends) as is_written,
            max(f.telling) as telling
        from stated as s
        left join fresh as f on s.position_id = f.position_id and s.source = f.source
        group by s.symbol
    )

    insert into stopward.market_views (
        account_id, tick_at, symbol, quote_at, bid, ask, feed, bar_at, bar, fault, telling
    )
    select
        of_account, of_tick, v.symbol, v.quote_at, v.bid, v.ask, v.feed, v.bar_at, v.bar, v.fault,
        coalesce(t.telling, 1)
    from jsonb_to_recordset(views) as v (
        symbol text,
        quote_at timestamptz,
        bid numeric(18, 6),
        ask numeric(18, 6),
        feed text,
        bar_at timestamptz,
        bar jsonb,
        fault text
    )
    left join told as t on v.symbol = t.symbol
    where coalesce(t.is_written, true)
    on conflict on constraint market_views_pkey do nothing;
end
$$;

create or replace function api.record_tick(record jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account text;
    this_tick timestamptz;
    moment timestamptz;
    token bigint;
    settled jsonb;
    trades jsonb;
    intents jsonb;
    created jsonb := '[]';
begin
    perform stopward.require_tick('record_tick', record);
    this_account := record ->> 'account_id';
    this_tick := record ->> 'tick_at';
    moment := record ->> 'at';
    token := record ->> 'fence';
    settled := coalesce(record -> 'settled', '[]');
    trades := coalesce(record -> 'trades', '[]');
    intents := coalesce(record -> 'orders', '[]');
    perform stopward.require_account(this_account);
    perform stopward.require_fence(this_account, token);
    perform stopward.write_observations(this_account, this_tick, moment, coalesce(record -> 'observations', '[]'));
    -- Most ticks settle, close and send nothing: what there is none of is not planned.
    if settled <> '[]' then
        perform stopward.settle_orders(this_account, this_tick, moment, token, settled);
    end if;
    perform stopward.write_positions(this_account, coalesce(record -> 'positions', '[]'), trades);
    if trades <> '[]' then
        perform stopward.write_trades(this_account, this_tick, trades);
    end if;
    perform stopward.write_symbols(this_account, coalesce(record -> 'symbols', '[]'));
    if coalesce(record -> 'rule_sets', '[]') <> '[]' then
        perform stopward.write_rule_sets(this_account, record -> 'rule_sets');
    end if;
    perform stopward.write_journal(
        this_account, this_tick, coalesce(record -> 'decisions', '[]'), coalesce(record -> 'views', '[]')
    );
    if intents <> '[]' then
        created := stopward.write_intents(this_account, moment, token, intents);
    end if;
    perform stopward.write_alarms(
        this_account, this_tick, moment, coalesce(record -> 'alarms', '[]'), coalesce(record -> 'cleared', '[]')
    );
    perform stopward.halt_symbols(this_account, coalesce(record -> 'halted_symbols', '[]'));
    if jsonb_typeof(record -> 'day') = 'object' then
        perform stopward.write_day(this_account, record -> 'day');
    end if;
    perform stopward.write_gaps(
        this_account, this_tick, 'record', coalesce(record -> 'unprotected_seconds', '{}')
    );
    perform stopward.end_tick(
        this_account,
        this_tick,
        record ->> 'source',
        coalesce((record ->> 'release')::boolean, false),
        coalesce((record ->> 'lease_seconds')::double precision, 0)
    );
    return jsonb_build_object('new', created);
exception
    when data_exception or not_null_violation or cardinality_violation or program_limit_exceeded then
        -- The kinds were right, a value was not: only now is it worth the time to find which.
        perform stopward.name_fault('record_tick', record, sqlerrm);
        return null;
end
$$;

create or replace function stopward.schema_version()
returns json
language sql stable
set search_path = ''
as $$
select json_build_object('version', 3, 'oldest_program', 1)
$$;
