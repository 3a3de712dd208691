"""Schedules, as EventBridge Scheduler spells them."""

import json
from datetime import UTC, datetime

import pytest

from stopward.errors import InvalidInput
from stopward.local.host.schedule import Schedule, parse_schedule


def schedule(expression: str, timezone: str = "America/New_York") -> Schedule:
    return parse_schedule(
        expression, timezone=timezone, payload='{"time": "<aws.scheduler.scheduled-time>"}'
    )


@pytest.mark.parametrize(
    ("expression", "moment", "due"),
    [
        ("rate(1 minute)", "2013-09-03T13:31:00Z", True),
        ("rate(5 minutes)", "2013-09-03T13:31:00Z", False),
        ("rate(5 minutes)", "2013-09-03T13:35:00Z", True),
        ("rate(1 hour)", "2013-09-03T13:30:00Z", False),
        ("rate(2 days)", "2013-09-03T00:00:00Z", True),
        ("cron(* 9-16 ? * MON-FRI *)", "2013-09-03T13:30:00Z", True),  # 09:30 in New York
        ("cron(* 9-16 ? * MON-FRI *)", "2013-09-03T12:59:00Z", False),  # 08:59 there
        ("cron(* 9-16 ? * MON-FRI *)", "2013-12-03T13:59:00Z", False),  # winter: 08:59 there
        ("cron(* 9-16 ? * MON-FRI *)", "2013-09-07T14:00:00Z", False),  # a Saturday
        ("cron(0/15 * * * ? *)", "2013-09-03T13:45:00Z", True),
        ("cron(0/15 * * * ? *)", "2013-09-03T13:46:00Z", False),
        ("cron(5,10 10 * SEP ? 2013)", "2013-09-03T14:10:00Z", True),
        ("cron(5,10 10 * OCT ? 2013)", "2013-09-03T14:10:00Z", False),
        ("cron(0-30/10 * ? * 3 *)", "2013-09-03T13:20:00Z", True),  # day 3 is Tuesday
    ],
)
def test_a_schedule_is_due_in_its_minutes(expression: str, moment: str, due: bool) -> None:
    assert schedule(expression).is_due(datetime.fromisoformat(moment)) is due


def test_times_include_the_first_minute_and_not_the_last() -> None:
    times = schedule("rate(1 minute)").times(
        first=datetime(2013, 9, 3, 13, 30, tzinfo=UTC),
        last=datetime(2013, 9, 3, 13, 33, tzinfo=UTC),
    )
    assert [time.minute for time in times] == [30, 31, 32]


def test_times_begin_with_the_first_whole_minute() -> None:
    times = schedule("rate(1 minute)").times(
        first=datetime(2013, 9, 3, 13, 30, 1, tzinfo=UTC),
        last=datetime(2013, 9, 3, 13, 32, 1, tzinfo=UTC),
    )
    assert [time.minute for time in times] == [31, 32]


def test_the_event_carries_the_scheduled_time_in_utc() -> None:
    moment = datetime.fromisoformat("2013-09-03T09:30:00-04:00")
    assert json.loads(schedule("rate(1 minute)").event(moment)) == {"time": "2013-09-03T13:30:00Z"}


@pytest.mark.parametrize(
    ("expression", "timezone", "said"),
    [
        ("every minute", "UTC", "allowed are rate"),
        ("rate(0 minutes)", "UTC", "at least one minute"),
        ("rate(30 seconds)", "UTC", "allowed are rate"),
        ("cron(* * * * *)", "UTC", "six fields, it has 5"),
        ("cron(60 * * * ? *)", "UTC", "outside 0 to 59"),
        ("cron(* * L * ? *)", "UTC", "'L' is not a value"),
        ("cron(*/0 * * * ? *)", "UTC", "no number above 0"),
        ("cron(* 9-5 * * ? *)", "UTC", "outside"),
        ("rate(1 minute)", "New York", "timezone was 'New York'"),
    ],
)
def test_a_schedule_that_scheduler_would_refuse_is_refused(
    expression: str, timezone: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        schedule(expression, timezone)
