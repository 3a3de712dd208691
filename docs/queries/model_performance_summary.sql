-- How good is each model live, and is it better than the base rate?
select
    model_id,
    alias,
    resolved,
    brier_skill,
    base_log_loss - log_loss as log_loss_gain,
    auc_low,
    slope,
    mean_paired_r
from api.model_performance_summary
where account_id = 'demo'
order by last_day desc nulls last;
