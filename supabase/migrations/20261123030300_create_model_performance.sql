-- Why: how good each model is, day by day: sums that a trigger adds to as predictions come and resolve,
--      and the statistics that only a job can compute.
-- Lock: none. Phase: before deploy.

create table stopward.model_performance (
    account_id text not null,
    model_id text not null,
    session_day date not null,
    arm text not null,
    n integer not null default 0,
    vetoes integer not null default 0,
    latency_sum double precision not null default 0,
    latency_max double precision not null default 0,
    resolved integer not null default 0,
    wins integer not null default 0,
    p_sum double precision not null default 0,
    brier_sum double precision not null default 0,
    log_loss_sum double precision not null default 0,
    base_r_sum double precision not null default 0,
    model_r_sum double precision not null default 0,
    paired_r_sum double precision not null default 0,
    paired_r_squares double precision not null default 0,
    bin_n integer[] not null default array_fill(0, array[10]),
    bin_wins integer[] not null default array_fill(0, array[10]),
    bin_p_sum double precision[] not null default array_fill(0::double precision, array[10]),
    constraint model_performance_pkey primary key (account_id, model_id, session_day, arm),
    constraint model_performance_model_fkey foreign key (account_id, model_id)
    references stopward.models (account_id, id),
    constraint model_performance_arm_known check (arm in ('shadow', 'control', 'model')),
    constraint model_performance_counts_fit check (vetoes between 0 and n and wins between 0 and resolved),
    constraint model_performance_ten_bins check (
        cardinality(bin_n) = 10 and cardinality(bin_wins) = 10 and cardinality(bin_p_sum) = 10
    ),
    -- A NaN in a sum is there for ever; PostgreSQL sorts it above infinity.
    constraint model_performance_sums_are_numbers check (
        least(
            latency_sum, latency_max, p_sum, brier_sum, log_loss_sum,
            base_r_sum, model_r_sum, paired_r_sum, paired_r_squares
        ) > '-Infinity'
        and greatest(
            latency_sum, latency_max, p_sum, brier_sum, log_loss_sum,
            base_r_sum, model_r_sum, paired_r_sum, paired_r_squares
        ) < 'Infinity'
        and 'Infinity' > all(bin_p_sum)
        and '-Infinity' < all(bin_p_sum)
    )
) with (fillfactor = 50);
create index model_performance_day_idx on stopward.model_performance (account_id, session_day);
comment on table stopward.model_performance is
'Sums of a model, a day and an arm, kept by triggers; rows add up. Predictions count on the day they were made, outcomes on the day of the close.';
comment on column stopward.model_performance.session_day is 'Date at the exchange.';
comment on column stopward.model_performance.arm is
'In shadow and control every signal is traded; in model only those it took, so gates leave that arm out.';
comment on column stopward.model_performance.n is 'Predictions made that day.';
comment on column stopward.model_performance.vetoes is 'Of these, vetoes.';
comment on column stopward.model_performance.latency_sum is 'Milliseconds, over the predictions made.';
comment on column stopward.model_performance.latency_max is 'Milliseconds.';
comment on column stopward.model_performance.resolved is 'Predictions whose trade closed that day.';
comment on column stopward.model_performance.wins is 'Of these, won.';
comment on column stopward.model_performance.p_sum is 'Sum of probabilities, over the resolved.';
comment on column stopward.model_performance.brier_sum is 'Sum of (probability - won)^2.';
comment on column stopward.model_performance.log_loss_sum is 'Sum of log losses in nats; a certain error counts as one at 1e-15.';
comment on column stopward.model_performance.base_r_sum is 'Sum of the outcomes in R; each counts between -1000 and 1000.';
comment on column stopward.model_performance.model_r_sum is 'The same with a veto as 0 R.';
comment on column stopward.model_performance.paired_r_sum is 'Sum of the differences in R, model less base: -R for a veto, else 0.';
comment on column stopward.model_performance.paired_r_squares is 'Sum of their squares, R^2.';
comment on column stopward.model_performance.bin_n is 'Resolved, by tenth of probability.';
comment on column stopward.model_performance.bin_wins is 'Won, by tenth of probability.';
comment on column stopward.model_performance.bin_p_sum is 'Sum of probabilities, by tenth of probability.';
alter table stopward.model_performance enable row level security;

create function stopward.count_predictions()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    insert into stopward.model_performance as m (
        account_id, model_id, session_day, arm, n, vetoes, latency_sum, latency_max
    )
    select
        w.account_id,
        w.model_id,
        w.session_day,
        w.arm,
        count(*),
        count(*) filter (where w.decision = 'veto'),
        sum(w.latency_ms),
        max(w.latency_ms)
    from written as w
    group by w.account_id, w.model_id, w.session_day, w.arm
    order by w.account_id, w.model_id, w.session_day, w.arm
    on conflict on constraint model_performance_pkey do update
    set
        n = m.n + excluded.n,
        vetoes = m.vetoes + excluded.vetoes,
        latency_sum = m.latency_sum + excluded.latency_sum,
        latency_max = greatest(m.latency_max, excluded.latency_max);
    return null;
