"""What was done for accounts adds up: sums, but what tells of one bad account is not hidden."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from stopward.domain.current_model import CurrentModel
from stopward.domain.identity import AccountId
from stopward.domain.training import Training, TrainingClaim
from stopward.services.attribution import AttributionSummary
from stopward.services.each_account import MOST_NAMED
from stopward.services.features import FeatureSummary
from stopward.services.model_tracking import TrackingSummary
from stopward.services.position_scoring import ScoringSummary
from stopward.services.training_reading import Tally
from stopward.services.training_summary import TrainingSummary

ADA, BOB = AccountId("ada"), AccountId("bob")
NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
CLAIM = TrainingClaim(
    id="training-1",
    account_id=ADA,
    fence=1,
    because="first",
    trades=5,
    claimed_until=NOON,
)


def a_champion(model_id: str = "m1") -> CurrentModel:
    return CurrentModel(
        kind="entry", alias="champion", model_id=model_id, sha256="ab" * 32,
        schema_hash="cd" * 32, threshold=0.5, created_at=NOON,
        expires_at=NOON + timedelta(days=1), stage="shadow", weight=Decimal(0),
    )  # fmt: skip


def a_trained(verdict: Any = "published") -> TrainingSummary:
    return TrainingSummary(
        claim=CLAIM, read=Tally(trades=5, rebuilt=2), training=Training(verdict=verdict)
    )


FULL: dict[type[Any], Any] = {
    AttributionSummary: AttributionSummary(
        trades=3, known=2, changed=2, unknown=Counter(bars_end=1), is_cut=True
    ),
    FeatureSummary: FeatureSummary(
        trades=2, written=1, unfit=Counter(no_bars=1), compared=2000, skewed=2,
        differing=Counter(gap=2), is_cut=True,
    ),
    TrackingSummary: TrackingSummary(
        resolved=1, tracked=2, waiting=3, done=4, drifting={"m1": ("worse",)}, is_cut=True
    ),
    ScoringSummary: ScoringSummary(
        positions=3, unscored=Counter({"no_bars": 1}), kept=1, scored=1, binding=1
    ),
    TrainingSummary: a_trained("failed"),
}  # fmt: skip
NO_SUMS = {"attribution_cut", "features_cut", "features_skew", "tracking_cut", "champion_stale"}
"""Counts that say whether, not how many."""


@pytest.mark.parametrize("kind", FULL, ids=lambda kind: kind.__name__)
def test_counts_of_two_accounts_are_the_sums_of_theirs(kind: type[Any]) -> None:
    total, own = kind(), FULL[kind]
    for account_id in (ADA, BOB):
        total.add_account(account_id, own)
    for name, count in own.counts().items():
        assert total.counts()[name] == (count if name in NO_SUMS else 2 * count), name
    assert any(own.counts().values())


@pytest.mark.parametrize("kind", FULL, ids=lambda kind: kind.__name__)
def test_an_account_without_anything_to_do_changes_no_count(kind: type[Any]) -> None:
    total = kind()
    total.add_account(ADA, FULL[kind])
    before = total.counts()
    total.add_account(BOB, kind())
    assert total.counts() == before


def test_one_accounts_skew_is_not_hidden_by_those_that_are_as_they_should_be() -> None:
    total = FeatureSummary()
    total.add_account(ADA, FeatureSummary(compared=10, skewed=1))
    assert total.counts()["features_skew"] == 1
    total.add_account(BOB, FeatureSummary(compared=100_000))
    assert total.skewed <= total.compared / 1000
    assert (total.counts()["features_skew"], total.skewed_in) == (1, [ADA])


def test_few_vectors_of_each_kind_are_judged_together_within_an_account() -> None:
    entry, of_open = FeatureSummary(compared=1000), FeatureSummary(compared=10, skewed=1)
    entry.add(of_open)
    assert not entry.is_skewed
    assert entry.skewed_in == []


def test_drift_is_told_with_its_account_where_two_have_a_model_of_one_name() -> None:
    total = TrackingSummary()
    for account_id in (ADA, BOB):
        total.add_account(account_id, TrackingSummary(drifting={"m1": ("worse",)}))
    assert total.drifting == {"ada: m1": ("worse",), "bob: m1": ("worse",)}
    assert total.counts()["models_drifting"] == 2


def test_why_accounts_have_no_scores_is_told_with_their_names_but_not_of_all() -> None:
    total = ScoringSummary()
    for number in range(MOST_NAMED + 3):
        total.add_account(AccountId(f"a{number:02d}"), ScoringSummary(unserved="no model"))
    told = total.troubles()["unserved"].split("; ")
    assert told == [f"a{number:02d}: no model" for number in range(MOST_NAMED)]
    assert total.counts()["models_refused"] == 0
    assert ScoringSummary().troubles() == {}


def test_accounts_whose_newer_champion_was_refused_are_counted() -> None:
    total, other = ScoringSummary(), ScoringSummary(troubled={"refused": ["m2 is not asked"]})
    total.add_account(ADA, other)
    total.add_account(BOB, replace(other))
    assert total.counts()["models_refused"] == 2
    assert total.troubles() == {"refused": "ada: m2 is not asked; bob: m2 is not asked"}


def test_a_training_that_did_not_end_is_a_failed_one() -> None:
    total = TrainingSummary(failures=["ada: ValueError in fit, line 3: nan"])
    total.add_account(BOB, a_trained("failed"))
    assert total.counts()["trainings_failed"] == 2
    assert total.counts()["trainings"] == 1


def test_a_stale_champion_of_any_account_is_told_and_others_do_not_make_it_more() -> None:
    total = TrainingSummary()
    for account_id, is_stale in ((ADA, True), (BOB, False), (AccountId("cyd"), True)):
        own = TrainingSummary(champion=a_champion(account_id), is_champion_stale=is_stale)
        total.add_account(account_id, own)
    assert total.counts()["champion_stale"] == 1
    told = total.facts()["accounts"]
    assert isinstance(told, dict)
    assert {account: facts["champion"] for account, facts in told.items()} == {
        "ada": "ada", "cyd": "cyd",
    }  # fmt: skip


def test_no_model_is_kept_and_no_more_accounts_are_told_than_a_line_holds() -> None:
    total = TrainingSummary()
    for number in range(MOST_NAMED + 3):
        total.add_account(AccountId(f"a{number:02d}"), a_trained())
    assert total.counts()["trainings_published"] == MOST_NAMED + 3
    told = total.facts()["accounts"]
    assert isinstance(told, dict)
    assert len(told) == MOST_NAMED
    assert (total.training, total.further, total.concluded) == (None, (), None)
