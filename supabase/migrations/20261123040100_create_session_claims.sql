-- Why: three sources speak of a session: the exchange's published calendar, the broker's, and a person. What each
--      says is kept; stopward.market_sessions holds what counts, so that a reader never has to choose. Where the two
--      calendars differ the guard takes the hours in which both say that the market is open.
-- Lock: none that a tick waits for. Phase: before deploy.

create table stopward.session_claims (
    exchange text not null,
    day date not null,
    source text not null,
    opens_at timestamptz,
    closes_at timestamptz,
    name text,
    said_at timestamptz not null default now(),
    constraint session_claims_pkey primary key (exchange, day, source),
    constraint session_claims_exchange_not_empty check (exchange <> ''),
    constraint session_claims_source_known check (source in ('calendar', 'broker', 'person')),
    constraint session_claims_hours_whole check ((opens_at is null) = (closes_at is null)),
    constraint session_claims_open_before_close check (opens_at < closes_at),
    constraint session_claims_hours_on_day check (
        closes_at - opens_at <= interval '24 hours'
        and opens_at >= (day - 1)::timestamp at time zone 'UTC'
        and opens_at < (day + 2)::timestamp at time zone 'UTC'
    )
);
comment on table stopward.session_claims is
'What each source says of each day of an exchange: its hours, or that there is no session (no hours).';
comment on column stopward.session_claims.day is 'Date at the exchange.';
comment on column stopward.session_claims.source is
'calendar: the exchange''s published rules; broker: its calendar, read nightly; person: overrides both.';
comment on column stopward.session_claims.opens_at is 'Start of the regular session (UTC); null when there is none.';
comment on column stopward.session_claims.closes_at is 'End of the regular session (UTC); null when there is none.';
comment on column stopward.session_claims.name is 'Holiday, or cause of odd hours; null on an ordinary day.';
comment on column stopward.session_claims.said_at is 'Since when the source says so, by the clock of the database (UTC).';
alter table stopward.session_claims enable row level security;

create table stopward.session_disagreements (
    id bigint generated always as identity,
    exchange text not null,
    day date not null,
    said jsonb not null,
    found_at timestamptz not null default now(),
    cleared_at timestamptz,
    constraint session_disagreements_pkey primary key (id)
);
create unique index session_disagreements_one_open
on stopward.session_disagreements (exchange, day) where cleared_at is null;
comment on table stopward.session_disagreements is
'A day of which the sources say different things, and since when; it is cleared when they agree, or differ otherwise.';
comment on column stopward.session_disagreements.day is 'Date at the exchange.';
comment on column stopward.session_disagreements.said is
'claims: the session of each source, null for none; counted: the session that counts, null for none.';
comment on column stopward.session_disagreements.found_at is 'By the clock of the database (UTC).';
comment on column stopward.session_disagreements.cleared_at is 'By the clock of the database (UTC); null while it lasts.';
alter table stopward.session_disagreements enable row level security;

create policy session_claims_select_all on stopward.session_claims
for select to authenticated, stopward_worker
using (true);

create policy session_disagreements_select_all on stopward.session_disagreements
for select to authenticated, stopward_worker
using (true);

grant select on stopward.session_claims, stopward.session_disagreements
to authenticated, service_role, stopward_worker;

