-- Why: what a model said, written before anybody knows how it ends, and completed by the trade itself; and
--      the daily sums over it, so that no page ever adds up a hundred thousand rows.
-- Lock: none (triggers are added to trades: a moment of share row exclusive). Phase: before deploy.

create table stopward.predictions (
    account_id text not null,
    model_id text not null,
    signal_id text not null,
    position_id text,
    symbol text not null,
    at timestamptz not null,
    session_day date not null,
    probability double precision not null,
    threshold double precision not null,
    decision text not null,
    arm text not null,
    weight numeric not null,
    u double precision not null,
    schema_hash text not null,
    latency_ms double precision not null,
    blocked boolean not null generated always as (decision = 'veto' and arm = 'model') stored,
    would_have_been_blocked boolean not null generated always as (decision = 'veto' and arm <> 'model') stored,
    recorded_at timestamptz not null default now(),
    outcome_r double precision,
    outcome_won boolean,
    resolved_at timestamptz,
    resolved_day date,
    constraint predictions_pkey primary key (account_id, model_id, signal_id),
    constraint predictions_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint predictions_model_fkey foreign key (account_id, model_id)
    references stopward.models (account_id, id),
    constraint predictions_position_fkey foreign key (account_id, position_id)
    references stopward.positions (account_id, id),
    constraint predictions_signal_not_empty check (signal_id <> '' and length(signal_id) <= 200),
    constraint predictions_symbol_not_empty check (symbol <> ''),
    constraint predictions_probability_is_probability check (probability between 0 and 1),
    constraint predictions_threshold_is_probability check (threshold between 0 and 1),
    constraint predictions_decision_known check (decision in ('take', 'veto')),
    constraint predictions_decision_follows check ((decision = 'take') = (probability > threshold)),
    constraint predictions_weight_leaves_control check (
        mod(weight, 0.05) = 0 and (weight = 0 or weight between 0.10 and 0.70)
    ),
    constraint predictions_u_is_share check (u between 0 and 1),
    constraint predictions_arm_follows_weight check (
        arm = case
            when weight = 0 then 'shadow'
            when u < weight::double precision then 'model'
            else 'control'
        end
    ),
    constraint predictions_latency_is_number check (latency_ms >= 0 and latency_ms < 'Infinity'),
    constraint predictions_outcome_is_number check (outcome_r > '-Infinity' and outcome_r < 'Infinity'),
    constraint predictions_outcome_is_whole check (
        num_nulls(outcome_r, outcome_won, resolved_at, resolved_day) in (0, 4)
        and (resolved_at is null or position_id is not null)
    )
) with (fillfactor = 80);
create index predictions_position_idx on stopward.predictions (account_id, position_id);
create index predictions_log_idx on stopward.predictions (account_id, at);
create index predictions_signal_idx on stopward.predictions (account_id, signal_id);
comment on table stopward.predictions is
'One score of one signal by one model, logged before its outcome; the trade of its position completes it, once.';
comment on column stopward.predictions.signal_id is 'What was scored; the arm is derived from it.';
comment on column stopward.predictions.position_id is
'The position it became, or was about; null until it is linked, and for ever when it was not taken.';
comment on column stopward.predictions.at is 'When it was scored, by our clock (UTC).';
comment on column stopward.predictions.session_day is 'Date of that session at the exchange.';
comment on column stopward.predictions.probability is 'Of a win: a result over zero after costs.';
comment on column stopward.predictions.threshold is 'The model takes above this probability.';
comment on column stopward.predictions.decision is 'What the model says: take or veto; it binds in arm model only.';
comment on column stopward.predictions.arm is
'shadow at weight 0; else model when u is under the weight, and control otherwise.';
comment on column stopward.predictions.weight is 'Share of the signals whose decision was the model''s, at that time.';
comment on column stopward.predictions.u is 'The uniform number of this model and signal, 0 to 1, derived by hash.';
comment on column stopward.predictions.latency_ms is 'Milliseconds to score it.';
comment on column stopward.predictions.blocked is 'The veto bound: the trade was not to be made.';
comment on column stopward.predictions.would_have_been_blocked is 'A veto that did not bind: the trade was made, so its outcome is seen.';
comment on column stopward.predictions.recorded_at is 'Start of the transaction that wrote it, by the clock of the database (UTC).';
comment on column stopward.predictions.outcome_r is 'Result of the trade in units of its initial risk; null before.';
comment on column stopward.predictions.outcome_won is 'Whether the trade brought more than zero after costs; null before.';
comment on column stopward.predictions.resolved_at is 'When the trade closed (UTC); null before.';
comment on column stopward.predictions.resolved_day is 'Date of that session at the exchange: the day whose evidence it is.';
alter table stopward.predictions enable row level security;

