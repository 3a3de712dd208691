-- What did each session bring, and did a daily limit end it?
select
    session_day,
    realised,
    realised_r,
    peak_r,
    losses,
    locked_by
from api.day_log
where account_id = 'demo'
order by session_day desc
limit 20;
