"""Write the migration that holds the exchange's sessions, from the package exchange_calendars.

Run `python infra/export_sessions.py` in the repository; it prints the text of MIGRATION. An applied
migration never changes: for later years give the range a new file of its own. A test compares the
file with this text, and the rows of a migrated database with the package, minute by minute.
"""

from collections.abc import Iterable, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any, Final

import exchange_calendars

EXCHANGE: Final = "XNYS"
FIRST: Final = date(2000, 1, 3)
LAST: Final = date(2028, 12, 31)
"""Two years ahead of the release, and the year to its end."""
ZONE: Final = "America/New_York"
OPENS: Final = time(9, 30)
CLOSES: Final = time(16)
MIGRATION: Final = (
    Path(__file__).resolve().parents[1]
    / "supabase/migrations/20261123040200_put_sessions_of_new_york.sql"
)
COLUMNS: Final = 6
"""Dates in a line."""

CALLED: Final[Mapping[str, str]] = {
    "Dr. Martin Luther King Jr. Day": "Martin Luther King Jr. Day",
    "President's Day": "Washington's Birthday",
    "July 4th": "Independence Day",
    "Juneteenth National Independence Day": "Juneteenth",
    "Black Friday": "Day after Thanksgiving",
    "Mondays, Tuesdays, and Thursdays Before Independence Day": "Eve of Independence Day",
    "Wednesdays Before Independence Day including and after 2013": "Eve of Independence Day",
    "Fridays after Independence Day prior to 2013": "Day after Independence Day",
}
"""Our names of the package's rules; the others keep theirs."""

CAUSES: Final[Mapping[str, str]] = {
    "2001-09-11": "Attacks of 11 September",
    "2001-09-12": "Attacks of 11 September",
    "2001-09-13": "Attacks of 11 September",
    "2001-09-14": "Attacks of 11 September",
    "2004-06-11": "Mourning for President Reagan",
    "2007-01-02": "Mourning for President Ford",
    "2012-10-29": "Hurricane Sandy",
    "2012-10-30": "Hurricane Sandy",
    "2018-12-05": "Mourning for President George H. W. Bush",
    "2025-01-09": "Mourning for President Carter",
    "2003-12-26": "Day after Christmas",
}
"""Days that no rule of the package names."""

HEAD: Final = """\
-- Why: the sessions of the New York Stock Exchange (XNYS) from {first} to {last}: every
--      weekday but the closures below, {opens} to {closes} in New York whatever the zone of the
--      connection, and shorter on the early closes. What is to come is what was published at the
--      release; the nightly refresh corrects it by the broker's calendar.
--      Written by infra/export_sessions.py from exchange_calendars {version}. The package knows no
--      late opening in these years; the few there were (noon on 2002-09-11) are long past.
-- Lock: none that a tick waits for. Phase: before deploy.
"""

BODY: Final = """
with closures (name, days) as (
    values
{closures}
),

early_closes (name, closes, days) as (
    values
{early_closes}
),

weekdays as (
    select date '{first}' + n.number as day
    from generate_series(0, date '{last}' - date '{first}') as n (number)
    where extract(isodow from date '{first}' + n.number) < 6
),

calendar as (
    select
        w.day,
        coalesce(c.name, e.name) as name,
        case
            when c.name is null then (w.day + time '{opens}') at time zone '{zone}'
        end as opens_at,
        case
            when c.name is null
                then (w.day + coalesce(e.closes, time '{closes}')) at time zone '{zone}'
        end as closes_at
    from weekdays as w
    left join closures as c on w.day = any(c.days)
    left join early_closes as e on w.day = any(e.days)
)

insert into stopward.session_claims (exchange, day, source, opens_at, closes_at, name)
select
    '{exchange}' as exchange,
    c.day,
    'calendar' as source,
    c.opens_at,
    c.closes_at,
    c.name
from calendar as c;

-- What was stored before sources were told apart is taken for the broker's word, and merged.
insert into stopward.session_claims (exchange, day, source, opens_at, closes_at)
select
    s.exchange,
    s.day,
    'broker' as source,
    s.opens_at,
    s.closes_at
from stopward.market_sessions as s
left join stopward.session_claims as c on s.exchange = c.exchange and s.day = c.day
where (s.opens_at, s.closes_at) is distinct from (c.opens_at, c.closes_at);

select stopward.merge_sessions(c.exchange, array_agg(c.day))
from stopward.session_claims as c
group by c.exchange;
"""


def calendar() -> Any:
    """Return the package's calendar of the range."""
    return exchange_calendars.get_calendar(EXCHANGE, start=str(FIRST), end=str(LAST))


def closures(of: Any) -> dict[str, list[str]]:
    """Return the weekdays without a session, by name."""
    sessions = {str(day.date()) for day in of.sessions}
    named = _named([of.regular_holidays])
    found: dict[str, list[str]] = {}
    for number in range((LAST - FIRST).days + 1):
        day = date.fromordinal(FIRST.toordinal() + number)
        if day.weekday() < 5 and str(day) not in sessions:
            found.setdefault(CAUSES.get(str(day)) or named[str(day)], []).append(str(day))
    return found


def early_closes(of: Any) -> dict[tuple[str, str], list[str]]:
    """Return the days that close early, by name and time in New York (HH:MM)."""
    named = _named(rule for _, rule in of.special_closes)
    found: dict[tuple[str, str], list[str]] = {}
    for moment in of.early_closes:
        day = str(moment.date())
        closes = of.closes[moment].tz_convert(ZONE)
        name = CAUSES.get(day) or named[day]
        found.setdefault((name, f"{closes:%H:%M}"), []).append(day)
    return found


def migration() -> str:
    """Return the text of the migration. Raises ValueError for late opens, which it cannot say."""
    of = calendar()
    if len(of.late_opens) > 0:
        raise ValueError(f"late opens were {list(of.late_opens)}: give them a list of their own")
    words = {
        "first": str(FIRST),
        "last": str(LAST),
        "version": exchange_calendars.__version__,
        "exchange": EXCHANGE,
        "zone": ZONE,
        "opens": f"{OPENS:%H:%M}",
        "closes": f"{CLOSES:%H:%M}",
    }
    return HEAD.format(**words) + BODY.format(
        closures=_values({(name,): days for name, days in closures(of).items()}),
        early_closes=_values(early_closes(of)),
        **words,
    )


def _named(rules: Iterable[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for rule in rules:
        days = rule.holidays(str(FIRST), str(LAST), return_name=True)
        found |= {str(day.date()): CALLED.get(name, name) for day, name in days.items()}
    return found


def _values(groups: Mapping[tuple[str, ...], list[str]]) -> str:
    return ",\n".join(_row(words, days) for words, days in groups.items())


def _row(words: tuple[str, ...], days: list[str]) -> str:
    name, *times = (word.replace("'", "''") for word in words)
    head = "".join((f"'{name}', ", *(f"time '{each}', " for each in times)))
    lines = ",\n".join(
        "        " + ", ".join(f"'{day}'" for day in days[start : start + COLUMNS])
        for start in range(0, len(days), COLUMNS)
    )
    return f"    ({head}array[\n{lines}\n    ]::date[])"


if __name__ == "__main__":
    print(migration(), end="")