create function stopward.session_json(
    of_exchange text, of_day date, opens_at timestamptz, closes_at timestamptz
)
returns jsonb
language sql stable
set search_path = ''
as $$
-- In UTC whatever the connection's time zone is: two texts are equal when two sessions are.
select case
    when opens_at is not null then jsonb_build_object(
        'exchange', of_exchange,
        'day', of_day,
        'opens_at', to_char(opens_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'closes_at', to_char(closes_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    )
end
$$;
comment on function stopward.session_json(text, date, timestamptz, timestamptz) is
'A session as JSON, times in UTC; null when it has no hours.';
revoke execute on function stopward.session_json(text, date, timestamptz, timestamptz) from public;

create function stopward.agreed_sessions(of_exchange text, of_days date[])
returns table (day date, opens_at timestamptz, closes_at timestamptz, disagrees boolean, said jsonb)
language sql stable
set search_path = ''
as $$
with told as (
    select
        c.day,
        bool_or(c.source = 'person') as by_person,
        bool_or(c.source = 'broker') as by_broker,
        bool_or(c.source = 'calendar') as by_calendar,
        min(c.opens_at) filter (where c.source = 'person') as person_opens_at,
        min(c.closes_at) filter (where c.source = 'person') as person_closes_at,
        min(c.opens_at) filter (where c.source = 'broker') as broker_opens_at,
        min(c.closes_at) filter (where c.source = 'broker') as broker_closes_at,
        min(c.opens_at) filter (where c.source = 'calendar') as calendar_opens_at,
        -- Where only one of the two calendars has hours, both ends are that one's.
        max(c.opens_at) filter (where c.source <> 'person') as last_open,
        min(c.closes_at) filter (where c.source <> 'person') as first_close,
        count(c.opens_at) not in (0, count(*))
        or min(c.opens_at) <> max(c.opens_at)
        or min(c.closes_at) <> max(c.closes_at) as differ
    from (select distinct g.day from unnest(of_days) as g (day)) as g
    inner join stopward.session_claims as c on g.day = c.day
    where c.exchange = of_exchange
    group by c.day
),

-- Between its first and its last day the calendar is complete: a weekday without hours is a row, a weekend none.
calendar as materialized (
    select min(c.day) as first_day, max(c.day) as last_day
    from stopward.session_claims as c
    where c.exchange = of_exchange and c.source = 'calendar'
),

counted as (
    select
        t.day,
        case
            when t.by_person then t.person_opens_at
            -- The broker knows best whether there is a session: it hears of closures at short notice.
            when t.by_broker and t.broker_opens_at is null then null
            -- The later open: rules that act before it would act on quotes of a market that is not open,
            -- while stops rest at the broker anyway.
            when t.last_open < t.first_close then t.last_open
            -- No minute is common to both: the one that closes earlier, whole.
            when t.broker_closes_at = t.first_close then t.broker_opens_at
            else t.calendar_opens_at
        end as opens_at,
        case
            when t.by_person then t.person_closes_at
            when t.by_broker and t.broker_opens_at is null then null
            -- The earlier close: being flat too early costs little, being late is a night with open positions.
            else t.first_close
        end as closes_at,
        coalesce(t.differ, false)
        or (
            t.broker_opens_at is not null
            and not t.by_calendar
            and coalesce(t.day between c.first_day and c.last_day, false)
        ) as disagrees
    from told as t
    cross join calendar as c
)

select
    c.day,
    c.opens_at,
    c.closes_at,
    c.disagrees,
    case
        when c.disagrees then jsonb_build_object(
            'claims', (
                select
                    jsonb_object_agg(
                        k.source, stopward.session_json(k.exchange, k.day, k.opens_at, k.closes_at)
                    )
                from stopward.session_claims as k
                where k.exchange = of_exchange and k.day = c.day
            ),
            'counted', stopward.session_json(of_exchange, c.day, c.opens_at, c.closes_at)
        )
    end as said
from counted as c
$$;
comment on function stopward.agreed_sessions(text, date[]) is
'What counts on each of the days that a source speaks of: a person''s word; else the hours common to broker and calendar.';
revoke execute on function stopward.agreed_sessions(text, date[]) from public;

create function stopward.merge_sessions(of_exchange text, of_days date[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
    differing date[];
    removed integer;
    written integer;
begin
    with agreed as materialized (
        select * from stopward.agreed_sessions(of_exchange, of_days)
    ),

    gone as (
        delete from stopward.market_sessions as s
        using unnest(of_days) as g (day)
        where
            s.exchange = of_exchange
            and s.day = g.day
            and g.day not in (select a.day from agreed as a where a.opens_at is not null)
        returning s.day
    ),

    put as (
        insert into stopward.market_sessions as s (exchange, day, opens_at, closes_at)
        select of_exchange, a.day, a.opens_at, a.closes_at
        from agreed as a
        where a.opens_at is not null
        on conflict on constraint market_sessions_pkey do update
        set opens_at = excluded.opens_at, closes_at = excluded.closes_at
        where (s.opens_at, s.closes_at) is distinct from (excluded.opens_at, excluded.closes_at)
        returning s.day
    ),

    cleared as (
        update stopward.session_disagreements as d
        set cleared_at = now()
        from unnest(of_days) as g (day)
        where
            d.exchange = of_exchange
            and d.day = g.day
            and d.cleared_at is null
            and not exists (select from agreed as a where a.day = d.day and a.said = d.said)
        returning d.day
    )

    select
        (select count(*) from gone),
        (select count(*) from put),
        (select array_agg(a.day) from agreed as a where a.disagrees)
    into removed, written, differing;

    -- A statement of its own, so that the unique index sees what was cleared.
    insert into stopward.session_disagreements (exchange, day, said)
    select of_exchange, a.day, a.said
    from stopward.agreed_sessions(of_exchange, differing) as a
    on conflict (exchange, day) where cleared_at is null do nothing;
    return removed + written;
end
$$;
comment on function stopward.merge_sessions(text, date[]) is
'Make sessions and disagreements of these days follow from the claims; answers how many sessions changed.';
revoke execute on function stopward.merge_sessions(text, date[]) from public;

create function stopward.tell_disagreements(of_exchange text)
returns void
language sql
set search_path = ''
as $$
-- One notice for what one transaction found, to each account of that exchange.
with found as (
    select
        count(*) as days,
        min(d.day) as first_day,
        min(d.id) as first_id,
        min(d.said -> 'counted' ->> 'opens_at') as opens_at,
        min(d.said -> 'counted' ->> 'closes_at') as closes_at,
        jsonb_agg(d.said || jsonb_build_object('day', d.day) order by d.day) filter (where d.place <= 10) as sessions
    from (
        select n.*, row_number() over (order by n.day) as place
        from stopward.session_disagreements as n
        where n.exchange = of_exchange and n.found_at = now() and n.cleared_at is null
    ) as d
)

select stopward.tell_all(jsonb_agg(jsonb_build_object(
    'account_id', a.id,
    'about', 'sessions_disagree',
    'key', format('%s %s', of_exchange, f.first_id),
    'severity', 'warning',
    'title', case
        when f.days > 1 then format(
            '%s: the calendars disagree on %s sessions, the first on %s', of_exchange, f.days, f.first_day
        )
        when f.opens_at is null then format(
            '%s: the calendars disagree on %s; it counts as closed', of_exchange, f.first_day
        )
        else format(
            '%s: the calendars disagree on %s; what counts is %s to %s UTC',
            of_exchange, f.first_day, substr(f.opens_at, 12, 5), substr(f.closes_at, 12, 5)
        )
    end,
    'said', jsonb_build_object('exchange', of_exchange, 'days', f.days, 'sessions', f.sessions)
)))
from found as f
inner join stopward.accounts as a on a.exchange = of_exchange
where f.days > 0
having count(*) > 0
$$;
comment on function stopward.tell_disagreements(text) is
'Warn every account of the exchange of the disagreements that this transaction found; nothing when it found none.';
revoke execute on function stopward.tell_disagreements(text) from public;

create function stopward.put_claims(of_exchange text, by_source text, given jsonb, complete jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    first_day constant date := complete ->> 'first';
    last_day constant date := complete ->> 'last';
    most_closures constant integer := 5;
    listed date[];
    unlisted date[];
    closures integer;
    changed integer;
begin
    select coalesce(array_agg(g.day), '{}')
    into listed
    from jsonb_to_recordset(given) as g (exchange text, day date)
    where g.exchange = of_exchange;

    -- Days of a complete list that others, or the same source before, speak of: now there is no session.
    select coalesce(array_agg(d.day), '{}')
    into unlisted
    from (
        select c.day from stopward.session_claims as c
        where c.exchange = of_exchange and c.day between first_day and last_day
        union
        select s.day from stopward.market_sessions as s
        where s.exchange = of_exchange and s.day between first_day and last_day
    ) as d
    where d.day <> all(listed);

    -- A list with a hole is likelier than a closure of a week, and a guard without sessions decides nothing.
    select count(*)
    into closures
    from stopward.market_sessions as s
    where s.exchange = of_exchange and s.day = any(unlisted);
    if closures > most_closures and by_source <> 'person' then
        perform stopward.refuse(
            'put_sessions_implausible',
            format(
                'the list from %s to %s has none of %s known sessions of %s',
                first_day, last_day, closures, of_exchange
            ),
            format('at most %s are closed at once; a person may say so: stopward sessions load --force', most_closures)
        );
    end if;

    insert into stopward.session_claims as c (exchange, day, source, opens_at, closes_at, name)
    select of_exchange, g.day, by_source, g.opens_at, g.closes_at, g.name
    from jsonb_to_recordset(given) as g (
        exchange text, day date, opens_at timestamptz, closes_at timestamptz, name text
    )
    where g.exchange = of_exchange
    union all
    select of_exchange, d.day, by_source, null, null, null
    from unnest(unlisted) as d (day)
    on conflict on constraint session_claims_pkey do update
    set
        opens_at = excluded.opens_at,
        closes_at = excluded.closes_at,
        name = coalesce(excluded.name, c.name),
        said_at = now()
    where
        (c.opens_at, c.closes_at) is distinct from (excluded.opens_at, excluded.closes_at)
        or c.name is distinct from coalesce(excluded.name, c.name);

    changed := stopward.merge_sessions(of_exchange, listed || unlisted);
    if by_source <> 'person' then
        perform stopward.tell_disagreements(of_exchange);
    end if;
    return jsonb_build_object(
        'changed', changed,
        'disagreements', (
            select coalesce(
                jsonb_agg(
                    d.said || jsonb_build_object('exchange', d.exchange, 'day', d.day) order by d.day
                ),
                '[]'
            )
            from stopward.session_disagreements as d
            where d.exchange = of_exchange and d.day = any(listed || unlisted) and d.cleared_at is null
        ),
        'known_until', (
            select max(s.day) from stopward.market_sessions as s
            where s.exchange = of_exchange
        )
    );
end
$$;
comment on function stopward.put_claims(text, text, jsonb, jsonb) is
'Store what one source says of one exchange, merge it, and warn of what disagrees now.';
revoke execute on function stopward.put_claims(text, text, jsonb, jsonb) from public;

create or replace function api.put_sessions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'put_sessions', request,
        '{"sessions": "jsonb?", "source": "jsonb?", "complete": "object?"}'
    );
    given constant jsonb := request -> 'sessions';
    complete constant jsonb := nullif(request -> 'complete', 'null');
    by_source constant text := coalesce(request ->> 'source', 'person');
    of_exchange text;
    told jsonb;
    changed integer := 0;
    disagreements jsonb := '[]';
    known_until date;
begin
    if by_source not in ('calendar', 'broker', 'person') then
        perform stopward.refuse(
            'put_sessions_request', format('source was %s', by_source), 'allowed are calendar, broker and person'
        );
    end if;
    -- A person may close as many days as they like: nobody does so by leaving a key out.
    if complete is not null and request ->> 'source' is null then
        perform stopward.refuse(
            'put_sessions_request', 'complete was given without source', 'say whose list it is that is complete'
        );
    end if;
    if jsonb_typeof(given) is distinct from 'array' then
        perform stopward.refuse(
            'put_sessions_request',
            format('sessions was %s', coalesce(jsonb_typeof(given), 'missing')),
            'a list of {exchange, day, opens_at, closes_at} is needed, times null for a day without a session'
        );
    end if;
    if exists (
        select
        from jsonb_to_recordset(given) as g (exchange text, day date)
        where g.exchange is null or g.day is null
    ) then
        perform stopward.refuse(
            'put_sessions_request', 'a session without an exchange or a day was given', 'both are needed'
        );
    end if;
    if exists (
        select
        from jsonb_to_recordset(given) as g (exchange text, day date)
        group by g.exchange, g.day
        having count(*) > 1
    ) then
        perform stopward.refuse('put_sessions_request', 'a day was given twice', 'give each day of an exchange once');
    end if;
    if complete is not null then
        perform stopward.require(
            'put_sessions', complete, '{"exchange": "text?", "first": "date?", "last": "date?"}'
        );
    end if;
    if
        complete is not null and (
            coalesce(complete ->> 'exchange', '') = ''
            or complete ->> 'first' is null
            or complete ->> 'last' is null
            or (complete ->> 'first')::date > (complete ->> 'last')::date
        )
    then
        perform stopward.refuse(
            'put_sessions_request',
            format('complete was %s', complete),
            'it is {exchange, first, last}, the first day not after the last'
        );
    end if;

    -- Two writers take turns; readers, ticks among them, do not wait.
    lock table stopward.session_claims in share row exclusive mode;
    for of_exchange in
        select g.exchange from jsonb_to_recordset(given) as g (exchange text)
        union
        select complete ->> 'exchange' where complete is not null
        order by 1
    loop
        told := stopward.put_claims(
            of_exchange, by_source, given, case when complete ->> 'exchange' = of_exchange then complete end
        );
        changed := changed + (told ->> 'changed')::integer;
        disagreements := disagreements || (told -> 'disagreements');
        known_until := least(known_until, (told ->> 'known_until')::date);
    end loop;
    return jsonb_build_object(
        'count', jsonb_array_length(given),
        'changed', changed,
        'disagreements', disagreements,
        'known_until', known_until
    );
exception
    when data_exception then
        perform stopward.refuse(
            'put_sessions_request',
            format(
                'put_sessions: sessions%s',
                coalesce(
                    stopward.fault_of_rows(
                        given,
                        '{
                            "exchange": "text?", "day": "date?", "opens_at": "timestamptz?",
                            "closes_at": "timestamptz?", "name": "text?"
                        }'
                    ),
                    ': ' || sqlerrm
                )
            )
        );
        return null;
end
$$;
comment on function api.put_sessions(jsonb) is
'Store what a source says: {sessions: [{exchange, day, opens_at, closes_at, name}], source, complete: {exchange, first, last}}. Source is person when absent, and needed with complete; times are null on a day without a session; in a complete stretch a day that is not listed has none. Answers {count, changed, disagreements, known_until}.';

create function api.forget_sessions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'forget_sessions', request,
        '{"exchange": "jsonb?", "days": "date[]?"}'
    );
    of_exchange constant text := request ->> 'exchange';
    of_days date[];
    changed integer;
begin
    if coalesce(of_exchange, '') = '' or jsonb_typeof(request -> 'days') is distinct from 'array' then
        perform stopward.refuse(
            'forget_sessions_request', format('the request was %s', request), 'it is {exchange, days: [YYYY-MM-DD]}'
        );
    end if;
    lock table stopward.session_claims in share row exclusive mode;
    with forgotten as (
        delete from stopward.session_claims as c
        where
            c.exchange = of_exchange
            and c.source = 'person'
            and c.day in (select d.day::date from jsonb_array_elements_text(request -> 'days') as d (day))
        returning c.day
    )

    select coalesce(array_agg(f.day order by f.day), '{}')
    into of_days
    from forgotten as f;
    changed := stopward.merge_sessions(of_exchange, of_days);
    perform stopward.tell_disagreements(of_exchange);
    return jsonb_build_object('forgotten', to_jsonb(of_days), 'changed', changed);
end
$$;
comment on function api.forget_sessions(jsonb) is
'Take back what a person said of some days: {exchange, days}; the calendars count again. Answers {forgotten, changed}.';
revoke execute on function api.forget_sessions(jsonb) from public;
grant execute on function api.forget_sessions(jsonb) to service_role, stopward_worker;