end
$$;
comment on function stopward.count_predictions() is 'Trigger: add new predictions to the day they were made on.';
revoke execute on function stopward.count_predictions() from public;

create trigger predictions_count
after insert on stopward.predictions
referencing new table as written
for each statement execute function stopward.count_predictions();

create function stopward.count_outcomes()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    -- A resolved row never changes again: what is resolved after an update was resolved by it.
    with outcomes as (
        select
            c.account_id,
            c.model_id,
            c.resolved_day,
            c.arm,
            c.probability as p,
            c.outcome_won as won,
            c.decision = 'veto' as is_veto,
            greatest(-1000, least(1000, c.outcome_r)) as r,
            least(10, width_bucket(c.probability, 0, 1, 10)) as bin
        from changed as c
        where c.resolved_at is not null
    ),

    bins as (
        select
            o.account_id,
            o.model_id,
            o.resolved_day,
            o.arm,
            b.bin,
            count(*) filter (where o.bin = b.bin) as n,
            count(*) filter (where o.bin = b.bin and o.won) as wins,
            coalesce(sum(o.p) filter (where o.bin = b.bin), 0) as p_sum
        from outcomes as o
        cross join generate_series(1, 10) as b (bin)
        group by o.account_id, o.model_id, o.resolved_day, o.arm, b.bin
    ),

    curves as (
        select
            b.account_id,
            b.model_id,
            b.resolved_day,
            b.arm,
            array_agg(b.n::integer order by b.bin) as n,
            array_agg(b.wins::integer order by b.bin) as wins,
            array_agg(b.p_sum order by b.bin) as p_sum
        from bins as b
        group by b.account_id, b.model_id, b.resolved_day, b.arm
    ),

    sums as (
        select
            o.account_id,
            o.model_id,
            o.resolved_day,
            o.arm,
            count(*) as resolved,
            count(*) filter (where o.won) as wins,
            sum(o.p) as p_sum,
            sum((o.p - o.won::integer) * (o.p - o.won::integer)) as brier_sum,
            sum(-ln(greatest(1e-15, case when o.won then o.p else 1 - o.p end))) as log_loss_sum,
            sum(o.r) as base_r_sum,
            sum(case when o.is_veto then 0 else o.r end) as model_r_sum,
            sum(case when o.is_veto then -o.r else 0 end) as paired_r_sum,
            sum(case when o.is_veto then o.r * o.r else 0 end) as paired_r_squares
        from outcomes as o
        group by o.account_id, o.model_id, o.resolved_day, o.arm
    )

    insert into stopward.model_performance as m (
        account_id, model_id, session_day, arm, resolved, wins, p_sum, brier_sum, log_loss_sum, base_r_sum,
        model_r_sum, paired_r_sum, paired_r_squares, bin_n, bin_wins, bin_p_sum
    )
    select
        s.account_id, s.model_id, s.resolved_day, s.arm, s.resolved, s.wins, s.p_sum, s.brier_sum, s.log_loss_sum,
        s.base_r_sum, s.model_r_sum, s.paired_r_sum, s.paired_r_squares, c.n, c.wins, c.p_sum
    from sums as s
    inner join curves as c using (account_id, model_id, resolved_day, arm)
    order by s.account_id, s.model_id, s.resolved_day, s.arm
    on conflict on constraint model_performance_pkey do update
    set
        resolved = m.resolved + excluded.resolved,
        wins = m.wins + excluded.wins,
        p_sum = m.p_sum + excluded.p_sum,
        brier_sum = m.brier_sum + excluded.brier_sum,
        log_loss_sum = m.log_loss_sum + excluded.log_loss_sum,
        base_r_sum = m.base_r_sum + excluded.base_r_sum,
        model_r_sum = m.model_r_sum + excluded.model_r_sum,
        paired_r_sum = m.paired_r_sum + excluded.paired_r_sum,
        paired_r_squares = m.paired_r_squares + excluded.paired_r_squares,
        bin_n = array(
            select b.a + b.b
            from unnest(m.bin_n, excluded.bin_n) with ordinality as b (a, b, place)
            order by b.place
        ),
        bin_wins = array(
            select b.a + b.b
            from unnest(m.bin_wins, excluded.bin_wins) with ordinality as b (a, b, place)
            order by b.place
        ),
        bin_p_sum = array(
            select b.a + b.b
            from unnest(m.bin_p_sum, excluded.bin_p_sum) with ordinality as b (a, b, place)
            order by b.place
        );
    return null;
