"""The alarms of `template.yaml`: each watches what a function really says, or what AWS does."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from stopward.entry import metric_name
from stopward.services.position_scoring import KEPT_EVERY
from tests.builders.cloudwatch import (
    DOCUMENT,
    FLEET,
    FUNCTIONS,
    GUARDS,
    QUIET,
    SCOPE,
    STAGE,
    Metric,
    emitted,
    of_aws,
    resources,
)
from tests.docs.pages import page

ALARMS = resources("AWS::CloudWatch::Alarm")
HEARTBEATS = {
    "check_breakeven": "Ticks",
    "monitor_positions": "Ticks",
    "dispatch_ticks": "PulsesSent",
}
"""By function the metric whose silence is told."""
OF_TRAINING = {"ModelStale", "TrainingFails"}
"""Alarms of a function that a stack has only where it is given an image."""
OF_FLEETS = {"AccountsLeft"}
"""Alarms of what functions of every stack say only in a fleet."""
NEW_YORK = ZoneInfo("America/New_York")
OPENS, CLOSES, FRIDAY = time(9, 30), time(16), 5


def watched(alarm: dict[str, Any]) -> Iterator[Metric]:
    """Return the metrics that an alarm looks at, its expressions left out."""
    for each in alarm.get("Metrics", [{"MetricStat": {"Metric": alarm}}]):
        if "MetricStat" in each:
            metric = each["MetricStat"]["Metric"]
            names = {row["Name"]: SCOPE.resolve(row["Value"]) for row in metric["Dimensions"]}
            yield metric["Namespace"], metric["MetricName"], tuple(sorted(names.items()))


def test_each_alarm_watches_what_is_said_even_in_a_quiet_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = set.union(*(emitted(each, monkeypatch, capsys) for each in QUIET))
    known |= set(of_aws())
    looked_at = {name: set(watched(alarm)) for name, alarm in ALARMS.items()}
    assert all(looked_at.values())
    assert {name: found - known for name, found in looked_at.items() if found - known} == {}


def test_no_guard_speaks_for_the_other_nor_for_another_stage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monitor, breakeven = (emitted(guard, monkeypatch, capsys) for guard in GUARDS)
    assert monitor
    assert breakeven
    assert not monitor & breakeven
    services = {dict(dimensions)["service"] for _, _, dimensions in monitor | breakeven}
    assert services == {f"stopward-{STAGE}-{guard}" for guard in GUARDS}


def test_an_alarm_is_there_where_what_it_watches_is() -> None:
    for name, alarm in ALARMS.items():
        services = {dict(names).get("service", "") for _, _, names in watched(alarm)}
        of = {
            title for title in (*GUARDS, *FLEET) if any(each.endswith(title) for each in services)
        }
        kind = {"GuardsOne" if title in GUARDS else "GuardsFleet" for title in of}
        kind |= {"Trains"} if name in OF_TRAINING else set()
        kind |= {"GuardsFleet"} if name in OF_FLEETS else set()
        assert len(kind) <= 1, name
        assert {DOCUMENT["Resources"][name].get("Condition")} == (kind or {None}), name


def test_more_than_a_twentieth_of_a_fleet_is_told_and_a_single_account_is_not() -> None:
    (share,) = (each for each in ALARMS["FleetFails"]["Metrics"] if each["ReturnData"])
    found = re.fullmatch(r"IF\((.+) > 0, (.+), 0\)", share["Expression"])
    assert found is not None
    for ticks, failed, told in ((6000, 6, False), (6000, 400, True), (0, 6, True), (0, 0, False)):
        names = {"ticks": ticks, "failures": 0, "failed": failed}
        value = eval(found[2], names) if eval(found[1], names) > 0 else 0  # noqa: S307
        assert (value > ALARMS["FleetFails"]["Threshold"]) == told


def test_one_failure_between_two_kept_vectors_is_enough_to_be_told() -> None:
    alarm = ALARMS["PositionsNotScored"]
    assert alarm["Period"] == KEPT_EVERY * 60
    assert alarm["DatapointsToAlarm"] == alarm["EvaluationPeriods"]
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
        "Maximum",
        "GreaterThanThreshold",
        0,
    )


def test_accounts_left_by_any_function_that_runs_for_all_are_told() -> None:
    alarm = ALARMS["AccountsLeft"]
    left = {
        name: each["Stat"]
        for each in alarm["Metrics"]
        if "MetricStat" in each
        for name, each in [(each["MetricStat"]["Metric"]["MetricName"], each["MetricStat"])]
    }
    # One minute that was short of time is made up for by the next, which begins elsewhere.
    assert left.pop("PositionScoringAccountsLeft") == "Minimum"
    works = ("attribution", "features", "tracking", "training")
    assert left == {metric_name(f"{work}_accounts_left"): "Maximum" for work in works}
    (total,) = (each["Expression"] for each in alarm["Metrics"] if each["ReturnData"])
    ids = [each["Id"] for each in alarm["Metrics"] if "MetricStat" in each]
    assert total == " + ".join(f"FILL({each}, 0)" for each in ids)


def test_every_alarm_tells_the_topic_and_stands_on_the_page() -> None:
    text = page("infra/README.md")
    for name, alarm in ALARMS.items():
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}], name
        assert alarm.get("ActionsEnabled", True), name
        slug = alarm["AlarmName"]["Fn::Sub"].removeprefix("stopward-${Stage}-")
        assert f"| `{slug}` |" in text, name
    topic = DOCUMENT["Resources"]["Alarms"]
    assert topic["Type"] == "AWS::SNS::Topic"
    # CloudWatch may not use alias/aws/sns: its alarms would be told to nobody.
    assert "KmsMasterKeyId" not in topic["Properties"]


def test_nobody_is_mailed_unless_an_address_is_given() -> None:
    assert DOCUMENT["Parameters"]["AlarmEmail"]["Default"] == ""
    subscription = DOCUMENT["Resources"]["AlarmSubscription"]
    assert subscription["Condition"] == "HasAlarmEmail"
    assert DOCUMENT["Conditions"]["HasAlarmEmail"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]
    }


def silence(guard: str) -> dict[str, Any]:
    """Return the one alarm on the function's heartbeat."""
    heartbeat = ("Stopward", HEARTBEATS[guard], (("service", f"stopward-{STAGE}-{guard}"),))
    (found,) = (alarm for alarm in ALARMS.values() if heartbeat in set(watched(alarm)))
    return found


