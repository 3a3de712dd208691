"""docs/cost.md: each number follows from the figures, the prices and the template."""

import copy
import math

import pytest

from benchmarks.cost import FIGURES, PRICES, SIZES, Model, Stack, read
from stopward.services.fleet import LIFE
from tests.docs.cost_document import BLOCKS, TOLD, columns, the_model, the_stack
from tests.docs.pages import page, refreshed

NAME = "docs/cost.md"
ROUND = {
    "tick_cpu_ms": 20.0, "tick_broker_requests": 4.0, "tick_database_cpu_ms": 15.0,
    "tick_log_bytes": 1000.0, "snapshot_bytes": 20_000.0, "messages_an_invocation": 4.0,
    "journal_bytes_an_account_minute": 20_000.0, "dispatch_cpu_seconds": 4.0, "accounts": 1000.0,
}  # fmt: skip
"""Figures that a person can multiply by hand."""
STACK = Stack(tick_megabytes=512, dispatch_megabytes=1769, guard_megabytes=512, pulse_seconds=20.0)


def round_model() -> Model:
    return Model(ROUND, read(PRICES), STACK)


def test_the_generated_parts_are_those_of_the_figures_and_prices() -> None:
    text = page(NAME)
    assert refreshed(text, BLOCKS) == text, "run: python -m tests.docs.cost_document"
    assert text.count("<!-- generated: ") == len(BLOCKS)


def test_what_is_told_was_measured() -> None:
    assert set(TOLD) <= set(read(FIGURES))


def test_the_run_that_is_kept_was_of_the_full_size_and_lost_nothing() -> None:
    kept = read(FIGURES)
    assert (kept["accounts"], kept["positions"]) == (1000, 10)
    assert kept["pulses_due"] == kept["accounts"] * kept["minutes"] * 6
    told = kept["ticks_told"] + kept["ticks_that_met_a_busy_lease"]
    assert told == kept["pulses_due"] + kept["messages_doubled"]
    assert kept["shares_stopped"] == kept["shares_held"]
    assert kept["age_longest_seconds"] <= 60


def test_a_fleet_of_a_hundred_by_hand() -> None:
    found = round_model().fleet(100)
    # Six pulses a minute, 480 minutes, 21 sessions.
    assert found.ticks == 100 * 6 * 480 * 21
    # 20 ms of a processor on 512 of 1,769 MB, and six round trips of 20 ms.
    assert found.tick_ms == pytest.approx(20 * 1769 / 512 + 6 * 20)
    assert found.concurrent == pytest.approx(10 * found.tick_ms / 1000)
    dispatches = 480 * 21 * (0.4 * 1769 / 1024)
    assert found.gb_seconds == pytest.approx(found.ticks * found.tick_ms / 1000 / 2 + dispatches)
    assert found.requests == found.ticks / 4 + 480 * 21
    assert found.queue_requests == 60 * 480 * 21 + 2 * found.ticks / 4
    assert found.database_cores == pytest.approx(10 * 0.015)
    assert found.egress_gigabytes == pytest.approx(found.ticks * 20_000 / 1e9)
    # A quarter of an hour has ninety pulses of an account, and each of its processes reads once.
    met = 90 / found.concurrent
    assert found.secret_reads == pytest.approx(found.ticks / met * -math.expm1(-met))


def test_one_account_is_awake_until_its_last_pulses_are_over() -> None:
    found = round_model().one()
    awake = 40 + 50 + 2 * found.tick_ms / 1000
    assert found.gb_seconds == pytest.approx(480 * 21 * awake / 2)
    assert found.dollars["SQS"] == 0


@pytest.mark.parametrize("name", sorted(read(PRICES)["prices"]))
def test_every_price_counts(name: str) -> None:
    prices = copy.deepcopy(dict(read(PRICES)))
    before = Model(ROUND, prices, STACK).fleet(10_000).total
    prices["prices"][name]["dollars"] *= 2
    assert Model(ROUND, prices, STACK).fleet(10_000).total != before
    assert prices["prices"][name]["source"].startswith("https://")


@pytest.mark.parametrize("name", sorted(ROUND))
def test_every_figure_counts(name: str) -> None:
    before = round_model().fleet(10_000).total
    assert (
        Model({**ROUND, name: ROUND[name] * 2}, read(PRICES), STACK).fleet(10_000).total != before
    )


def test_a_larger_fleet_costs_more_and_less_for_each_than_one_alone() -> None:
    totals = [round_model().fleet(size) for size in SIZES]
    assert [cost.total for cost in totals] == sorted(cost.total for cost in totals)
    each = [cost.total / cost.accounts for cost in totals]
    assert max(each[1:]) < each[0]


def test_more_work_than_the_largest_database_does_has_none() -> None:
    model = round_model()
    assert model.compute_for(10_000.0) is None
    small, *_, largest = read(PRICES)["supabase_compute"]["sizes"]
    assert model.most_accounts(largest) > 100 * model.most_accounts(small)


def test_the_page_compares_one_account_a_hundred_and_ten_thousand() -> None:
    heads = [head for head, _ in columns(the_model())]
    assert heads == ["one account", "a fleet of 1", "a fleet of 100", "a fleet of 10,000"]
    assert the_stack() == STACK
    assert LIFE.total_seconds() == 900
