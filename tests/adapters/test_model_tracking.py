"""What the tracking of models reads and writes: real Postgres, bit for bit and page by page."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from stopward.adapters.features import FunctionFeatures
from stopward.adapters.minutes import FunctionMinutes
from stopward.adapters.model_tracking import FunctionTracking
from stopward.domain.features import as_bytes
from stopward.domain.features.teaching import taught_from
from stopward.domain.identity import AccountId
from stopward.domain.model_tracking.statistics import Baseline, statistics
from stopward.domain.model_tracking.tracked import OutcomePage, TrackedModel
from stopward.domain.position import Position
from stopward.errors import DatabaseRejected
from stopward.services.minute_keeping import MinuteKeeper
from stopward.services.model_tracking import ModelTracker, TrackingSummary
from tests.builders.minutes import a_keeper
from tests.builders.models import (
    SCHEMA,
    TO_THE_TOP,
    ModelWorld,
    a_model,
    a_prediction,
    champion,
    climb,
    speak,
)
from tests.builders.store import A_SESSION, NOON
from tests.builders.tracking import a_manifest

EVENING = A_SESSION.closes_at + timedelta(hours=2)
TODAY = date.fromisoformat(A_SESSION.day)
EDGES = (0.10000000149011612, -0.0, None, 3.4028234663852886e38)
SAID = [("AAPL", 0.8, 2.0, "0"), ("MSFT", 0.3, -1.0, "0"), ("TSLA", 1 / 3, 0.0, "0")]


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def book(world: ModelWorld, **options: Any) -> FunctionTracking:
    return FunctionTracking(world._voice, **options)


def read(world: ModelWorld, *, vectors: bool = True, **options: Any) -> OutcomePage:
    return book(world, **options).read_outcomes(world.account_id, "m1", vectors=vectors)


def models(world: ModelWorld) -> tuple[TrackedModel, ...]:
    return book(world).read_tracked(world.account_id, at=EVENING).models


def keeper_of(world: ModelWorld) -> MinuteKeeper:
    return a_keeper(FunctionMinutes(world._voice, portion=7), account_id=world.account_id)


def run(world: ModelWorld) -> TrackingSummary:
    tracker = ModelTracker(book=book(world), minutes=keeper_of(world), account_id=world.account_id)
    return tracker.run(now=EVENING, remaining_seconds=lambda: 900.0)


def test_outcomes_come_as_they_were_said_with_their_vectors(world: ModelWorld) -> None:
    champion(world)
    speak(world, SAID, {"AAPL": EDGES, "TSLA": (1.5, None, None, 2.0)})
    found = read(world)
    assert [(e.signal_id, e.probability, e.won, e.latency_ms) for e in found.outcomes] == [
        ("TSLA", 1 / 3, False, 1.5),
        ("MSFT", 0.3, False, 1.5),
        ("AAPL", 0.8, True, 1.5),
    ]
    assert {(each.at, each.day) for each in found.outcomes} == {(NOON, TODAY)}
    assert all(each.closed_at > NOON - timedelta(minutes=5) for each in found.outcomes)
    tesla, microsoft, apple = (each.values for each in found.outcomes)
    assert apple is not None
    assert as_bytes(apple) == as_bytes(EDGES)
    assert (tesla, microsoft, found.after) == ((1.5, None, None, 2.0), None, None)
    assert [each.values for each in read(world, vectors=False).outcomes] == [None] * 3


def test_what_the_model_decided_and_what_is_open_are_left_out(world: ModelWorld) -> None:
    champion(world)
    climb(world, *TO_THE_TOP)
    speak(world, [("AAPL", 0.8, 1.0, "0.20"), ("MSFT", 0.9, 1.0, "0.70")])
    world.call("put_predictions", predictions=[a_prediction("open")])
    assert [each.signal_id for each in read(world).outcomes] == ["AAPL"]
    assert [each.resolved for each in models(world)] == [1]


def test_a_page_goes_on_where_the_last_ended(world: ModelWorld) -> None:
    champion(world)
    speak(world, [(f"S{number}", 0.6, 1.0, "0") for number in range(5)])
    pages, after = [], None
    for _ in range(3):
        page = book(world, page_outcomes=2).read_outcomes(
            world.account_id, "m1", vectors=False, after=after
        )
        pages.append([each.signal_id for each in page.outcomes])
        after = page.after
    assert (pages, after) == ([["S4", "S3"], ["S2", "S1"], ["S0"]], None)


def an_open_champion(world: ModelWorld) -> None:
    """Make a model of open positions champion."""
    FunctionFeatures(world._voice).put_schema(SCHEMA, [f"f{place}" for place in range(4)])
    world.call("register_model", **a_model(kind="open"))
    role = {"kind": "open", "alias": "champion", "model_id": "m1"}
    world.call("set_alias", **role, expected=None, because="t")


def minutes_of(position: Position, count: int, *, first: datetime) -> list[dict[str, Any]]:
    """Return what a model said of so many minutes of a position, each with a vector of its own."""
    return [
        a_prediction(
            f"{position.id}@{number}", position_id=position.id, symbol=position.symbol,
            probability=0.5 + number / 100, at=at.isoformat(), vector_at=at.isoformat(),
            vector=[str(float(number)), None, None, None],
        )
        for number in range(count)
        for at in [first + number * timedelta(minutes=1)]
    ]  # fmt: skip


def test_of_an_open_position_one_minute_counts_the_one_that_it_teaches_by(
    world: ModelWorld,
) -> None:
    an_open_champion(world)
    long_ago = NOON - timedelta(hours=2)
    names = [f"S{number}" for number in range(5)]
    positions = world.open(*names, opened_at=long_ago, adopted_at=long_ago)
    minute = timedelta(minutes=1)
    said = {
        each.id: minutes_of(each, 9, first=taught_from(each.id, long_ago) - 2 * minute)
        for each in positions
    }
    # And one that came when it had closed; its trade is found a minute later.
    late = NOON + timedelta(minutes=1)
    for each in positions:
        world.call("put_predictions", predictions=said[each.id])
        (odd,) = minutes_of(each, 1, first=late)
        world.call("put_predictions", predictions=[{**odd, "signal_id": f"{each.id}@late"}])
    world.close_trades(*((each, 1.0) for each in positions))
    # Until its minutes are completed, nothing is known of what was said of it.
    assert [each.resolved for each in models(world)] == [0]
    assert read(world).outcomes == ()
    assert keeper_of(world).complete(has_time=lambda: True) == 5 * (10 + 10)
    pages, after = [], None
    while True:
        page = book(world, page_outcomes=2).read_outcomes(
            world.account_id, "m1", vectors=True, after=after
        )
        pages.append(page)
        after = page.after
        if after is None:
            break
    assert [len(page.outcomes) for page in pages] == [2, 2, 1]
    found = {each.signal_id: each for page in pages for each in page.outcomes}
    assert found.keys() == {minutes[2]["signal_id"] for minutes in said.values()}
    for signal_id, outcome in found.items():
        number = int(signal_id.rpartition("@")[2])
        assert outcome.values == (float(number), None, None, None)
        assert outcome.probability == pytest.approx(0.5 + number / 100)
    (tracked,) = models(world)
    assert tracked.resolved == 5
    assert run(world).counts()["models_tracked"] == 1
    assert run(world).counts()["models_done"] == 1


def test_models_with_a_role_are_tracked_and_no_others(world: ModelWorld) -> None:
    champion(world)
    world.call("register_model", **a_model("m2", manifest=a_manifest("f0", "f1")))
    world.call("register_model", **a_model("m3"))
    world.call("set_alias", alias="challenger", model_id="m2", expected=None, because="to be seen")
    speak(world, SAID)
    one, other = models(world)
    assert (one.model_id, one.resolved, one.tracked_day, one.baseline) == (
        "m1", 3, None, Baseline(),
    )  # fmt: skip
    assert (other.model_id, other.resolved) == ("m2", 0)
    assert (list(other.baseline.spreads), other.baseline.top) == (["f0", "f1"], ("f0", "f1"))


def test_a_manifest_that_is_none_is_told_and_the_others_are_read(world: ModelWorld) -> None:
    odd = {**a_manifest("f0"), "importances": {"f0": 0.1}}
    world.call("register_model", **a_model("m2", manifest=odd))
    world.call("set_alias", alias="challenger", model_id="m2", expected=None, because="to be seen")
    champion(world)
    found = book(world).read_tracked(world.account_id, at=EVENING)
    assert [each.model_id for each in found.models] == ["m1"]
    (words,) = found.unreadable
    assert words.startswith("m2: its manifest cannot be read")


def test_a_night_is_stored_shown_and_not_done_again(world: ModelWorld) -> None:
    champion(world)
    speak(world, SAID)
    assert run(world) == TrackingSummary(tracked=1)
    (model,) = models(world)
    assert (model.tracked_day, model.tracked_n, model.tracked_drift) == (TODAY, 3, ())
    assert run(world) == TrackingSummary(done=1)
    expected = statistics(read(world).outcomes, Baseline())
    (row,) = world.view("model_statistics")
    assert (row["session_day"], row["n"], row["auc"]) == (TODAY, 3, expected.auc.value)
    assert (row["brier_skill"], row["drift"]) == (expected.skill.value, [])
    assert (row["intercept"], row["recent_skill"], row["psi"]) == (None, None, {})
    assert (row["psi_n"], row["psi_unknown"]) == (0, "no_spreads")
    assert row["more"]["older_left_out"] is False
    (summary,) = world.view("model_performance_summary")
    # The triggers' sums and the night's figures are of the same predictions.
    for name in ("brier", "base_brier", "log_loss", "base_log_loss", "base_rate"):
        assert row["more"][name] == pytest.approx(summary[name]), name
    assert summary["brier_skill"] == pytest.approx(row["brier_skill"])
    assert summary["statistics_day"] == TODAY


def test_what_resolves_later_is_judged_again_the_same_night(world: ModelWorld) -> None:
    champion(world)
    speak(world, SAID[:2])
    run(world)
    speak(world, SAID[2:])
    assert run(world).tracked == 1
    (row,) = world.view("model_statistics")
    assert row["n"] == 3


def test_predictions_that_their_trade_could_not_complete_are_completed(world: ModelWorld) -> None:
    champion(world)
    world.call("put_predictions", predictions=[a_prediction("late")])
    (position,) = world.open("AAPL")
    world.close_trades((position, 1.0))
    with world.transaction():
        world.execute("set local session_replication_role = replica")
        world.run(
            "update stopward.predictions as p set position_id = t.position_id"
            " from stopward.trades as t where p.account_id = %s and t.account_id = p.account_id"
        )
    assert run(world) == TrackingSummary(resolved=1, tracked=1)


def test_the_session_of_a_night_is_that_of_its_evening_in_new_york(world: ModelWorld) -> None:
    midnight = datetime.fromisoformat(f"{TODAY}T00:00:00+00:00") + timedelta(days=1)
    found = book(world).read_tracked(world.account_id, at=midnight)
    assert found.session_day == TODAY


def test_a_model_or_an_account_that_nobody_registered_is_refused(world: ModelWorld) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        read(world)
    assert caught.value.rule == "read_outcomes_request"
    with pytest.raises(DatabaseRejected) as caught:
        book(world).read_tracked(AccountId("nobody"), at=EVENING)
    assert caught.value.rule == "unknown_account"
    assert len(SCHEMA) == 64
