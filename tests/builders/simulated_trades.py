"""Simulated journals: closed trades without an edge, or with one of a given strength."""

from math import sqrt
from statistics import NormalDist

import numpy as np

from stopward.training.dataset import Dataset, dataset

FEATURES = 24
MISSING = 0.06
HOUR = 3_600_000_000
DAY = 24 * HOUR
OPENS = 14 * HOUR + HOUR // 2
SESSION = 6 * HOUR + HOUR // 2
FIRST_DAY = 19_700
SCHEMA = "5" * 64
INFORMATIVE = 4


def some_trades(
    count: int,
    *,
    oracle_auc: float = 0.5,
    seed: int = 0,
    features: int = FEATURES,
    a_day: int = 4,
    holding_minutes: float = 30.0,
    missing: float = MISSING,
    win_rate: float = 0.5,
    together: float = 0.0,
    overnight: bool = False,
) -> Dataset:
    """Return a journal: `a_day` trades a weekday, each held about so long.

    oracle_auc: of who knows the true chance of each trade; 0.5 is no edge. The first INFORMATIVE
    features share it and the others are noise; values are missing at random. together: correlation
    of what the features do not tell within a day, 0 to 1. overnight: trades may outlive a session.
    """
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, features)).astype(np.float32)
    # Two normals apart by d have AUC Phi(d / sqrt 2); a latent cut at the win rate is near to it.
    apart = sqrt(2.0) * NormalDist().inv_cdf(oracle_auc)
    signal = x[:, :INFORMATIVE].sum(axis=1) / sqrt(INFORMATIVE)
    share = _share_of_latent(apart)
    chance = sqrt(1.0 - together) * random.normal(size=count)
    chance += sqrt(together) * random.normal(size=count)[np.arange(count) // a_day]
    latent = share * signal + sqrt(1.0 - share**2) * chance
    won = latent > NormalDist().inv_cdf(1.0 - win_rate)
    net_r = np.where(won, random.uniform(0.2, 2.0, count), -random.uniform(0.2, 1.1, count))
    day = FIRST_DAY + np.arange(count) // a_day
    day += 2 * (np.arange(count) // a_day // 5)
    entry_at = day * DAY + OPENS + random.integers(0, SESSION - HOUR, count)
    held = random.exponential(holding_minutes, count) * HOUR / 60
    exit_at = entry_at + held.astype(np.int64)
    if not overnight:
        exit_at = np.minimum(exit_at, day * DAY + OPENS + SESSION)
    x[random.random(x.shape) < missing] = np.nan
    return dataset(
        x=x,
        names=tuple(f"feature_{number}" for number in range(features)),
        schema_hash=SCHEMA,
        net_r=net_r,
        entry_at=entry_at,
        exit_at=exit_at,
    )


def _share_of_latent(apart: float) -> float:
    """Return the correlation of signal and latent that sets the classes' means so far apart.

    At a win rate of a half the means of the signal lie 2 r phi(0) / 0.5 apart, r the correlation,
    and its spread within a class is sqrt(1 - r^2 2 / pi).
    """
    return apart / sqrt(8.0 / np.pi + apart**2 * 2.0 / np.pi)
