"""A night of models: each is judged once, one that fails stops nobody, and time is kept."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from stopward.domain.identity import AccountId
from stopward.domain.model_tracking.statistics import Baseline, statistics
from stopward.domain.model_tracking.tracked import baseline_of
from stopward.errors import DatabaseRejected
from stopward.services.model_tracking import MARGIN_SECONDS, ModelTracker, TrackingSummary
from tests.builders.minutes import Minutes, a_keeper
from tests.builders.outcomes import said_and_came
from tests.builders.tracking import NIGHT, TENTHS, TrackingInMemory, a_manifest, track

SAID = said_and_came(3, 150)
WRONG = said_and_came(3, 150, slope=-1.0)


def test_a_night_stores_the_figures_of_all_that_was_said() -> None:
    book = TrackingInMemory({"m1": SAID}, late=2)
    summary = track(book)
    day, found, notes = book.put["m1"]
    assert (day, found, notes) == (
        NIGHT.date(), statistics(SAID, Baseline()), {"older_left_out": False},
    )  # fmt: skip
    assert summary == TrackingSummary(resolved=2, tracked=1)
    assert summary.counts() == {
        "predictions_resolved": 2, "minutes_completed": 0, "minutes_trimmed": 0,
        "models_tracked": 1, "models_waiting": 0, "models_done": 0,
        "models_drifting": 0, "tracking_failures": 0, "tracking_cut": 0,
    }  # fmt: skip


def test_a_second_run_judges_what_is_new_and_tells_drift_again() -> None:
    book = TrackingInMemory({"m1": WRONG, "m2": SAID[:120]})
    assert track(book).drifting == {"m1": ("worse_than_base_rate",)}
    book.said["m2"] = SAID
    again = track(book)
    assert (again.tracked, again.done) == (1, 1)
    assert again.drifting == {"m1": ("worse_than_base_rate",)}
    assert book.put["m2"][1].scores.n == 150
    assert track(book).done == 2


def test_a_model_of_which_nothing_is_known_waits() -> None:
    book = TrackingInMemory({"m1": [], "m2": SAID})
    summary = track(book)
    assert (summary.waiting, summary.tracked, list(book.put)) == (1, 1, ["m2"])


def test_a_model_that_fails_is_told_and_stops_nobody() -> None:
    book = TrackingInMemory({"m1": SAID, "m2": SAID}, refuses=("m1",), unreadable=("m3: odd",))
    summary = track(book)
    assert (summary.tracked, list(book.put)) == (1, ["m2"])
    assert summary.failures == ["m3: odd", "m1: a figure was none"]
    assert track(book).failures[1:] == ["m1: a figure was none"]
    book.refuses = ()
    assert track(book).tracked == 1


def test_late_outcomes_that_are_refused_are_told_and_stop_nobody() -> None:
    class Refusing(TrackingInMemory):
        def resolve(self, account_id: AccountId) -> int:
            raise DatabaseRejected("locked out", rule="x")

    book = Refusing({"m1": SAID})
    summary = track(book)
    assert (summary.failures, summary.tracked) == (["late outcomes: locked out"], 1)


def test_minutes_are_completed_before_anything_is_judged_and_old_ones_go_after_it() -> None:
    minutes = Minutes(waiting=25, old=12, portion=10)
    book = TrackingInMemory({"m1": SAID})
    summary = track(book, minutes=a_keeper(minutes))
    assert (summary.completed, summary.trimmed, summary.tracked) == (25, 12, 1)
    assert minutes.asked == ["complete"] * 4 + ["trim 90"] * 3


def test_where_time_is_short_minutes_wait_for_the_next_night() -> None:
    minutes = Minutes(waiting=25, old=25, portion=10)
    left = iter([MARGIN_SECONDS] * 2 + [MARGIN_SECONDS - 0.1] + [MARGIN_SECONDS, 0.0])
    tracker = ModelTracker(
        book=TrackingInMemory({}), minutes=a_keeper(minutes), account_id=AccountId("main")
    )
    first = tracker.run(now=NIGHT, remaining_seconds=lambda: next(left))
    assert (first.completed, first.trimmed, minutes.waiting, minutes.old) == (20, 10, 5, 15)
    second = track(TrackingInMemory({}), minutes=a_keeper(minutes))
    assert (second.completed, second.trimmed, minutes.waiting, minutes.old) == (5, 15, 0, 0)


def test_minutes_that_are_refused_are_told_and_stop_nobody() -> None:
    minutes = Minutes(fails=DatabaseRejected("odd", rule="x"))
    summary = track(TrackingInMemory({"m1": SAID}), minutes=a_keeper(minutes))
    assert summary.failures == ["late outcomes: odd", "old minutes: odd"]
    assert summary.tracked == 1


def test_it_ends_in_time_and_goes_on_where_it_stopped() -> None:
    book = TrackingInMemory({"m1": SAID, "m2": SAID, "m3": []})
    # Of each night the first number is what is left for minutes, and so is the last.
    left: Iterator[float] = iter([MARGIN_SECONDS, MARGIN_SECONDS, MARGIN_SECONDS - 0.1, 0.0])
    tracker = ModelTracker(book=book, minutes=a_keeper(), account_id=AccountId("main"))
    first = tracker.run(now=NIGHT, remaining_seconds=lambda: next(left))
    assert (first.tracked, first.is_cut, first.waiting, list(book.put)) == (1, True, 1, ["m1"])
    tomorrow = NIGHT + timedelta(days=1)
    book.said["m1"] = said_and_came(3, 160)
    left = iter([MARGIN_SECONDS, MARGIN_SECONDS, 0.0, 0.0])
    tracker.run(now=tomorrow, remaining_seconds=lambda: next(left))
    assert book.put["m2"][0] == tomorrow.date(), "who waits longest is first"
    assert book.put["m1"][0] == NIGHT.date()


def test_vectors_come_along_until_there_are_as_many_as_are_compared() -> None:
    rows = [replace(each, values=(0.5,)) for each in said_and_came(5, 750)]
    book = TrackingInMemory({"m1": rows}, page_outcomes=200)
    track(book)
    assert book.asked == [
        ("m1", True, 0), ("m1", True, 200), ("m1", True, 400), ("m1", False, 600),
    ]  # fmt: skip


def test_of_very_many_the_newest_are_judged_and_it_is_told() -> None:
    book = TrackingInMemory({"m1": SAID}, page_outcomes=40)
    track(book, most_outcomes=100)
    _, found, notes = book.put["m1"]
    assert found.scores.n == 100
    assert found.scores == statistics(SAID[-100:], Baseline()).scores
    assert notes == {"older_left_out": True}
    assert track(book, most_outcomes=100).done == 1


def test_features_that_moved_are_told() -> None:
    baseline = baseline_of(**_parts("a", "b", "c"))
    rows = [
        replace(each, values=(9.5, 9.5, place % 10 + 0.5))
        for place, each in enumerate(said_and_came(5, 250))
    ]
    summary = track(TrackingInMemory({"m1": rows}, baselines={"m1": baseline}))
    assert summary.drifting == {"m1": ("features_moved",)}


def _parts(*features: str) -> dict[str, object]:
    told = a_manifest(*features)
    return {"features": told["features"], "spreads": told["baseline"],
            "importances": told["importances"]}  # fmt: skip


def test_a_manifest_says_how_features_lay_and_which_told_most() -> None:
    found = baseline_of(**_parts("b", "a"))
    assert (list(found.spreads), found.top) == (["b", "a"], ("b", "a"))
    assert found.spreads["a"].edges == tuple(TENTHS["deciles"])
    empty = {"missing": 1.0, "deciles": [], "shares": []}
    assert baseline_of(["a"], {"a": empty}, {"a": {"value": None}}).spreads["a"].shares == ()


def test_a_manifest_without_shares_has_no_spreads() -> None:
    old = {"missing": 0.0, "deciles": TENTHS["deciles"]}
    assert baseline_of(["a"], {"a": old}, None) == Baseline()
    assert baseline_of(None, None, None) == Baseline()


@pytest.mark.parametrize(
    ("spreads", "importances"),
    [
        ({"b": TENTHS}, {}),
        ({"a": {**TENTHS, "shares": [0.5, 0.5]}}, {}),
        ({"a": {**TENTHS, "missing": None}}, {}),
        ({"a": {**TENTHS, "deciles": ["low"] * 9}}, {}),
        ({"a": TENTHS}, {"a": 0.1}),
    ],
)
def test_what_is_no_manifest_is_refused(
    spreads: dict[str, object], importances: dict[str, object]
) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        baseline_of(["a"], spreads, importances)
