"""Every rule of state can be broken, and says no by its name.

The rules are those of the catalogue: whoever adds one finds it here, with or without a case.
"""

from collections.abc import Iterator, Mapping

import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.requests import Stage
from tests.builders.rules import (
    account_cases,
    guard_cases,
    import_cases,
    journal_cases,
    model_cases,
    notice_cases,
)
from tests.builders.rules.case import Case, attempt, copied
from tests.builders.rules.catalogue import Rule, refusals, rules_of
from tests.builders.rules.search import breaks, search
from tests.builders.rules.stage import a_stage

MODULES = (account_cases, guard_cases, import_cases, journal_cases, model_cases, notice_cases)
CASES: Mapping[str, Case] = {key: case for module in MODULES for key, case in module.CASES.items()}
HOW_TO_ADD = (
    "no wrong write was found that this rule refuses: add a line to CASES of the module of its"
    " subject in tests/builders/rules"
)


@pytest.fixture(scope="module")
def stage(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[Stage]:
    with a_stage(postgres_server, template_database) as found:
        yield found


@pytest.fixture(scope="module")
def rules(stage: Stage) -> Mapping[str, Rule]:
    return rules_of(stage.connection)


def test_each_case_breaks_its_rule_and_says_so(stage: Stage, rules: Mapping[str, Rule]) -> None:
    wrong = {
        key: repr(attempt(stage, case))
        for key, case in CASES.items()
        if key in rules and not breaks(stage, rules[key], case)
    }
    assert wrong == {}


def test_each_rule_has_a_case(stage: Stage, rules: Mapping[str, Rule]) -> None:
    without = [
        key for key, rule in rules.items() if key not in CASES and search(stage, rule) is None
    ]
    assert without == [], HOW_TO_ADD


def test_a_rule_that_nothing_breaks_would_be_found(stage: Stage) -> None:
    with stage.connection.transaction(force_rollback=True):
        stage.connection.execute(
            "alter table stopward.orders add constraint orders_odd check (symbol <> 'odd')"
        )
        rule = rules_of(stage.connection)["orders_odd"]
        assert search(stage, rule) is None
        case = copied("orders", id="'fresh'", symbol="'odd'", step="'release'")
        assert breaks(stage, rule, case)


def test_a_rule_that_says_nothing_new_is_not_broken_alone(stage: Stage) -> None:
    with stage.connection.transaction(force_rollback=True):
        stage.connection.execute(
            "alter table stopward.orders add constraint orders_again check (quantity > 0)"
        )
        assert search(stage, rules_of(stage.connection)["orders_again"]) is None


def test_a_name_that_is_put_together_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="careless refuses by kind"):
        list(refusals([("careless", "perform stopward.refuse(kind || '_known', 'x');", "")]))


def test_each_case_is_of_a_rule_that_is_there(rules: Mapping[str, Rule]) -> None:
    assert set(CASES) - set(rules) == set()
