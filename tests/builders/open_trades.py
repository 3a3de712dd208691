"""Simulated trades that are looked at when they are of an age that is drawn for each."""

from typing import Final

import numpy as np

from stopward.domain.features import names, schema_hash
from stopward.domain.features.teaching import AGES
from stopward.training.dataset import Dataset, dataset

NAMES: Final = names("open")
SCHEMA_HASH: Final = schema_hash("open")
SESSION: Final = 390
OPENS: Final = 870
FIRST_DAY: Final = 19_700
STOP_R: Final = -1.0
TARGET_R: Final = 2.0
COST_R: Final = 0.02
STEP_R: Final = 0.1
"""Of the price in a minute."""
MINUTE: Final = 60_000_000
DAY: Final = 1_440 * MINUTE
INFORMATIVE: Final = (
    "vwap_distance", "momentum_5", "atr_percent", "relative_volume", "market_trend",
)  # fmt: skip


def open_trades(count: int, *, edge: float = 0.0, seed: int = 0, a_day: int = 6) -> Dataset:
    """Return trades whose price walks by minutes until stop, target or the session's end.

    Who closed before its age is none of them. Where it stands tells much of its end, edge or not.
    edge: how much of a step a minute it drifts, by what some features tell together; the others are
    noise.
    """
    random = np.random.default_rng(seed)
    rows, results, begins, ends = [], [], [], []
    while len(results) < count:
        day = FIRST_DAY + len(results) // a_day * 7 // 5
        entered = int(random.integers(0, SESSION - 90))
        row = dict(zip(NAMES, random.normal(size=len(NAMES)), strict=True))
        drift = edge * STEP_R * sum(row[name] for name in INFORMATIVE) / len(INFORMATIVE)
        price = np.cumsum(random.normal(drift, STEP_R, SESSION - entered))
        over = np.flatnonzero((price <= STOP_R) | (price >= TARGET_R))
        last = int(over[0]) if len(over) else len(price) - 1
        place = int(random.choice(AGES))
        if place >= last:
            continue
        row |= _stands(price[: place + 1])
        row["minutes_to_close"] = SESSION - entered - place
        opens = day * DAY + (OPENS + entered) * MINUTE
        rows.append([row[name] for name in NAMES])
        results.append(float(np.clip(price[last], STOP_R, TARGET_R)) - COST_R)
        begins.append(opens + place * MINUTE)
        ends.append(opens + last * MINUTE)
    return dataset(
        x=rows, names=NAMES, schema_hash=SCHEMA_HASH, net_r=results, entry_at=begins, exit_at=ends
    )


def _stands(lived: np.ndarray) -> dict[str, float]:
    """Return the features of how a position stands after these minutes."""
    now, best = float(lived[-1]), max(0.0, float(lived.max()))
    return {
        "r_now": now,
        "mfe_r": best,
        "mae_r": max(0.0, -float(lived.min())),
        "given_back": (best - now) / best if best > 0.0 else float("nan"),
        "age_minutes": float(len(lived)),
        "minutes_since_best": float(len(lived) - 1 - lived.argmax()),
        "stop_distance_r": now - STOP_R,
        "target_distance_r": TARGET_R - now,
    }


def random_walks(count: int, *, seed: int) -> list[tuple[np.ndarray, bool]]:
    """Return prices by minute, in R from the entry to the end, and whether it was won."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        price = np.cumsum(random.normal(0.0, STEP_R, SESSION))
        over = np.flatnonzero((price <= STOP_R) | (price >= TARGET_R))
        last = int(over[0]) if len(over) else SESSION - 1
        found.append((price[: last + 1], bool(price[last] > 0.0)))
    return found
