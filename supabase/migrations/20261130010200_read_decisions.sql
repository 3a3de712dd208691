-- Why: `stopward replay --journal` reads years of decisions with what they stood on, page by page, over either adapter.
-- Lock: none. Phase: before deploy.

create function api.read_decisions(request jsonb)
returns json
language plpgsql stable
security definer
set search_path = ''
set timezone = 'UTC'
set datestyle = 'ISO'
set extra_float_digits = 1
set plan_cache_mode = 'force_custom_plan'
as $$
declare
    is_request constant boolean := stopward.require(
        'read_decisions', request,
        '{
            "account_id": "text", "since": "timestamptz?", "until": "timestamptz?", "after": "text[]?",
            "limit": "integer?", "rule_version": "text"
        }'
    );
    this_account constant text := request ->> 'account_id';
    this_version constant text := request ->> 'rule_version';
    after constant jsonb := coalesce(request -> 'after', '[]');
    most_rows constant integer := coalesce((request ->> 'limit')::integer, 1000);
    first_at timestamptz := coalesce((request ->> 'since')::timestamptz, '-infinity');
    last_at constant timestamptz := coalesce((request ->> 'until')::timestamptz, 'infinity');
begin
    perform stopward.require_account(this_account);
    if
        most_rows not between 1 and 10000
        or (
            after <> '[]'
            and not (
                jsonb_array_length(after) = 4
                and pg_input_is_valid(after ->> 0, 'timestamptz')
                and pg_input_is_valid(after ->> 3, 'integer')
            )
        )
    then
        perform stopward.refuse(
            'read_decisions_request',
            format('read_decisions: limit was %s, after %s', most_rows, after),
            'allowed are 1 to 10000 rows, and the key of the page before'
        );
    end if;
    first_at := greatest(first_at, (after ->> 0)::timestamptz);
    return (
        with page as materialized (
            select d.*
            from stopward.decisions as d
            where
                d.account_id = this_account
                and d.tick_at >= first_at
                and d.tick_at < last_at
                and (
                    after = '[]'
                    or (d.tick_at, d.position_id, d.source, d.telling)
                    > ((after ->> 0)::timestamptz, after ->> 1, after ->> 2, (after ->> 3)::integer)
                )
            order by d.tick_at, d.position_id, d.source, d.telling
            limit most_rows
        ),

        told as (
            select
                p.tick_at,
                p.position_id,
                p.source,
                p.telling,
                json_build_object(
                    'telling', p.telling,
                    'row', json_build_object(
                        'position_id', p.position_id,
                        'symbol', p.symbol,
                        'tick_at', p.tick_at,
                        'source', p.source,
                        'decision', json_build_object(
                            'kind', p.kind,
                            'rule', p.rule,
                            'to', p.stop::text,
                            'stop', p.stop::text,
                            'stop_rule', p.stop_rule,
                            'quantity', p.quantity::text
                        ),
                        'state', p.state,
                        'account', p.account_state,
                        'fired', p.fired,
                        'reasons', p.reasons,
                        'price', p.price,
                        'rules_hash', p.rules_hash,
                        'rule_version', p.rule_version,
                        'mask', p.mask,
                        'closed_bar', p.closed_bar,
                        'measured', p.measured,
                        'circumstances', case
                            when p.rule_set is not null then
                                json_build_object(
                                    'rule_set', p.rule_set,
                                    'hand_loosened', p.hand_loosened,
                                    'covered', p.covered,
                                    'crossed', p.crossed
                                )
                        end
                    ),
                    'view', case
                        when v.symbol is not null then
                            json_build_object(
                                'symbol', v.symbol,
                                'quote_at', v.quote_at,
                                'bid', v.bid::text,
                                'ask', v.ask::text,
                                'feed', v.feed,
                                'bar_at', v.bar_at,
                                'bar', v.bar,
                                'fault', v.fault
                            )
                    end
                ) as decision
            from page as p
            left join stopward.market_views as v
                on
                    v.account_id = this_account
                    and p.symbol = v.symbol
                    and p.tick_at = v.tick_at
                    and p.telling = v.telling
                    and v.tick_at between (select min(b.tick_at) from page as b) and (select max(b.tick_at) from page as b)
            where p.rule_version = this_version
        ),

        named as (
            select
                r.digest,
                r.numbers
            from stopward.rule_sets as r
            where
                r.account_id = this_account
                and r.digest in (select p.rule_set from page as p where p.rule_version = this_version)
        )

        select
            json_build_object(
                'decisions', coalesce(
                    (
                        select json_agg(t.decision order by t.tick_at, t.position_id, t.source, t.telling)
                        from told as t
                    ),
                    '[]'
                ),
                'other_versions', (select count(*) from page as p where p.rule_version <> this_version),
                'rule_sets', coalesce(
                    (
                        select json_agg(json_build_object('digest', n.digest, 'numbers', n.numbers))
                        from named as n
                    ),
                    '[]'
                ),
                'after', case
                    when (select count(*) from page) = most_rows then
                        (
                            select json_build_array(p.tick_at, p.position_id, p.source, p.telling::text)
                            from page as p
                            order by p.tick_at desc, p.position_id desc, p.source desc, p.telling desc
                            limit 1
                        )
                end
            )
    );
end
$$;
comment on function api.read_decisions(jsonb) is
'A page of an account''s decisions of one rule version with all they stood on: {account_id, rule_version, since, until, '
'after, limit}, since <= time < until, in the order of time, position, source and telling. Answers {decisions: '
'[{telling, row, view}], other_versions: how many of another lay between, rule_sets, after}; after is null on the last page.';
revoke execute on function api.read_decisions(jsonb) from public;
grant execute on function api.read_decisions(jsonb) to service_role, stopward_worker;
