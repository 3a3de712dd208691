"""The daily sums of a model are what its predictions add up to, in whatever order they come."""

import math
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from statistics import fmean, stdev
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stopward.domain.features.row import Kind
from stopward.errors import DatabaseRejected
from tests.builders.models import (
    TO_THE_TOP,
    UP,
    ModelWorld,
    a_prediction,
    champion,
    climb,
    insert_trades,
    speak,
)

DAYS = ("2026-11-20", "2026-11-23", "2026-11-24")

spoken = st.fixed_dictionaries(
    {
        "probability": st.one_of(
            st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.3, 0.45, 0.9, 1.0, 1e-300])
        ),
        "weight": st.sampled_from(["0", "0.10", "0.70"]),
        "u": st.floats(0, 1),
        "latency_ms": st.floats(0, 1e6),
        "day": st.sampled_from(DAYS),
        "closes": st.sampled_from([None, *DAYS]),
        "result_r": st.one_of(st.floats(-20, 20), st.sampled_from([0.0, 5000.0, -1e200])),
    }
)


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def close(world: ModelWorld, number: int, *, day: str, result_r: float) -> None:
    """Say that a signal became a position, and close it that day."""
    # A position comes before its trade; the builder makes both at once, so the link comes first.
    with world.transaction():
        world.execute("set local session_replication_role = replica")
        world.execute(
            "update stopward.predictions set position_id = %s"
            " where account_id = %s and signal_id = %s",
            f"{world.account_id}/bulk/{number}",
            world.account_id,
            f"s{number}",
        )
    ended_at = datetime.fromisoformat(f"{day}T17:00:00Z")
    insert_trades(world, [number], ended_at=ended_at, result_r=result_r)
    world.call("complete_minutes")


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(spoken, min_size=1, max_size=20), st.integers(1, 8))
def test_the_sums_are_those_of_the_rows(
    database_url: str, told: list[dict[str, Any]], in_a_batch: int
) -> None:
    signals = []
    for number, one in enumerate(told):
        known = {key: one[key] for key in ("probability", "weight", "u", "latency_ms")}
        signals.append(a_prediction(f"s{number}", at=f"{one['day']}T15:00:00Z", **known))
    with closing(ModelWorld(database_url)) as world:
        champion(world)
        climb(world, *TO_THE_TOP)
        for start in range(0, len(signals), in_a_batch):
            world.call("put_predictions", predictions=signals[start : start + in_a_batch])
        for number, one in enumerate(told):
            if one["closes"] is not None:
                close(world, number, day=one["closes"], result_r=one["result_r"])
        rows = world.view("prediction_log")
        kept = world.rows(
            "select session_day, arm, n, vetoes, latency_sum, latency_max, resolved, wins, p_sum,"
            " brier_sum, log_loss_sum, base_r_sum, model_r_sum, paired_r_sum, paired_r_squares,"
            " bin_n, bin_wins, bin_p_sum from stopward.model_performance where account_id = %s"
        )
    days = {
        f"s{number}": date.fromisoformat(one["closes"])
        for number, one in enumerate(told)
        if one["closes"] is not None
    }
    expected = _sums(rows, days)
    assert {(day, arm) for day, arm, *_ in kept} == set(expected)
    for day, arm, *sums in kept:
        wanted = expected[day, arm]
        flat = [*sums[:13], *sums[13], *sums[14], *sums[15]]
        assert flat == pytest.approx(wanted, rel=1e-9, abs=1e-9), (day, arm)


def _sums(
    rows: list[dict[str, Any]], closes: dict[str, date]
) -> dict[tuple[date, str], list[float]]:
    # Recomputed here, in another language and another way: row by row.
    found: dict[tuple[date, str], list[float]] = defaultdict(lambda: [0.0] * 43)
    for row in rows:
        made = found[row["session_day"], row["arm"]]
        made[0] += 1
        made[1] += row["decision"] == "veto"
        made[2] += row["latency_ms"]
        made[3] = max(made[3], row["latency_ms"])
        if row["outcome_r"] is None:
            continue
        ended = found[closes[row["signal_id"]], row["arm"]]
        p, won = row["probability"], row["outcome_won"]
        r = max(-1000.0, min(1000.0, row["outcome_r"]))
        paired = -r if row["decision"] == "veto" else 0.0
        place = min(9, int(p * 10))
        ended[4] += 1
        ended[5] += won
        ended[6] += p
        ended[7] += (p - won) ** 2
        ended[8] -= math.log(max(1e-15, p if won else 1 - p))
        ended[9] += r
        ended[10] += r + paired
        ended[11] += paired
        ended[12] += paired**2
        ended[13 + place] += 1
        ended[23 + place] += won
        ended[33 + place] += p
    return found


