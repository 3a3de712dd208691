-- Why: views told of a model of open positions what its vetoes would have earned, as of signals: minus the outcome. Who ends a
--      position keeps what it stands at, so these figures were of nothing; they are null, and such a model has no evidence.
-- Lock: access exclusive on four views for a moment. Phase: before deploy.

create or replace view api.model_days with (security_invoker = true) as
select
    d.account_id,
    d.model_id,
    d.session_day,
    sum(d.n) as predictions,
    sum(d.vetoes) as vetoes,
    sum(d.resolved) filter (where d.arm <> 'model') as resolved,
    sum(d.wins) filter (where d.arm <> 'model') as wins,
    sum(d.brier_sum) filter (where d.arm <> 'model')
    / nullif(sum(d.resolved) filter (where d.arm <> 'model'), 0) as brier,
    sum(d.log_loss_sum) filter (where d.arm <> 'model')
    / nullif(sum(d.resolved) filter (where d.arm <> 'model'), 0) as log_loss,
    sum(d.base_r_sum) filter (where d.arm <> 'model') as base_r,
    sum(d.model_r_sum) filter (where d.arm <> 'model' and m.kind = 'entry') as model_r,
    sum(d.paired_r_sum) filter (where d.arm <> 'model' and m.kind = 'entry')
    / nullif(sum(d.resolved) filter (where d.arm <> 'model'), 0) as mean_paired_r,
    sum(d.n) filter (where d.arm = 'model') as model_arm_predictions,
    sum(d.model_r_sum) filter (where d.arm = 'model') as model_arm_r,
    sum(d.n) filter (where d.arm = 'control') as control_arm_predictions,
    sum(d.base_r_sum) filter (where d.arm = 'control') as control_arm_r,
    sum(d.latency_sum) / nullif(sum(d.n), 0) as mean_latency_ms,
    max(d.latency_max) as max_latency_ms
from stopward.model_performance as d
inner join stopward.models as m on d.account_id = m.account_id and d.model_id = m.id
group by d.account_id, d.model_id, d.session_day;
comment on view api.model_days is
'How a model did day by day: its scores, and R with and without its vetoes where every signal was traded (shadow and control); the two arms beside it. Of a model of open positions no R with vetoes.';

create or replace view api.model_performance_summary with (security_invoker = true) as
with totals as (
    select
        d.account_id,
        d.model_id,
        sum(d.n) as n,
        sum(d.vetoes) as vetoes,
        sum(d.latency_sum) as latency_sum,
        max(d.latency_max) as latency_max,
        max(d.session_day) as last_day,
        count(distinct d.session_day) filter (where d.arm <> 'model' and d.resolved > 0) as session_days,
        sum(d.resolved) filter (where d.arm <> 'model') as resolved,
        sum(d.wins) filter (where d.arm <> 'model')::double precision as wins,
        sum(d.p_sum) filter (where d.arm <> 'model') as p_sum,
        sum(d.brier_sum) filter (where d.arm <> 'model') as brier_sum,
        sum(d.log_loss_sum) filter (where d.arm <> 'model') as log_loss_sum,
        sum(d.base_r_sum) filter (where d.arm <> 'model') as base_r,
        sum(d.model_r_sum) filter (where d.arm <> 'model') as model_r,
        sum(d.paired_r_sum) filter (where d.arm <> 'model') as paired_r,
        sum(d.resolved) filter (where d.arm = 'model') as model_arm_resolved
    from stopward.model_performance as d
    group by d.account_id, d.model_id
),

-- The base rate says the same for every trade: the share that won.
rates as (
    select
        t.*,
        nullif(t.resolved, 0)::double precision as many,
        t.wins / nullif(t.resolved, 0) as base_rate
    from totals as t
)

select
    m.account_id,
    m.id as model_id,
    m.kind,
    a.alias,
    coalesce(r.n, 0) as predictions,
    coalesce(r.vetoes, 0) as vetoes,
    coalesce(r.resolved, 0) as resolved,
    coalesce(r.model_arm_resolved, 0) as model_arm_resolved,
    coalesce(r.session_days, 0) as session_days,
    r.base_rate,
    r.brier_sum / r.many as brier,
    r.base_rate * (1 - r.base_rate) as base_brier,
    1 - r.brier_sum / nullif(r.many * r.base_rate * (1 - r.base_rate), 0) as brier_skill,
    r.log_loss_sum / r.many as log_loss,
    case
        when r.base_rate > 0 and r.base_rate < 1
            then -(r.base_rate * ln(r.base_rate) + (1 - r.base_rate) * ln(1 - r.base_rate))
    end as base_log_loss,
    r.p_sum / r.many as mean_probability,
    s.auc,
    s.auc_low,
    s.auc_high,
    s.slope,
    s.slope_low,
    s.slope_high,
    s.psi,
    s.session_day as statistics_day,
    r.base_r / r.many as mean_base_r,
    case m.kind when 'entry' then r.model_r / r.many end as mean_model_r,
    case m.kind when 'entry' then r.paired_r / r.many end as mean_paired_r,
    r.latency_sum / nullif(r.n, 0) as mean_latency_ms,
    r.latency_max as max_latency_ms,
    r.last_day
