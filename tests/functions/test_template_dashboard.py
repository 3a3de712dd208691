"""The dashboard and the budget of `template.yaml`: what is drawn is there, and somebody is told."""

import json
from itertools import combinations
from typing import Any

import pytest

from tests.builders.cloudwatch import (
    DOCUMENT,
    FLEET,
    FUNCTIONS,
    QUIET,
    SCOPE,
    STAGE,
    Metric,
    emitted,
    of_aws,
    resources,
)

COLUMNS = 24
BODY: dict[str, Any] = json.loads(
    SCOPE.text(resources("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"])
)
WIDGETS: list[dict[str, Any]] = BODY["widgets"]


def drawn() -> set[Metric]:
    """Return the metrics of all widgets."""
    return {
        (namespace, name, tuple(sorted(zip(names[::2], names[1::2], strict=True))))
        for widget in WIDGETS
        for namespace, name, *names in widget["properties"].get("metrics", [])
    }


def test_every_metric_that_is_drawn_is_one_that_somebody_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(QUIET) == set(FUNCTIONS)
    known = set(of_aws()).union(*(emitted(each, monkeypatch, capsys) for each in QUIET))
    assert drawn()
    assert drawn() - known == set()


def test_every_alarm_is_on_it_and_the_errors_of_every_function() -> None:
    (alarms,) = (each["properties"]["alarms"] for each in WIDGETS if each["type"] == "alarm")
    everywhere = {
        name
        for name in resources("AWS::CloudWatch::Alarm")
        if DOCUMENT["Resources"][name].get("Condition") != "GuardsFleet"
    }
    assert sorted(alarms) == sorted(f"{name}.Arn" for name in everywhere)
    errors = {dict(names)["FunctionName"] for _, name, names in drawn() if name == "Errors"}
    assert errors == {each.name for each in FUNCTIONS.values() if each.title not in FLEET}


def test_a_fleet_has_none_of_it_for_it_draws_what_one_account_does() -> None:
    assert DOCUMENT["Resources"]["Dashboard"]["Condition"] == "GuardsOne"


def test_no_widget_lies_on_another_nor_beside_the_page() -> None:
    cells = [
        {
            (widget["x"] + column, widget["y"] + row)
            for column in range(widget["width"])
            for row in range(widget["height"])
        }
        for widget in WIDGETS
    ]
    assert all(x < COLUMNS for cell in cells for x, _ in cell)
    assert [one & other for one, other in combinations(cells, 2) if one & other] == []


def test_each_stage_has_a_dashboard_of_its_own_in_its_region() -> None:
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    assert SCOPE.text(dashboard["DashboardName"]) == f"stopward-{STAGE}"
    metrics = [each["properties"] for each in WIDGETS if each["type"] == "metric"]
    assert {each["region"] for each in metrics} == {"us-east-1"}
    assert all(each["title"] and each["period"] % 60 == 0 for each in metrics)


def test_the_budget_tells_the_topic_of_alarms_before_and_after_it_is_spent() -> None:
    (budget,) = resources("AWS::Budgets::Budget").values()
    assert SCOPE.text(budget["Budget"]["BudgetLimit"]["Amount"]) == "50"
    told = budget["NotificationsWithSubscribers"]
    kinds = [each["Notification"]["NotificationType"] for each in told]
    assert kinds == ["ACTUAL", "FORECASTED"]
    subscribers = [row for each in told for row in each["Subscribers"]]
    assert subscribers == [{"SubscriptionType": "SNS", "Address": {"Ref": "Alarms"}}] * 2


def test_a_budget_of_nothing_is_none() -> None:
    assert DOCUMENT["Resources"]["Budget"]["Condition"] == "HasBudget"
    assert SCOPE.holds("HasBudget")
    wanted = {"Fn::Not": [{"Fn::Equals": [{"Ref": "MonthlyBudget"}, "0"]}]}
    assert DOCUMENT["Conditions"]["HasBudget"] == wanted


def test_cloudwatch_and_budgets_may_publish_for_this_account_and_nobody_else() -> None:
    (policy,) = resources("AWS::SNS::TopicPolicy").values()
    assert policy["Topics"] == [{"Ref": "Alarms"}]
    (statement,) = policy["PolicyDocument"]["Statement"]
    services = statement["Principal"]["Service"]
    assert services == ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sns:Publish")
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }
