-- What did the last daily reports recommend?
select
    session_day,
    commentary,
    recommendations,
    html_location
from api.reports
where account_id = 'demo' and status = 'ready'
order by session_day desc
limit 5;
