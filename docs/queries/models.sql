-- Which models were trained, and why was a model refused?
select
    model_id,
    verdict,
    alias,
    trades,
    effective_n,
    base_log_loss - log_loss as log_loss_gain,
    auc_low,
    expires_at
from api.models
where account_id = 'demo'
order by created_at desc
limit 20;