from stopward.models as m
left join stopward.model_aliases as a
    on m.account_id = a.account_id and m.kind = a.kind and m.id = a.model_id
left join rates as r on m.account_id = r.account_id and m.id = r.model_id
left join lateral (
    select s.* from stopward.model_statistics as s
    where s.account_id = m.account_id and s.model_id = m.id
    order by s.session_day desc
    limit 1
) as s on true
where m.verdict = 'published';
comment on view api.model_performance_summary is
'How good each published model is live: skill against the base rate, log loss in nats, AUC, calibration, R with and without its vetoes; on signals that were all traded (shadow and control). Of a model of open positions null: who ends one keeps what it stands at.';

create or replace view api.rollout_status with (security_invoker = true) as
with stages as (
    select
        m.account_id,
        m.id as model_id,
        m.kind,
        a.alias,
        m.expires_at,
        coalesce(e.to_stage, 'shadow') as stage,
        coalesce(e.weight_to, 0) as weight,
        e.kind as last_change,
        e.because as last_because,
        e.at as last_at,
        e.evidence as last_evidence,
        b.at as since,
        b.session_day as since_day,
        c.cooldown_until
    from stopward.models as m
    left join stopward.model_aliases as a
        on m.account_id = a.account_id and m.kind = a.kind and m.id = a.model_id
    left join lateral (
        select r.* from stopward.rollout_events as r
        where r.account_id = m.account_id and r.model_id = m.id and r.kind <> 'kept'
        order by r.number desc
        limit 1
    ) as e on true
    -- Weight inside a stage moves on with the same evidence; a stage, or a new beginning, starts anew.
    left join lateral (
        select
            r.at,
            r.session_day
        from stopward.rollout_events as r
        where
            r.account_id = m.account_id
            and r.model_id = m.id
            and (r.from_stage <> r.to_stage or r.kind = 'began')
        order by r.number desc
        limit 1
    ) as b on true
    left join lateral (
        select max(r.cooldown_until) as cooldown_until
        from stopward.models as f
        inner join stopward.rollout_events as r on f.account_id = r.account_id and f.id = r.model_id
        where f.account_id = m.account_id and f.sha256 = m.sha256 and r.cooldown_until > now()
    ) as c on true
    where m.verdict = 'published' and (a.alias is not null or e.number is not null)
),

-- A day counts whole or not at all: from the one after the stage began. Minutes of open positions are no evidence.
days as (
    select
        s.account_id,
        s.model_id,
        d.session_day,
        sum(d.resolved) as resolved,
        sum(d.paired_r_sum) / sum(d.resolved) as mean_paired_r
    from stages as s
    inner join stopward.model_performance as d on s.account_id = d.account_id and s.model_id = d.model_id
    where s.kind = 'entry' and d.arm <> 'model' and d.resolved > 0 and d.session_day > s.since_day
    group by s.account_id, s.model_id, d.session_day
),

evidence as (
    select
        d.account_id,
        d.model_id,
        count(*) as session_days,
        sum(d.resolved) as resolved,
        avg(d.mean_paired_r) as mean_paired_r,
        stddev_samp(d.mean_paired_r) as paired_r_deviation,
        max(d.session_day) as last_day
    from days as d
    group by d.account_id, d.model_id
)

select
    s.account_id,
    s.model_id,
    s.kind,
    s.alias,
    s.stage,
    s.weight,
    s.since,
    coalesce(e.session_days, 0) as evidence_days,
    coalesce(e.resolved, 0) as evidence_resolved,
    e.mean_paired_r,
    e.paired_r_deviation,
    e.last_day as last_evidence_day,
    s.last_change,
    s.last_because,
    s.last_at,
    s.last_evidence,
    s.cooldown_until,
    s.expires_at,
    s.expires_at <= now() as is_expired,
    t.id is not null as training_is_due
from stages as s
left join evidence as e on s.account_id = e.account_id and s.model_id = e.model_id
left join stopward.training_requests as t on s.account_id = t.account_id and t.finished_at is null;
comment on view api.rollout_status is
'How far up each model is and since when, on what evidence (daily means of the paired difference in R since the stage began), why it moved last, until when it pauses, and whether training is due; a model of open positions has no evidence, and stays in shadow.';

create or replace view api.prediction_log with (security_invoker = true) as
select
    p.account_id,
    p.at,
    p.session_day,
    p.signal_id,
    p.symbol,
    p.position_id,
    p.model_id,
    p.probability,
    p.threshold,
    p.decision,
    p.arm,
    p.weight,
    p.u,
    p.blocked,
    p.would_have_been_blocked,
    p.latency_ms,
    p.outcome_r,
    p.outcome_won,
    p.resolved_at,
    case
        when p.outcome_r is null or p.arm = 'model' or m.kind <> 'entry' then null
        when p.decision = 'veto' then -p.outcome_r
        else 0
    end as paired_r
from stopward.predictions as p
inner join stopward.models as m on p.account_id = m.account_id and p.model_id = m.id;
comment on view api.prediction_log is
'What a model said of each signal, whether it bound, and what came of it; paired_r is what its word would have changed, in R, and null of a minute of an open position.';
