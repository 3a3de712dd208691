-- Is training due, and if not, how many trades are missing?
select
    trades,
    is_due,
    because,
    trades_missing,
    last_verdict,
    last_finished_at
from api.training_status
where account_id = 'demo';
