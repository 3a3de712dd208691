-- What did a signal bring where the model decided, and where it did not (a veto counts as 0 R)?
select
    model_id,
    sum(model_arm_r) / nullif(sum(model_arm_predictions), 0) as model_arm_r_per_signal,
    sum(control_arm_r) / nullif(sum(control_arm_predictions), 0) as control_arm_r_per_signal
from api.model_days
where account_id = 'demo'
group by model_id;