def test_the_summary_measures_skill_against_the_base_rate(world: ModelWorld) -> None:
    champion(world)
    climb(world, *TO_THE_TOP)
    speak(
        world,
        [
            ("AAPL", 0.8, 2.0, "0"),
            ("MSFT", 0.3, -1.0, "0.20"),
            ("TSLA", 0.6, -1.0, "0.20"),
            ("NVDA", 0.9, 1.0, "0.70"),
        ],
    )
    (row,) = world.view("model_performance_summary")
    # The last is of the model's own arm: it counts as a prediction and as nothing else.
    assert (row["predictions"], row["resolved"], row["model_arm_resolved"]) == (4, 3, 1)
    base = 1 / 3
    brier = (0.2**2 + 0.3**2 + 0.6**2) / 3
    assert row["base_rate"] == pytest.approx(base)
    assert row["brier"] == pytest.approx(brier)
    assert row["brier_skill"] == pytest.approx(1 - brier / (base * (1 - base)))
    assert row["log_loss"] == pytest.approx(-(math.log(0.8) + math.log(0.7) + math.log(0.4)) / 3)
    assert row["base_log_loss"] == pytest.approx(-(math.log(base) / 3 + math.log(2 / 3) * 2 / 3))
    assert row["mean_base_r"] == pytest.approx(0.0)
    assert row["mean_model_r"] == pytest.approx(1 / 3)
    assert row["mean_paired_r"] == pytest.approx(1 / 3)
    assert (row["mean_latency_ms"], row["last_day"]) == (1.5, date(2026, 11, 23))
    assert row["auc"] is None
    (day,) = world.view("model_days")
    assert (day["model_arm_predictions"], day["model_arm_r"]) == (1, 1.0)
    assert (day["control_arm_predictions"], day["control_arm_r"]) == (2, -2.0)
    curve = {row["probability_from"]: row for row in world.view("model_calibration")}
    assert [float(k) for k in sorted(curve) if curve[k]["resolved"]] == [0.3, 0.6, 0.8]


def test_a_model_without_predictions_has_a_row_of_nothing(world: ModelWorld) -> None:
    champion(world)
    (row,) = world.view("model_performance_summary")
    assert (row["predictions"], row["resolved"], row["alias"]) == (0, 0, "champion")
    assert [row[k] for k in ("brier", "brier_skill", "log_loss", "base_log_loss")] == [None] * 4


def test_trades_that_all_won_leave_no_skill_to_measure(world: ModelWorld) -> None:
    champion(world)
    speak(world, [("AAPL", 1.0, 1.0, "0"), ("MSFT", 0.5, 1.0, "0")])
    (row,) = world.view("model_performance_summary")
    assert (row["base_rate"], row["brier_skill"], row["base_log_loss"]) == (1.0, None, None)
    assert row["brier"] == pytest.approx(0.125)


def test_the_job_puts_what_sums_cannot_say(world: ModelWorld) -> None:
    champion(world)
    figures = {"n": 120, "auc": 0.6, "auc_low": 0.52, "auc_high": 0.68, "slope": 0.9}
    for day, psi in (("2026-11-20", 0.1), ("2026-11-23", 0.3), ("2026-11-23", 0.2)):
        world.call(
            "put_model_performance", model_id="m1", session_day=day, psi={"atr": psi}, **figures
        )
    (row,) = world.view("model_performance_summary")
    assert (row["auc"], row["auc_low"], row["slope"], row["slope_low"]) == (0.6, 0.52, 0.9, None)
    assert (row["psi"], row["statistics_day"]) == ({"atr": 0.2}, date(2026, 11, 23))
    for rule, changes in (
        ("model_statistics_auc_in_interval", {"auc": 1.2}),
        ("model_statistics_n_not_negative", {"n": -1}),
        ("model_statistics_model_fkey", {"model_id": "nobody"}),
        ("put_model_performance_request", {"brier_sum": 1.0}),
    ):
        request = {"model_id": "m1", "session_day": "2026-11-23", **figures, **changes}
        with pytest.raises(DatabaseRejected) as caught:
            world.call("put_model_performance", **request)
        assert caught.value.rule == rule


