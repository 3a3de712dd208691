-- How much does the model decide now, since when, and on what evidence?
select
    model_id,
    stage,
    weight,
    since,
    evidence_days,
    evidence_resolved,
    mean_paired_r,
    cooldown_until,
    last_because,
    training_is_due
from api.rollout_status
where account_id = 'demo' and alias = 'champion';
