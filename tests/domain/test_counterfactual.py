"""A lived trade without one of its rules: what is known, and why something is not."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from stopward.domain.attribution.counterfactual import NEAR_R, figures
from stopward.domain.attribution.stints import stints
from stopward.domain.attribution.trade import BECAUSE, WAITING, ClosedTrade, Figure, Lock
from stopward.rules.parameters import (
    Breakeven,
    DayLoss,
    ModelTighten,
    Rules,
    SessionFlat,
    TimeStop,
)
from stopward.rules.types import NAN
from tests.builders.kernel import NOTHING, r
from tests.builders.lived import Prices, a_track, a_trade, bars_from, guarded_by
from tests.builders.replay import OPENS, some_sessions

D = Decimal
MINUTE = timedelta(minutes=1)
QUICK = Rules(time_stop=TimeStop(2.0, 1.0))
"""Out after two minutes without +1R."""
FLAT: Prices = (100.0, 100.2, 99.8, 99.9)
DOWN: Prices = (99.9, 99.9, 98.9, 99.0)
UP: Prices = (99.9, 101.1, 99.9, 101.0)


def ask(
    *prices: Prices, rules: Rules = QUICK, tag: str = "", sessions: int = 1, **changes: Any
) -> dict[str, Figure]:
    """Return the figures by rule of a trade that lives in these bars."""
    guarded, sets = guarded_by(rules)
    trade = a_trade(**{"guarded": (guarded,), **changes})
    track = a_track(bars_from(*prices), sessions=sessions)
    return {each.rule: each for each in figures(trade, track, sets, session_flat_tag=tag)}


def because(*prices: Prices, rules: Rules = QUICK, **changes: Any) -> str | None:
    (found,) = ask(*prices, rules=rules, **changes).values()
    assert (found.without_r is None) is (found.because is not None)
    return found.because


def test_a_rule_saved_what_the_trade_would_have_lost_without_it() -> None:
    """Out at 99.90, the open after two minutes; the stop would have filled at 99, a tick off."""
    found = ask(FLAT, FLAT, (99.9, 99.95, 99.85, 99.9), DOWN)["time_stop"]
    assert (found.without_r, found.because) == (D("-1.01"), None)


def test_a_rule_cost_what_the_trade_would_have_won() -> None:
    flat = SessionFlat(36.0)
    rules = QUICK._replace(session_flat=flat)
    found = ask(FLAT, FLAT, (99.9, 99.95, 99.85, 99.9), UP, UP, UP, rules=rules)["time_stop"]
    assert found.without_r == D("-0.1")
    later = ask(
        FLAT, FLAT, (99.9, 100.0, 99.9, 99.9), UP, (101.0, 101.0, 101.0, 101.0), rules=rules
    )
    assert later["time_stop"].without_r == D("1")


def test_fees_are_in_both_and_the_figure_is_after_them() -> None:
    changes = {"fees_per_share": D("0.02"), "result_r": D("-0.12")}
    found = ask(FLAT, FLAT, (99.9, 99.95, 99.85, 99.9), DOWN, **changes)["time_stop"]
    assert found.without_r == D("-1.03")


def test_what_lived_and_walk_differ_by_falls_out() -> None:
    """A pulse sold a little higher than the bars do: the rule saved the same."""
    bars = (FLAT, FLAT, (99.9, 99.95, 99.85, 99.9), DOWN)
    exact = ask(*bars)["time_stop"].without_r
    lived = ask(*bars, result_r=D("0.05"))["time_stop"].without_r
    assert exact is not None
    assert lived == exact + D("0.15")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"flags": ("rebased",)}, "entry_changed"),
        ({"flags": ("split",)}, "entry_changed"),
        ({"flags": ("risk_estimated",)}, None),
        ({"exits": ("time_stop", "by_hand")}, "by_hand"),
        ({"exits": ("time_stop", "guard")}, "by_hand"),
        ({"exits": ("time_stop", "stop")}, None),
        ({"guarded": ()}, "no_rules"),
        ({"result_r": None}, "not_reproduced"),
        ({"result_r": D("-0.1") + D(str(NEAR_R)) + D("0.01")}, "not_reproduced"),
        ({"result_r": D("-0.1") + D(str(NEAR_R)) - D("0.01")}, None),
        ({"cause": "give_back"}, "not_reproduced"),
        ({"cause": "breakeven"}, "not_reproduced"),
        ({"opened_at": OPENS + timedelta(hours=1)}, "no_bars"),
        ({"opened_at": OPENS - timedelta(minutes=5)}, None),
        ({"asked": ("target",)}, "by_hand"),
    ],
    ids=str,
)
def test_why_a_figure_is_unknown(changes: dict[str, Any], why: str | None) -> None:
    assert because(FLAT, FLAT, (99.9, 99.95, 99.85, 99.9), DOWN, **changes) == why


def test_a_rule_set_that_is_not_stored_leaves_it_unknown() -> None:
    guarded, _ = guarded_by(QUICK)
    trade = a_trade(guarded=(guarded,))
    (found,) = figures(trade, a_track(bars_from(FLAT)), {}, session_flat_tag="")
    assert found.because == "no_rules"


def test_bars_that_end_leave_it_unknown_until_more_come() -> None:
    bars = (FLAT, FLAT, (99.9, 99.95, 99.85, 99.9))
    assert because(*bars) == "bars_end"
    assert because(*bars, DOWN) is None
    assert because(FLAT, FLAT) == "bars_end"
    assert "bars_end" in WAITING


def test_a_walk_that_outlives_the_lived_trade_is_no_match() -> None:
    assert because(*[FLAT] * 6, rules=Rules(time_stop=TimeStop(30.0, 1.0))) == "not_reproduced"


@pytest.mark.parametrize(("minutes", "why"), [(29, None), (31, "bars_end")])
def test_a_hole_in_the_bars_is_never_walked_over(minutes: int, why: str | None) -> None:
    guarded, sets = guarded_by(QUICK)
    early = bars_from(FLAT, FLAT, (99.9, 99.95, 99.85, 99.9))
    late = bars_from(DOWN, start=early[-1].at + MINUTE * (minutes + 1))
    trade = a_trade(guarded=(guarded,))
    (found,) = figures(trade, a_track((*early, *late)), sets, session_flat_tag="")
    assert found.because == why


def test_a_rule_that_moved_the_stop_is_told_by_the_stop() -> None:
    """Breakeven at +1R, back to the entry, and down: without it the whole R is lost."""
    rules = Rules(breakeven=Breakeven(r(1), NOTHING))
    prices = ((100.0, 101.2, 100.0, 101.1), (101.1, 101.1, 99.9, 99.9), DOWN)
    found = ask(
        *prices, rules=rules, result_r=D("0"), cause="breakeven",
        exits=("breakeven",), asked=("breakeven",),
    )["breakeven"]  # fmt: skip
    assert found.without_r is not None
    assert found.without_r == pytest.approx(D("-1"), abs=D("0.03"))


def test_the_rules_that_guarded_it_change_when_they_changed() -> None:
    """The quick rules came a minute late, so that it was out a minute late; as it was lived."""
    patient, sets = guarded_by(Rules(time_stop=TimeStop(30.0, 1.0)))
    quick, more = guarded_by(QUICK, since=OPENS + 3 * MINUTE)
    prices = (FLAT, FLAT, FLAT, (99.7, 99.75, 99.65, 99.7), DOWN)
    trade = a_trade(guarded=(patient, quick), result_r=D("-0.3"), closed_at=OPENS + 4 * MINUTE)
    (found,) = figures(trade, a_track(bars_from(*prices)), sets | more, session_flat_tag="")
    assert (found.without_r, found.because) == (D("-1.01"), None)


SCORED = Rules(breakeven=Breakeven(r(1), NOTHING), model_tighten=ModelTighten(0.35, r(0.5)))
PULLED_IN = ((100.0, 100.2, 99.8, 100.0), (100.0, 100.0, 99.4, 99.5), FLAT, FLAT, DOWN)


@pytest.mark.parametrize(
    "changes",
    [
        {"cause": "model_tighten", "exits": ("model_tighten",), "asked": ("model_tighten",)},
        {
            "cause": "breakeven", "exits": ("model_tighten", "breakeven"),
            "asked": ("model_tighten", "breakeven"),
        },
    ],
    ids=["all of it", "a part"],
)  # fmt: skip
@pytest.mark.parametrize("result", ["-0.5", "-1.01"])
def test_what_a_score_closed_is_unknown_never_nothing(changes: dict[str, Any], result: str) -> None:
    """Even where the walk, that knows no score, ends near to what was lived."""
    found = ask(*PULLED_IN, rules=SCORED, result_r=D(result), **changes)
    assert set(found) == set(changes["asked"])
    for each in found.values():
        assert (each.without_r, each.because) == (None, "not_reproduced")


def test_scores_of_each_minute_are_no_other_rules() -> None:
    """A trade that they did not close is walked as if there had been none."""
    rules = QUICK._replace(model_tighten=ModelTighten(0.35, r(0.5)))
    guarded, sets = guarded_by(rules)
    each_minute = tuple(
        replace(guarded, since=OPENS + number * MINUTE, measured=(NAN, NAN, score))
        for number, score in enumerate((NAN, 0.9, 0.1, NAN))
    )
    track = a_track(bars_from(FLAT, FLAT, (99.9, 99.95, 99.85, 99.9), DOWN))
    trade = a_trade(guarded=each_minute)
    held = list(stints(trade, track, sets, first=0, end=len(track), session_flat_tag=""))
    assert [each.until for each in held] == [len(track)]
    (found,) = figures(trade, track, sets, session_flat_tag="")
    assert (found.without_r, found.because) == (D("-1.01"), None)


def test_a_limit_of_the_day_acts_when_it_acted() -> None:
    """It flattened in the fourth minute; without it the stop would have been hit."""
    rules = Rules(day_loss=DayLoss(0.02, 3.0, 1.0, NOTHING))
    prices = (FLAT, FLAT, FLAT, (99.9, 99.95, 99.85, 99.9), DOWN)
    changes: dict[str, Any] = {
        "cause": "day_loss", "exits": ("day_loss",), "asked": ("day_loss",),
        "closed_at": OPENS + 3 * MINUTE,
    }  # fmt: skip
    lock = Lock(rule="day_loss", at=OPENS + 3 * MINUTE + timedelta(seconds=20))
    found = ask(*prices, rules=rules, locks=(lock,), **changes)["day_loss"]
    assert (found.without_r, found.because) == (D("-1.01"), None)
    assert ask(*prices, rules=rules, **changes)["day_loss"].because == "not_reproduced"


def test_what_a_lock_flattens_is_flattened_without_another_rule_too() -> None:
    rules = QUICK._replace(day_loss=DayLoss(0.02, 3.0, 1.0, NOTHING))
    lock = Lock(rule="day_loss", at=OPENS + 5 * MINUTE)
    prices = (FLAT, FLAT, (99.9, 99.95, 99.85, 99.9), FLAT, FLAT, (99.5, 99.6, 99.4, 99.5), DOWN)
    assert ask(*prices, rules=rules, locks=(lock,))["time_stop"].without_r == D("-0.5")


@pytest.mark.parametrize(("tags", "result"), [((), D("-1.51")), (("flat",), D(0))])
def test_the_session_flat_leaves_alone_what_is_held_overnight_without_its_tag(
    tags: tuple[str, ...], result: Decimal
) -> None:
    """Without the time stop it is held overnight; next morning only a tagged one is flattened."""
    late = some_sessions(2)[0].closes_at - 2 * MINUTE
    rules = Rules(time_stop=TimeStop(1.0, 1.0), session_flat=SessionFlat(40.0))
    evening = bars_from(FLAT, (99.9, 99.95, 99.85, 99.9), start=late)
    morning = bars_from((99.9, 100.0, 99.8, 99.9), FLAT, start=some_sessions(2)[1].opens_at)
    down = bars_from((98.5, 98.6, 98.4, 98.5), start=some_sessions(2)[1].opens_at + 2 * MINUTE)
    guarded, sets = guarded_by(rules._replace(session_flat=None), since=late)
    again, more = guarded_by(rules, since=late + 2 * MINUTE)
    trade = a_trade(guarded=(guarded, again), tags=tags, opened_at=late, closed_at=late + MINUTE)
    track = a_track((*evening, *morning, *down), sessions=2)
    (found,) = figures(trade, track, sets | more, session_flat_tag="flat")
    assert found.without_r == result


def test_every_reason_has_words() -> None:
    assert set(WAITING) < set(BECAUSE)
    assert all(words and not words.endswith(".") for words in BECAUSE.values())


def test_asking_twice_is_asking_once() -> None:
    guarded, sets = guarded_by(QUICK)
    trade: ClosedTrade = replace(a_trade(), guarded=(guarded,))
    track = a_track(bars_from(FLAT, FLAT, FLAT, DOWN))
    first, second = (figures(trade, track, sets, session_flat_tag="") for _ in range(2))
    assert first == second
