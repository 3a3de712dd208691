-- Why: what a trade would have brought without a rule may be unknown, and a person asks why: more bars may tell it later,
--      or nothing ever will. The reason is kept beside the figure that is missing, and shown.
-- Lock: access exclusive on position_exits for an instant, for its rows are not read; share on it while an index is built,
--      for which none of them qualifies yet. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

alter table stopward.position_exits add column unknown_because text;
comment on column stopward.position_exits.unknown_because is
'Why without_r is unknown: no_rules (the journal does not say any more which rules guarded it), entry_changed (shares were added, or it was '
'split), by_hand (the trader or the broker closed part of it), not_reproduced (closed bars alone end it otherwise than it was lived), no_bars '
'(none at its entry), bars_end (they end, or have a hole, before it would have ended); null when it is known, or was not asked for.';
alter table stopward.position_exits
add constraint position_exits_unknown_has_reason check (
    unknown_because is null
    or (
        attributed_at is not null
        and without_r is null
        and unknown_because in ('no_rules', 'entry_changed', 'by_hand', 'not_reproduced', 'no_bars', 'bars_end')
    )
) not valid;

create index position_exits_unknown_idx
on stopward.position_exits (account_id, session_day) where unknown_because is not null;

create or replace function api.put_attribution(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'put_attribution', request,
        '{
            "account_id": "text", "at": "timestamptz?", "attributions": "jsonb?"
        }'
    );
    this_account constant text := request ->> 'account_id';
    this_moment constant timestamptz := coalesce((request ->> 'at')::timestamptz, now());
    odd text;
    asked integer;
    changed integer;
begin
    perform stopward.require_account(this_account);
    if jsonb_typeof(request -> 'attributions') is distinct from 'array' then
        perform stopward.refuse(
            'put_attribution_request',
            'attributions is no list',
            'send {account_id, attributions: [{position_id, rule, without_r, because, version}]}'
        );
    end if;
    asked := jsonb_array_length(request -> 'attributions');
    if asked > 1000 then
        perform stopward.refuse(
            'put_attribution_batch', format('%s attributions in one call', asked), 'send at most 1000: ticks wait for it'
        );
    end if;
    select g.value::text into odd
    from jsonb_array_elements(request -> 'attributions') as g (value)
    where
        coalesce(g.value ->> 'version', '') = ''
        or (
            g.value ->> 'without_r' is not null
            and stopward.r_of(stopward.number_of(g.value ->> 'without_r')) is null
        )
    limit 1;
    if odd is not null then
        perform stopward.refuse(
            'attribution_is_number',
            format('attribution %s', odd),
            'without_r is a number in R, or null when unknown; version names the replay'
        );
    end if;
    select string_agg(distinct format('%s of %s', g.rule, g.position_id), ', ') into odd
    from jsonb_to_recordset(request -> 'attributions') as g (position_id text, rule text)
    left join stopward.position_exits as e
        on e.account_id = this_account and g.position_id = e.position_id and g.rule = e.rule
    where e.rule is null;
    if odd is not null then
        perform stopward.refuse(
            'attribution_exit_known',
            format('no exit by %s', odd),
            'only what a rule closed can be attributed to it'
        );
    end if;
    if
        asked <> (
            select count(distinct (g.position_id, g.rule))
            from jsonb_to_recordset(request -> 'attributions') as g (position_id text, rule text)
        )
    then
        perform stopward.refuse('attribution_once', 'an exit is named twice', 'name each exit once in a call');
    end if;

    perform stopward.hold_account(this_account);
    update stopward.position_exits as e
    set
        without_r = g.without_r,
        attributed_at = this_moment,
        attribution_version = g.version,
        unknown_because = g.because
    from (
        select
            g.position_id,
            g.rule,
            g.version,
            g.because,
            stopward.r_of(stopward.number_of(g.without_r)) as without_r
        from jsonb_to_recordset(request -> 'attributions') as g (
            position_id text, rule text, without_r text, because text, version text
        )
    ) as g
    where
        e.account_id = this_account
        and e.position_id = g.position_id
        and e.rule = g.rule
        and (e.without_r, e.attribution_version, e.unknown_because)
        is distinct from (g.without_r, g.version, g.because);
    get diagnostics changed = row_count;
    return jsonb_build_object('count', asked, 'changed', changed);
end
$$;

comment on function api.put_attribution(jsonb) is
'Store what trades would have brought without a rule: {account_id, at, attributions: [{position_id, rule, without_r, because, version}]}, '
'without_r in R after fees, null when unknown, and then because may say why. At most 1000 a call. Answers {count, changed}; the last word counts.';

create or replace view api.exit_log with (security_invoker = true) as
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
    e.doubt,
    e.unknown_because
from stopward.position_exits as e
inner join stopward.trades as t on e.account_id = t.account_id and e.position_id = t.position_id;
comment on view api.exit_log is
'What each rule closed of each trade, its share in R before fees, and what the trade would have brought without it; null is unknown, and '
'unknown_because says why.';
