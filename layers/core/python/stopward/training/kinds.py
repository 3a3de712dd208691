"""What differs between models of entries and of open positions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from stopward.domain.features.row import Kind
from stopward.training.dataset import Dataset, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How trades of a kind are judged.

    registered: features for few trades, chosen before anybody looked; without any the first of the
    registry. telling: features that may tell much alone. plain: features of what a model must know
    more than; without any it must know more than the win rate. aside: the feature with the result,
    in R, of whoever is not in the trade any more; None where that is nothing.
    """

    registered: tuple[str, ...] = ()
    telling: frozenset[str] = frozenset()
    plain: tuple[str, ...] = ()
    aside: str | None = None


RECIPES: Final[Mapping[Kind, Recipe]] = {
    "entry": Recipe(),
    "open": Recipe(
        registered=(
            "r_now", "mfe_r", "mae_r", "given_back", "age_minutes", "minutes_since_best",
            "stop_distance_r", "target_distance_r", "momentum_5", "relative_volume",
            "market_trend", "minutes_to_close",
        ),
        # They say where the price stands between stop and target, which decides much of the rest:
        # of a price that walks at random `r_now` alone has an area of 0.71, with a drift of 0.80.
        telling=frozenset(
            {"r_now", "mfe_r", "mae_r", "given_back", "stop_distance_r", "target_distance_r"}
        ),
        # And it is no edge either: whoever looks at the position knows it.
        plain=("r_now", "stop_distance_r", "target_distance_r", "minutes_to_close"),
        aside="r_now",
    ),
}  # fmt: skip


def registered_of(kind: Kind, names: Sequence[str], given: Sequence[str]) -> tuple[str, ...]:
    """Return which features few trades are limited to: those that were given, else the kind's."""
    return tuple(given) or _there(RECIPES[kind].registered, names)


def allowed_of(kind: Kind, names: Sequence[str], given: Collection[str]) -> frozenset[str]:
    """Return which features may tell much alone: those that were given, and the kind's."""
    return frozenset(given) | frozenset(_there(RECIPES[kind].telling, names))


def plain_of(kind: Kind, names: Sequence[str]) -> tuple[str, ...]:
    """Return the features of what a model of the kind must know more than, those that are there."""
    return _there(RECIPES[kind].plain, names)


def aside_of(kind: Kind, trades: Dataset) -> Floats | None:
    """Return the result in R, a trade each, of who is not in it any more; nan where unknown.

    Of an entry nothing; of a position that is open what it has at that moment, before the costs of
    ending it. None for trades that lack the feature which says so.
    """
    name = RECIPES[kind].aside
    if name is None:
        return np.zeros(len(trades))
    if name not in trades.names:
        return None
    return trades.x[:, trades.names.index(name)].astype(np.float64)


def _there(wanted: Collection[str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in wanted)
