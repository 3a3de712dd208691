"""The dashboard and the budget of `template.yaml`: what is drawn is there, and somebody is told."""

import json
from itertools import combinations
from typing import Any

import pytest

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

COLUMNS = 24
DASHBOARDS = resources("AWS::CloudWatch::Dashboard")
CONDITIONS = {"Dashboard": "GuardsOne", "FleetDashboard": "GuardsFleet"}
"""Which stack has which."""
WIDGETS: dict[str, list[dict[str, Any]]] = {
    name: json.loads(SCOPE.text(each["DashboardBody"]))["widgets"]
    for name, each in DASHBOARDS.items()
}


def drawn(dashboard: str) -> set[Metric]:
    """Return the metrics of all its widgets."""
    return {
        (namespace, name, tuple(sorted(zip(names[::2], names[1::2], strict=True))))
        for widget in WIDGETS[dashboard]
        for namespace, name, *names in widget["properties"].get("metrics", [])
    }


def test_every_metric_that_is_drawn_is_one_that_somebody_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(QUIET) == set(FUNCTIONS)
    known = set(of_aws()).union(*(emitted(each, monkeypatch, capsys) for each in QUIET))
    for dashboard in DASHBOARDS:
        assert drawn(dashboard)
        assert drawn(dashboard) - known == set()


@pytest.mark.parametrize("dashboard", CONDITIONS)
def test_every_alarm_of_its_stack_is_on_it_and_the_errors_of_every_function(dashboard: str) -> None:
    condition = CONDITIONS[dashboard]
    assert DOCUMENT["Resources"][dashboard]["Condition"] == condition
    of_stack = {
        f"{name}.Arn"
        for name in resources("AWS::CloudWatch::Alarm")
        if DOCUMENT["Resources"][name].get("Condition", condition) == condition
    }
    (alarms,) = (e["properties"]["alarms"] for e in WIDGETS[dashboard] if e["type"] == "alarm")
    assert len(alarms) == len(of_stack)
    assert set(alarms) == of_stack
    errors = {
        dict(names)["FunctionName"] for _, name, names in drawn(dashboard) if name == "Errors"
    }
    others = GUARDS if dashboard == "FleetDashboard" else FLEET
    assert errors == {each.name for each in FUNCTIONS.values() if each.title not in others}


@pytest.mark.parametrize("dashboard", CONDITIONS)
def test_no_widget_lies_on_another_nor_beside_the_page(dashboard: str) -> None:
    cells = [
        {
            (widget["x"] + column, widget["y"] + row)
            for column in range(widget["width"])
            for row in range(widget["height"])
        }
        for widget in WIDGETS[dashboard]
    ]
    assert all(x < COLUMNS for cell in cells for x, _ in cell)
    assert [one & other for one, other in combinations(cells, 2) if one & other] == []


@pytest.mark.parametrize("dashboard", CONDITIONS)
def test_each_stage_has_a_dashboard_of_its_own_in_its_region(dashboard: str) -> None:
    assert set(DASHBOARDS) == set(CONDITIONS)
    assert SCOPE.text(DASHBOARDS[dashboard]["DashboardName"]) == f"stopward-{STAGE}"
    metrics = [each["properties"] for each in WIDGETS[dashboard] if each["type"] == "metric"]
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