create trigger predictions_append_only
before update on stopward.predictions
for each row when (
    old.resolved_at is not null
    or (old.position_id is not null and old.position_id is distinct from new.position_id)
    or (
        old.account_id, old.model_id, old.signal_id, old.symbol, old.at, old.session_day, old.probability,
        old.threshold, old.decision, old.arm, old.weight, old.u, old.schema_hash, old.latency_ms, old.recorded_at
    ) is distinct from (
        new.account_id, new.model_id, new.signal_id, new.symbol, new.at, new.session_day, new.probability,
        new.threshold, new.decision, new.arm, new.weight, new.u, new.schema_hash, new.latency_ms, new.recorded_at
    )
)
execute function stopward.refuse_change('predictions_append_only');

create trigger predictions_never_deleted
before delete on stopward.predictions
for each row execute function stopward.refuse_change('predictions_append_only');

create function stopward.trading_day(of_exchange text, moment timestamptz)
returns date
language sql stable
set search_path = ''
as $$
select coalesce(
    (
        select s.day
        from stopward.market_sessions as s
        where
            s.exchange = of_exchange
            and s.opens_at <= moment + interval '810 minutes'
            and s.opens_at > moment - interval '5 days'
        order by s.opens_at desc
        limit 1
    ),
    (moment at time zone 'UTC')::date
)
$$;
comment on function stopward.trading_day(text, timestamptz) is
'The session that a moment counts to, from 13.5 hours before its open (20:00 of the eve in New York) until the next one begins; the UTC date where no session is near.';
revoke execute on function stopward.trading_day(text, timestamptz) from public;

create function stopward.check_predictions()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    wrong record;
begin
    select n.signal_id, n.position_id, t.position_id is not null or n.resolved_at is not null as is_late into wrong
    from written as n
    left join stopward.trades as t on n.account_id = t.account_id and n.position_id = t.position_id
    where t.position_id is not null or n.resolved_at is not null
    limit 1;
    if wrong.is_late then
        perform stopward.refuse(
            'predictions_before_outcome',
            format('signal %s: the trade of position %s is written already', wrong.signal_id, wrong.position_id),
            'a prediction is logged before its outcome exists'
        );
    end if;

    select n.signal_id, n.at, n.schema_hash as served, m.* into wrong
    from written as n
    inner join stopward.models as m on n.account_id = m.account_id and n.model_id = m.id
    where n.schema_hash <> m.schema_hash or m.verdict <> 'published' or n.at >= m.expires_at
    limit 1;
    if wrong.served <> wrong.schema_hash then
        perform stopward.refuse(
            'predictions_schema_matches',
            format(
                'signal %s: features of schema %s, model %s needs %s',
                wrong.signal_id, wrong.served, wrong.id, wrong.schema_hash
            ),
            'with another schema there is no score'
        );
    elsif wrong.id is not null then
        perform stopward.refuse(
            'predictions_model_serves',
            format(
                'signal %s at %s: model %s has verdict %s and expires at %s',
                wrong.signal_id, wrong.at, wrong.id, wrong.verdict, wrong.expires_at
            ),
            'only a published model that has not expired is asked'
        );
    end if;
    return null;
end
$$;
comment on function stopward.check_predictions() is
'Trigger: a prediction comes before its outcome, from a model that may be asked, on its own schema.';
revoke execute on function stopward.check_predictions() from public;

create trigger predictions_check
after insert on stopward.predictions
referencing new table as written
for each statement execute function stopward.check_predictions();

create function stopward.put_off(of_account text, what text, fault text)
returns void
language plpgsql
set search_path = ''
as $$
begin
    raise warning 'stopward: % of account % was put off: %', what, of_account, fault;
    perform stopward.tell(
        of_account, 'alarm', format('put_off/%s/%s', what, current_date), 'warning',
        format('Bookkeeping was put off: %s', what), jsonb_build_object('what', what, 'fault', fault)
    );
end
$$;
comment on function stopward.put_off(text, text, text) is
'Tell that bookkeeping behind a tick failed; the nightly functions make it good. Never fails.';
revoke execute on function stopward.put_off(text, text, text) from public;

create function stopward.resolve_predictions(of_account text, of_positions text[])
returns integer
language plpgsql
set search_path = ''
set plan_cache_mode = 'force_custom_plan'
as $$
declare
    touched integer;
begin
    update stopward.predictions as p
    set
        outcome_r = t.result_r,
        outcome_won = t.result > 0,
        resolved_at = t.closed_at,
        resolved_day = stopward.trading_day(a.exchange, t.closed_at)
    from stopward.trades as t
    inner join stopward.accounts as a on t.account_id = a.id
    where
        t.account_id = of_account
        and t.position_id = any(of_positions)
        and p.account_id = of_account
        and p.position_id = t.position_id
        and p.resolved_at is null;
    get diagnostics touched = row_count;
    return touched;
end
$$;
comment on function stopward.resolve_predictions(text, text[]) is
'Complete the predictions about these positions by their trades; answers how many. Done ones stay.';
revoke execute on function stopward.resolve_predictions(text, text[]) from public;

create function stopward.complete_predictions()
returns trigger
language plpgsql
set search_path = ''
set lock_timeout = '250ms'
as $$
declare
    one record;
begin
    for one in
        select c.account_id, array_agg(c.position_id order by c.position_id) as positions
        from closed as c
        group by c.account_id
        order by c.account_id
    loop
        -- A trade is written whatever happens here: a tick waits for no model, and never fails for one.
        begin
            perform stopward.resolve_predictions(one.account_id, one.positions);
        exception
            when others then
                perform stopward.put_off(one.account_id, 'predictions', sqlerrm);
        end;
    end loop;
    return null;
end
$$;
comment on function stopward.complete_predictions() is
'Trigger: the trades complete the predictions about their positions; never fails, and waits 250 ms at most.';
revoke execute on function stopward.complete_predictions() from public;

create trigger trades_complete_predictions
after insert on stopward.trades
referencing new table as closed
for each statement execute function stopward.complete_predictions();

create function api.put_predictions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    given constant jsonb := request -> 'predictions';
    of_exchange constant text := (select a.exchange from stopward.accounts as a where a.id = this_account);
    answer jsonb;
begin
    perform stopward.require('put_predictions', request, '{"account_id": "text", "predictions": "rows"}');
    perform stopward.require_account(this_account);
    if jsonb_array_length(given) > 1000 then
        perform stopward.refuse(
            'put_predictions_request', format('put_predictions: %s predictions', jsonb_array_length(given)),
            'up to 1000 at once'
        );
    end if;
    perform stopward.require_all(
        'put_predictions', 'predictions', given,
        '{
            "model_id": "text", "signal_id": "text", "position_id": "text?", "symbol": "text", "at": "timestamptz",
            "probability": "double precision", "threshold": "double precision", "decision": "text", "arm": "text",
            "weight": "numeric", "u": "double precision", "schema_hash": "text", "latency_ms": "double precision"
        }'
    );
    with told as (
        select g.*
        from jsonb_to_recordset(given) as g (
            model_id text,
            signal_id text,
            position_id text,
            symbol text,
            at timestamptz,
            probability double precision,
            threshold double precision,
            decision text,
            arm text,
            weight numeric,
            u double precision,
            schema_hash text,
            latency_ms double precision
        )
    ),

    new as (
        insert into stopward.predictions (
            account_id, model_id, signal_id, position_id, symbol, at, session_day, probability, threshold,
            decision, arm, weight, u, schema_hash, latency_ms
        )
        select
            this_account, t.model_id, t.signal_id, t.position_id, t.symbol, t.at,
            stopward.trading_day(of_exchange, t.at), t.probability, t.threshold, t.decision, t.arm, t.weight, t.u,
            t.schema_hash, t.latency_ms
        from told as t
        on conflict on constraint predictions_pkey do nothing
        returning model_id, signal_id
    ),

    -- What was told before binds: whoever told it otherwise now must act on the stored one.
    kept as (
        select distinct p.model_id, p.signal_id, p.probability, p.decision, p.arm, p.weight
        from told as t
        inner join stopward.predictions as p
            on p.account_id = this_account and t.model_id = p.model_id and t.signal_id = p.signal_id
        where
            (t.probability, t.decision, t.arm, t.weight)
            is distinct from (p.probability, p.decision, p.arm, p.weight)
    )

    select
        jsonb_build_object(
            'new', (select count(*) from new as n),
            'kept', coalesce(
                (
                    select jsonb_agg(
                        jsonb_build_object(
                            'model_id', k.model_id,
                            'signal_id', k.signal_id,
                            'probability', k.probability,
                            'decision', k.decision,
                            'arm', k.arm,
                            'weight', trim_scale(k.weight)::text
                        )
                        order by k.model_id, k.signal_id
                    )
                    from kept as k
                ),
                '[]'
            )
        ) into answer;
    return answer;
