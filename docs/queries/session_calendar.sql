-- When does the market close early or stay closed in the next weeks, and what do the calendars disagree on?
select
    exchange,
    day,
    day_name,
    is_session,
    opens_at,
    closes_at,
    name,
    disagrees
from api.session_calendar
where
    exchange = 'XNYS'
    and day between current_date and current_date + 60
    and (is_short or not is_session or disagrees)
order by day;
