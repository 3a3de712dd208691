-- What does the model say of what is open, and may a rule go by it?
select symbol, side, at, probability, threshold, binds
from api.position_scores
where account_id = 'demo'
order by probability;
