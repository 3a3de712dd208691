-- Why: what a night found of a model is kept day by day, and no view showed more of it than the last day's bounds.
-- Lock: none. Phase: before deploy.

create view api.model_statistics with (security_invoker = true) as
select
    s.account_id,
    s.model_id,
    s.session_day,
    s.n,
    s.auc,
    s.auc_low,
    s.auc_high,
    s.slope,
    s.slope_low,
    s.slope_high,
    (s.more #>> '{intercept,value}')::double precision as intercept,
    (s.more #>> '{intercept,low}')::double precision as intercept_low,
    (s.more #>> '{intercept,high}')::double precision as intercept_high,
    (s.more #>> '{skill,value}')::double precision as brier_skill,
    (s.more #>> '{skill,low}')::double precision as brier_skill_low,
    (s.more #>> '{skill,high}')::double precision as brier_skill_high,
    (s.more #>> '{recent,value}')::double precision as recent_skill,
    (s.more #>> '{recent,low}')::double precision as recent_skill_low,
    (s.more #>> '{recent,high}')::double precision as recent_skill_high,
    s.psi,
    (s.more ->> 'psi_n')::integer as psi_n,
    s.more ->> 'psi_unknown' as psi_unknown,
    coalesce(s.more -> 'drift', '[]') as drift,
    s.more,
    s.put_at
from stopward.model_statistics as s;
comment on view api.model_statistics is
'What each night found of a model over all that it had said by then, with bounds (5 % and 95 %), and why somebody must look at it (drift); recent is over the last 100 trades.';

grant select on api.model_statistics to authenticated, service_role, stopward_worker;
