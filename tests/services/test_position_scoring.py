"""A minute of scoring: what is logged becomes the score, and nothing that fails stops the rest."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stopward.domain.features import names, schema_hash
from stopward.domain.features.open_position import UNSCORED, OpenPage
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.scoring.occlusion import Rows
from stopward.domain.scoring.prediction import REASONS, Reason
from stopward.errors import DatabaseRejected, DatabaseUnavailable
from stopward.rules.types import NAN
from stopward.services.position_scoring import KEPT_EVERY, PositionScorer, ScoringSummary, signal_id
from tests.builders.feature_nights import History
from tests.builders.minutes import Minutes
from tests.builders.open_positions import OpenPositions, a_page, an_open_position
from tests.builders.past_features import FRIDAY, INDEX
from tests.builders.scoring import Models, a_role, a_scoring, an_open_model
from tests.builders.store import A_SESSION, NOON

MAIN = AccountId("main")
OPEN = schema_hash("open")
TWO = (an_open_position("AAPL"), an_open_position("MSFT"))
NOTHING = {
    "positions_open": 0,
    "positions_unscored": 0,
    "positions_scored": 0,
    "position_scores_binding": 0,
    "position_vectors_kept": 0,
    "position_minutes_completed": 0,
    "position_scoring_failures": 0,
    "models_refused": 0,
}
BETWEEN = NOON + timedelta(minutes=1)
"""A minute in which nothing is kept where nobody is asked."""


class Desk:
    """What a run needs, and what came of it."""

    def __init__(self, folder: Path, *pages: OpenPage, has_model: bool = True, **told: Any) -> None:
        self.book = OpenPositions(*pages)
        self.bars = History()
        self.minutes = Minutes()
        scoring, self.models = a_scoring(folder, model=an_open_model(), **told)
        self.models.roles = self.models.roles if has_model else ()
        self.scorer = PositionScorer(
            book=self.book, minutes=self.minutes, bars=self.bars, account_id=MAIN,
            scoring=scoring, index=INDEX,
        )  # fmt: skip

    def run(self, at: Any = NOON) -> ScoringSummary:
        return self.scorer.run(at=at)


class Says:
    """A model that says one thing, of its golden rows what it said when it was published."""

    def __init__(self, number: float, *, of_golden: bool = True) -> None:
        self._golden = [row["probability"] for row in an_open_model().manifest["golden"]]
        self._golden = self._golden if of_golden else []
        self._number = number

    def probabilities(self, rows: Rows) -> Sequence[float]:
        count = len(rows) // len(names("open"))
        return self._golden if count == len(self._golden) else [self._number] * count


def counted(summary: ScoringSummary, **expected: int) -> None:
    assert summary.counts() == {**NOTHING, **expected}


def test_each_position_is_logged_and_gets_its_score(tmp_path: Path) -> None:
    desk = Desk(tmp_path, a_page(*TWO))
    summary = desk.run()
    counted(summary, positions_open=2, positions_scored=2)
    assert summary.answer is not None
    for score, position in zip(desk.book.scores, TWO, strict=True):
        logged = desk.models.stored[MAIN, score.model_id, score.signal_id]
        assert score.position_id == logged.position_id == position.position_id
        assert score.at == logged.vector_at == NOON
        assert (logged.schema_hash, logged.symbol) == (OPEN, position.symbol)
        assert score.signal_id == f"{position.position_id}@2026-11-23T17:00Z"
    assert desk.bars.asked == [(("AAPL", "MSFT", INDEX), FRIDAY.opens_at, NOON)]
    assert desk.book.vectors == []


def test_minutes_of_a_position_are_in_one_arm_and_bind_there(tmp_path: Path) -> None:
    symbols = tuple(an_open_position(f"S{number}") for number in range(5))
    desk = Desk(tmp_path, a_page(*symbols), weight=Decimal("0.5"))
    arms: dict[str, set[str]] = {each.position_id: set() for each in symbols}
    bound = [desk.run(NOON - timedelta(minutes=minute)).binding for minute in range(6)]
    for told in desk.models.stored.values():
        assert told.position_id is not None
        arms[told.position_id].add(told.arm)
    assert all(len(each) == 1 for each in arms.values())
    in_model = sum(each == {"model"} for each in arms.values())
    assert bound == [in_model] * 6
    assert 0 < in_model < 5


def test_in_shadow_nothing_binds(tmp_path: Path) -> None:
    assert Desk(tmp_path, a_page(*TWO)).run().binding == 0


def test_the_same_minute_again_changes_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, a_page(*TWO))
    desk.run()
    stored, scores = dict(desk.models.stored), list(desk.book.scores)
    counted(desk.run(), positions_open=2, positions_scored=2)
    assert (desk.models.stored, desk.book.scores) == (stored, scores * 2)


@pytest.mark.parametrize("at", [A_SESSION.closes_at, A_SESSION.opens_at - timedelta(minutes=1)])
def test_outside_the_session_nothing_is_looked_at(tmp_path: Path, at: Any) -> None:
    desk = Desk(tmp_path, a_page(*TWO))
    summary = desk.run(at)
    assert summary.is_closed
    counted(summary, positions_open=2)
    assert (desk.bars.asked, desk.models.looks) == ([], 0)


def test_with_nothing_open_nobody_is_asked(tmp_path: Path) -> None:
    desk = Desk(tmp_path, a_page())
    counted(desk.run())
    assert (desk.bars.asked, desk.models.looks) == ([], 0)


@pytest.mark.parametrize(
    ("page", "at"), [(a_page(*TWO), NOON), (a_page(), NOON), (a_page(*TWO), A_SESSION.closes_at)]
)
def test_each_minute_completes_a_portion_of_what_closed(
    tmp_path: Path, page: OpenPage, at: Any
) -> None:
    desk = Desk(tmp_path, page)
    desk.minutes.waiting, desk.minutes.portion = 15, 10
    assert [desk.run(at).completed for _ in range(3)] == [10, 5, 0]


@pytest.mark.parametrize("fails", [DatabaseUnavailable("gone"), DatabaseRejected("gone", rule="x")])
def test_minutes_that_cannot_be_completed_cost_no_score(tmp_path: Path, fails: Exception) -> None:
    desk = Desk(tmp_path, a_page(*TWO))
    desk.minutes.fails = fails
    summary = desk.run()
    counted(summary, positions_open=2, positions_scored=2, position_scoring_failures=1)
    assert summary.failures == ["minutes: gone"]


@pytest.mark.parametrize("has_place", [True, False])
def test_without_a_model_vectors_are_kept_now_and_then(tmp_path: Path, has_place: bool) -> None:
    desk = Desk(tmp_path, a_page(*TWO), has_model=False)
    if not has_place:
        desk.scorer = replace(desk.scorer, scoring=None)
    counted(desk.run(BETWEEN), positions_open=2)
    assert desk.bars.asked == []
    counted(desk.run(), positions_open=2, position_vectors_kept=2)
    assert [each.position_id for each in desk.book.vectors] == [each.position_id for each in TWO]
    assert {each.kind for each in desk.book.vectors} == {"open"}
    assert desk.book.schemas == {OPEN: names("open")}
    assert NOON.minute % KEPT_EVERY == 0
    counted(desk.run(), positions_open=2)


CANNOT_BE_ASKED: dict[Reason, dict[str, Any]] = {
    "model_expired": {"expires_at": NOON},
    "schema_mismatch": {"schema_hash": schema_hash("entry")},
    "golden_rows_failed": {"open_model": lambda _: Says(1.0, of_golden=False)},
    "model_refused": {"sha256": "ab" * 32},
    "model_unreachable": {},
}


@pytest.mark.parametrize(("at", "kept"), [(BETWEEN, 0), (NOON, 2)])
@pytest.mark.parametrize("reason", CANNOT_BE_ASKED)
def test_a_champion_that_cannot_be_asked_is_told_each_minute(
    tmp_path: Path, reason: Reason, at: datetime, kept: int
) -> None:
    desk = Desk(tmp_path, a_page(*TWO), **CANNOT_BE_ASKED[reason])
    if reason == "model_unreachable":
        desk.models.fails = DatabaseUnavailable("gone")
    summary = desk.run(at)
    counted(summary, positions_open=2, position_vectors_kept=kept, position_scoring_failures=1)
    (told,) = summary.failures
    assert told.startswith(REASONS[reason])
    assert summary.troubles() == {"unserved": told}


def test_a_refused_champion_is_told_while_the_one_before_goes_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path, a_page(*TWO))
    desk.run()
    desk.models.roles = (a_role(an_open_model(weights=(1.0,) * len(names("open")))),)
    assert desk.scorer.scoring is not None
    desk.scorer.scoring.champions.refresh_seconds = 0.0
    summary = desk.run(BETWEEN)
    counted(summary, positions_open=2, positions_scored=2, models_refused=1)
    assert "is not there" in summary.troubles()["refused"]


def test_without_a_model_it_is_said_and_no_fault(tmp_path: Path) -> None:
    summary = Desk(tmp_path, a_page(*TWO), has_model=False).run(BETWEEN)
    assert summary.failures == []
    assert summary.troubles()["unserved"].startswith(REASONS["no_model"])


def test_with_nothing_open_no_champion_is_missed(tmp_path: Path) -> None:
    summary = Desk(tmp_path, a_page(), expires_at=NOON).run()
    counted(summary)
    assert summary.troubles() == {}


@pytest.mark.parametrize(("at", "kept"), [(BETWEEN, 0), (NOON, 2)])
def test_what_is_no_probability_is_told_once(tmp_path: Path, at: datetime, kept: int) -> None:
    desk = Desk(tmp_path, a_page(*TWO), open_model=lambda _: Says(NAN))
    summary = desk.run(at)
    counted(summary, positions_open=2, position_vectors_kept=kept, position_scoring_failures=1)
    assert summary.failures == [f"{REASONS['not_a_probability']}: nan"]


def test_what_has_no_vector_has_no_score_and_the_others_do(tmp_path: Path) -> None:
    pages = a_page(
        an_open_position("AAPL"),
        an_open_position("MSFT", flags=("rebased",)),
        an_open_position("ZZZZ"),
    )
    summary = Desk(tmp_path, pages).run()
    counted(summary, positions_open=3, positions_unscored=2, positions_scored=1)
    assert summary.unscored == {"added_to": 1, "no_bar_yet": 1}
    assert summary.unscored.keys() <= UNSCORED.keys()


def test_where_none_has_a_vector_no_bar_is_asked_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path, a_page(an_open_position(flags=("split",))))
    counted(desk.run(), positions_open=1, positions_unscored=1)
    assert desk.bars.asked == []


def test_rows_that_cannot_be_read_or_used_are_told(tmp_path: Path) -> None:
    page = a_page(an_open_position("AAPL"), unreadable=("p9: side was 'up'",))
    desk = Desk(tmp_path, page)
    desk.bars.minutes = {
        **desk.bars.minutes,
        Symbol("AAPL"): list(desk.bars.minutes[Symbol("AAPL")])[::-1],
    }
    summary = desk.run()
    counted(summary, positions_open=1, position_scoring_failures=2)
    assert summary.failures[0] == "p9: side was 'up'"
    assert "p-AAPL" in summary.failures[1]


def test_without_bars_nothing_is_scored_and_it_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, a_page(*TWO))
    desk.bars.fails = 1
    summary = desk.run()
    counted(summary, positions_open=2, position_scoring_failures=1)
    assert summary.failures[0].startswith("bars: GET")


@pytest.mark.parametrize(
    "error", [DatabaseUnavailable("gone"), DatabaseRejected("full", rule="other")]
)
def test_what_could_not_be_logged_is_no_score(tmp_path: Path, error: Exception) -> None:
    desk = Desk(tmp_path, a_page(*TWO))
    desk.run()
    desk.book.scores.clear()
    desk.models.fails = error
    summary = desk.run()
    assert summary.failures == [f"not logged: {error}"]
    assert (desk.book.scores, summary.scored) == ([], 0)
    # It is still learned from.
    assert summary.kept == 2


class Closes(Models):
    """A log that refuses a batch with a position that closed since it was read."""

    def __init__(self, closed: str, *roles: Any) -> None:
        super().__init__(*roles)
        self.closed = closed

    def put_predictions(self, account_id: AccountId, predictions: Any) -> Any:
        if any(each.position_id == self.closed for each in predictions):
            raise DatabaseRejected("closed", rule="predictions_before_outcome")
        return super().put_predictions(account_id, predictions)


@pytest.mark.parametrize("closes", ["one", "both"])
def test_a_position_that_closes_meanwhile_costs_the_others_nothing(
    tmp_path: Path, closes: str
) -> None:
    left = TWO[1:] if closes == "one" else ()
    desk = Desk(tmp_path, a_page(*TWO), a_page(*left))
    assert desk.scorer.scoring is not None
    log = Closes(TWO[0].position_id, *desk.models.roles)
    desk.scorer = replace(desk.scorer, scoring=replace(desk.scorer.scoring, book=log))
    summary = desk.run()
    assert [each.position_id for each in desk.book.scores] == [each.position_id for each in left]
    assert summary.scored == len(left)
    assert summary.failures == []


def test_a_score_that_is_refused_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, a_page(*TWO))
    desk.book.fails = DatabaseRejected("odd", rule="position_scores_are_logged")
    summary = desk.run()
    counted(summary, positions_open=2, position_scoring_failures=1)
    assert summary.failures[0].startswith("database: odd")


def test_that_nobody_knows_what_is_open_is_raised(tmp_path: Path) -> None:
    desk = Desk(tmp_path, a_page(*TWO))

    def gone(*_: Any, **__: Any) -> OpenPage:
        raise DatabaseUnavailable("gone")

    desk.book.read_open = gone  # type: ignore[method-assign]
    with pytest.raises(DatabaseUnavailable):
        desk.run()


def test_a_minute_of_a_position_has_a_name_of_its_own() -> None:
    first, later = (signal_id(TWO[0].position_id, NOON + timedelta(minutes=n)) for n in (0, 1))
    assert first != later
