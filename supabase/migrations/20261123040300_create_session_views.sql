-- Why: people ask when the market closes, which day is short, what the sources disagree on, and how far ahead we know.
-- Lock: none. Phase: before deploy.

create view api.session_calendar with (security_invoker = true) as
select
    c.exchange,
    c.day,
    to_char(c.day, 'FMDay') as day_name,
    s.day is not null as is_session,
    s.opens_at,
    s.closes_at,
    extract(epoch from s.closes_at - s.opens_at)::double precision / 60 as minutes,
    -- A whole session of a US exchange has six and a half hours.
    coalesce(s.closes_at - s.opens_at < interval '6 hours', false) as is_short,
    c.name,
    c.sources,
    c.calendar_opens_at,
    c.calendar_closes_at,
    c.broker_opens_at,
    c.broker_closes_at,
    c.person_opens_at,
    c.person_closes_at,
    d.found_at is not null as disagrees,
    d.found_at as disagrees_since
from (
    select
        k.exchange,
        k.day,
        max(k.name) as name,
        array_agg(k.source order by k.source) as sources,
        max(k.opens_at) filter (where k.source = 'calendar') as calendar_opens_at,
        max(k.closes_at) filter (where k.source = 'calendar') as calendar_closes_at,
        max(k.opens_at) filter (where k.source = 'broker') as broker_opens_at,
        max(k.closes_at) filter (where k.source = 'broker') as broker_closes_at,
        max(k.opens_at) filter (where k.source = 'person') as person_opens_at,
        max(k.closes_at) filter (where k.source = 'person') as person_closes_at
    from stopward.session_claims as k
    group by k.exchange, k.day
) as c
left join stopward.market_sessions as s on c.exchange = s.exchange and c.day = s.day
left join stopward.session_disagreements as d
    on c.exchange = d.exchange and c.day = d.day and d.cleared_at is null;
comment on view api.session_calendar is
'When is the market open, which days are short or closed and why, who says so, and where the sources disagree.';

create view api.session_horizon with (security_invoker = true) as
with recursive exchanges as (
    -- From one exchange to the next in the index, past thousands of rows of each.
    (
        select s.exchange
        from stopward.market_sessions as s
        order by s.exchange
        limit 1
    )
    union all
    select (
        select s.exchange
        from stopward.market_sessions as s
        where s.exchange > e.exchange
        order by s.exchange
        limit 1
    )
    from exchanges as e
    where e.exchange is not null
)

select
    e.exchange,
    n.day as next_day,
    n.opens_at as next_opens_at,
    n.closes_at as next_closes_at,
    (
        select min(s.day) from stopward.market_sessions as s
        where
            s.exchange = e.exchange
            and s.day >= (now() at time zone 'UTC')::date - 1
            and s.closes_at > now()
            and s.closes_at - s.opens_at < interval '6 hours'
    ) as next_short_day,
    u.known_until,
    u.known_until - (now() at time zone 'UTC')::date as days_ahead,
    (
        select count(*) from stopward.market_sessions as s
        where s.exchange = e.exchange and s.opens_at > now()
    ) as sessions_ahead,
    (
        select count(*) from stopward.session_disagreements as d
        where d.exchange = e.exchange and d.cleared_at is null and d.day >= (now() at time zone 'UTC')::date - 1
    ) as disagreements
from exchanges as e
inner join lateral (
    select max(s.day) as known_until
    from stopward.market_sessions as s
    where s.exchange = e.exchange
) as u on true
left join lateral (
    select
        s.day,
        s.opens_at,
        s.closes_at
    from stopward.market_sessions as s
    where s.exchange = e.exchange and s.day >= (now() at time zone 'UTC')::date - 1 and s.closes_at > now()
    order by s.day
    limit 1
) as n on true
where e.exchange is not null;
comment on view api.session_horizon is
'How far ahead the sessions of each exchange are known, which comes next, and what the sources disagree on.';

grant select on api.session_calendar, api.session_horizon to authenticated, service_role, stopward_worker;