def test_a_stage_that_begins_in_the_evening_of_new_york_keeps_the_next_session(
    world: ModelWorld,
) -> None:
    world.run("update stopward.accounts set exchange = 'E' || id where id = %s")
    world.run(
        "insert into stopward.market_sessions (exchange, day, opens_at, closes_at)"
        " select a.exchange, d.day, (d.day + time '14:30') at time zone 'UTC',"
        " (d.day + time '21:00') at time zone 'UTC'"
        " from stopward.accounts as a, generate_series(date '2101-01-03', '2101-01-05', '1 day')"
        " as d (day) where a.id = %s"
    )
    champion(world)
    climb(world, UP[0])
    # Half past seven in New York is half past midnight of the next day in London.
    evening = datetime.fromisoformat("2101-01-04T00:30:00Z")
    world.run(
        "insert into stopward.rollout_events (account_id, id, model_id, number, at, kind,"
        " from_stage, to_stage, weight_from, weight_to, because)"
        " values (%s, 'evening', 'm1', 0, %s, 'demotion', 'pilot', 'shadow', 0.10, 0, 'x')",
        evening,
    )
    world.run(
        "insert into stopward.model_performance (account_id, model_id, session_day, arm, resolved,"
        " paired_r_sum) select %s, 'm1', d, 'shadow', 2, 1.0"
        " from unnest(array['2101-01-03', '2101-01-04', '2101-01-05']::date[]) as d"
    )
    (row,) = world.view("rollout_status")
    assert row["evidence_days"] == 2


@pytest.mark.parametrize(("kind", "is_paired"), [("entry", True), ("open", False)])
def test_what_vetoes_would_have_earned_is_told_of_signals_alone(
    world: ModelWorld, kind: Kind, *, is_paired: bool
) -> None:
    champion(world, kind=kind)
    world.call("put_predictions", predictions=[a_prediction("s1", probability=0.2)])
    close(world, 1, day="2101-01-03", result_r=-2.0)
    (said,) = world.view("prediction_log")
    (day,) = (each for each in world.view("model_days") if each["resolved"])
    (whole,) = world.view("model_performance_summary")
    (status,) = world.view("rollout_status")
    earned = (2.0, 0.0) if is_paired else (None, None)
    assert said["paired_r"] == earned[0]
    for found, r_of_model in ((day, "model_r"), (whole, "mean_model_r")):
        assert (found["mean_paired_r"], found[r_of_model]) == earned
    assert status["mean_paired_r"] == earned[0]
    assert (status["evidence_days"], status["evidence_resolved"]) == (int(is_paired),) * 2
    # How well it knows is told of both.
    assert (whole["resolved"], whole["mean_base_r"]) == (1, -2.0)
    assert whole["brier"] == pytest.approx(0.04)


def test_evidence_is_the_mean_of_days_since_the_stage_began(world: ModelWorld) -> None:
    champion(world)
    for number, (day, count, paired) in enumerate(
        [(-1, 5, 9.0), (0, 4, 8.0), (1, 2, 1.0), (2, 1, -0.25), (3, 4, 1.0)]
    ):
        world.run(
            "insert into stopward.model_performance (account_id, model_id, session_day, arm,"
            " resolved, paired_r_sum) select %s, 'm1', (select max(e.session_day) from"
            " stopward.rollout_events as e where e.account_id = %s) + %s,"
            " case %s when 3 then 'control' else 'shadow' end, %s, %s",
            world.account_id,
            day,
            number,
            count,
            paired,
        )
    (row,) = world.view("rollout_status")
    means = [0.5, -0.25, 0.25]
    assert (row["evidence_days"], row["evidence_resolved"]) == (3, 7)
    assert row["mean_paired_r"] == pytest.approx(fmean(means))
    assert row["paired_r_deviation"] == pytest.approx(stdev(means))
