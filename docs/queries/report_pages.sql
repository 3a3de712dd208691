-- What was the page of a day, in each of its versions?
select
    version,
    created_at,
    html
from api.report_pages
where account_id = 'demo' and session_day = '2026-11-23'
order by version;
