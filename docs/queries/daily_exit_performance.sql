-- What did each rule do in the last sessions?
select
    session_day,
    rule,
    fired,
    stops_moved,
    r,
    wins,
    losses,
    saved_r,
    cost_r,
    saved_known
from api.daily_exit_performance
where account_id = 'demo'
order by session_day desc, fired desc, rule asc
limit 20;
