-- How much is lost if every stop fills now, in dollars?
select sum(abs(average_entry - stop) * quantity) as dollars_at_risk
from api.open_positions
where account_id = 'demo' and stop_r < 0;