def is_due(alarm: dict[str, Any], at: datetime) -> bool:
    """Whether the alarm counts silence at that minute, by its own expression."""
    (hours,) = (each["Expression"] for each in alarm["Metrics"] if each["Id"] == "hours")
    python = re.sub(r"\b(AND|OR)\b", lambda found: found[0].lower(), hours)
    return bool(
        eval(  # noqa: S307 - the template's own text
            python,
            {
                "known": None,
                "DAY": lambda _: at.isoweekday(),
                "HOUR": lambda _: at.hour,
                "MONTH": lambda _: at.month,
            },
        )
    )


def half_hours(year: int) -> Iterator[datetime]:
    """Return each half hour of a year in UTC."""
    at = datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        yield at
        at += timedelta(minutes=30)


@pytest.mark.parametrize("guard", HEARTBEATS)
def test_silence_is_told_in_session_and_never_when_no_tick_is_due(guard: str) -> None:
    alarm, (schedule,) = silence(guard), FUNCTIONS[guard].schedules
    told = {at for at in half_hours(2027) if is_due(alarm, at)}
    assert [at for at in told if not schedule.is_due(at)] == []
    in_session = {
        at.astimezone(NEW_YORK)
        for at in half_hours(2027)
        if at.astimezone(NEW_YORK).isoweekday() <= FRIDAY
        and OPENS <= at.astimezone(NEW_YORK).time() < CLOSES
    }
    untold = in_session - {at.astimezone(NEW_YORK) for at in told}
    # As the page says: the first half hour while the month has both summer and winter time.
    assert {(at.month, at.time()) for at in untold} == {(3, OPENS), (11, OPENS)}


@pytest.mark.parametrize("guard", HEARTBEATS)
def test_a_minute_that_nobody_speaks_of_is_one_without_a_tick(guard: str) -> None:
    alarm = silence(guard)
    expressions = {each["Id"]: each.get("Expression") for each in alarm["Metrics"]}
    assert expressions["known"] == "FILL(ticks, 0)"
    assert expressions["heard"] == "IF(hours, known, 1)"
    assert [each["Id"] for each in alarm["Metrics"] if each["ReturnData"]] == ["heard"]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["DatapointsToAlarm"] == alarm["EvaluationPeriods"] == 3 + 1
