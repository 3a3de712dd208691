-- What did the model say of my last signals, and what came of them?
select
    at,
    symbol,
    probability,
    decision,
    arm,
    blocked,
    outcome_r,
    paired_r
from api.prediction_log
where account_id = 'demo'
order by at desc
limit 50;
