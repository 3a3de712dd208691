-- Until when are sessions known, and which is the next?
select
    exchange,
    next_day,
    next_opens_at,
    next_closes_at,
    next_short_day,
    known_until,
    days_ahead,
    disagreements
from api.session_horizon;