end
$$;
comment on function stopward.count_outcomes() is 'Trigger: add predictions that resolved to the day of their close.';
revoke execute on function stopward.count_outcomes() from public;

create trigger predictions_count_outcomes
after update on stopward.predictions
referencing new table as changed
for each statement execute function stopward.count_outcomes();

create table stopward.model_statistics (
    account_id text not null,
    model_id text not null,
    session_day date not null,
    n integer not null,
    auc double precision,
    auc_low double precision,
    auc_high double precision,
    slope double precision,
    slope_low double precision,
    slope_high double precision,
    psi jsonb not null,
    more jsonb not null,
    put_at timestamptz not null,
    constraint model_statistics_pkey primary key (account_id, model_id, session_day),
    constraint model_statistics_model_fkey foreign key (account_id, model_id)
    references stopward.models (account_id, id),
    constraint model_statistics_n_not_negative check (n >= 0),
    constraint model_statistics_auc_in_interval check (
        auc between 0 and 1
        and auc_low between 0 and 1
        and auc_high between 0 and 1
        and auc_low <= auc_high
    ),
    constraint model_statistics_slope_is_number check (
        '-Infinity' < least(slope, slope_low, slope_high)
        and greatest(slope, slope_low, slope_high) < 'Infinity'
        and slope_low <= slope_high
    ),
    constraint model_statistics_psi_is_object check (
        jsonb_typeof(psi) = 'object' and jsonb_typeof(more) = 'object'
    )
);
comment on table stopward.model_statistics is
'What a job computed over all resolved predictions of a model up to a day; put again, the last word stays.';
comment on column stopward.model_statistics.session_day is 'Last day that it covers; date at the exchange.';
comment on column stopward.model_statistics.n is 'Resolved predictions it was computed over.';
comment on column stopward.model_statistics.auc is 'Area under the ROC curve; null when one class is missing.';
comment on column stopward.model_statistics.auc_low is 'Lower bound of the area.';
comment on column stopward.model_statistics.auc_high is 'Upper bound of the area.';
comment on column stopward.model_statistics.slope is 'Calibration slope on the logit; 1 is calibrated, null when it cannot be fitted.';
comment on column stopward.model_statistics.slope_low is 'Lower bound of the slope.';
comment on column stopward.model_statistics.slope_high is 'Upper bound of the slope.';
comment on column stopward.model_statistics.psi is 'Population stability index of each feature, by name.';
comment on column stopward.model_statistics.more is 'Any other figure, by name.';
comment on column stopward.model_statistics.put_at is 'By the clock of the database (UTC).';
alter table stopward.model_statistics enable row level security;

create function api.put_model_performance(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    given stopward.model_statistics;
begin
    perform stopward.require(
        'put_model_performance', request,
        '{
            "account_id": "text", "model_id": "text", "session_day": "date", "n": "integer",
            "auc": "double precision?", "auc_low": "double precision?", "auc_high": "double precision?",
            "slope": "double precision?", "slope_low": "double precision?", "slope_high": "double precision?",
            "psi": "object?", "more": "object?"
        }'
    );
    perform stopward.require_account(this_account);
    given := jsonb_populate_record(
        null::stopward.model_statistics,
        request || jsonb_build_object(
            'psi', coalesce(nullif(request -> 'psi', 'null'), '{}'),
            'more', coalesce(nullif(request -> 'more', 'null'), '{}'),
            'put_at', now()
        )
    );
    insert into stopward.model_statistics as s
    select given.*
    on conflict on constraint model_statistics_pkey do update
    set
        n = excluded.n,
        auc = excluded.auc,
        auc_low = excluded.auc_low,
        auc_high = excluded.auc_high,
        slope = excluded.slope,
        slope_low = excluded.slope_low,
        slope_high = excluded.slope_high,
        psi = excluded.psi,
        more = excluded.more,
        put_at = excluded.put_at;
    return jsonb_build_object('done', true);
end
$$;
comment on function api.put_model_performance(jsonb) is
'Store what a job computed over a model up to a day: {account_id, model_id, session_day, n, auc, auc_low, auc_high, slope, slope_low, slope_high, psi, more}. The sums are kept by triggers and cannot be put.';
revoke execute on function api.put_model_performance(jsonb) from public;
grant execute on function api.put_model_performance(jsonb) to service_role, stopward_worker;

create policy model_performance_select_member on stopward.model_performance
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy model_performance_select_worker on stopward.model_performance
for select to stopward_worker
using (true);

create policy model_statistics_select_member on stopward.model_statistics
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy model_statistics_select_worker on stopward.model_statistics
for select to stopward_worker
using (true);

grant select on stopward.model_performance, stopward.model_statistics
to authenticated, service_role, stopward_worker;