end
$$;
comment on function api.put_predictions(jsonb) is
'Log up to 1000 predictions before their outcomes: {account_id, predictions: [{model_id, signal_id, position_id, symbol, at, probability, threshold, decision, arm, weight, u, schema_hash, latency_ms}]}. Answers {new, kept}: how many are new, and the stored ones that were told otherwise now; the stored ones bind.';
revoke execute on function api.put_predictions(jsonb) from public;
grant execute on function api.put_predictions(jsonb) to service_role, stopward_worker;

create function api.link_signal(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_signal constant text := request ->> 'signal_id';
    this_position constant text := request ->> 'position_id';
    late timestamptz;
    linked integer;
begin
    perform stopward.require(
        'link_signal', request, '{"account_id": "text", "signal_id": "text", "position_id": "text"}'
    );
    perform stopward.require_account(this_account);
    select t.closed_at into late
    from stopward.trades as t
    where t.account_id = this_account and t.position_id = this_position;
    -- A trade may be over before it is linked; then the prediction must be older than its end.
    if
        exists (
            select from stopward.predictions as p
            where
                p.account_id = this_account
                and p.signal_id = this_signal
                and p.position_id is null
                and p.recorded_at >= late
        )
    then
        perform stopward.refuse(
            'predictions_before_outcome',
            format('signal %s was logged after position %s closed at %s', this_signal, this_position, late),
            'a prediction is logged before its outcome exists'
        );
    end if;
    update stopward.predictions as p
    set position_id = this_position
    where
        p.account_id = this_account
        and p.signal_id = this_signal
        and p.position_id is distinct from this_position;
    get diagnostics linked = row_count;
    if late is not null then
        perform stopward.resolve_predictions(this_account, array[this_position]);
    end if;
    return jsonb_build_object('linked', linked);
end
$$;
comment on function api.link_signal(jsonb) is
'Say which position a signal became: {account_id, signal_id, position_id}; once. Answers {linked}: predictions that learned it.';
revoke execute on function api.link_signal(jsonb) from public;
grant execute on function api.link_signal(jsonb) to service_role, stopward_worker;

create function api.resolve_predictions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    late text[];
begin
    perform stopward.require('resolve_predictions', request, '{"account_id": "text"}');
    perform stopward.require_account(this_account);
    select coalesce(array_agg(distinct p.position_id), '{}') into late
    from stopward.predictions as p
    inner join stopward.trades as t on p.account_id = t.account_id and p.position_id = t.position_id
    where p.account_id = this_account and p.resolved_at is null;
    return jsonb_build_object('resolved', stopward.resolve_predictions(this_account, late));
end
$$;
comment on function api.resolve_predictions(jsonb) is
'Complete predictions whose trade is written but could not complete them: {account_id}. Nightly. Answers {resolved}.';
revoke execute on function api.resolve_predictions(jsonb) from public;
grant execute on function api.resolve_predictions(jsonb) to service_role, stopward_worker;

create policy predictions_select_member on stopward.predictions
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy predictions_select_worker on stopward.predictions
for select to stopward_worker
using (true);

grant select on stopward.predictions to authenticated, service_role, stopward_worker;
