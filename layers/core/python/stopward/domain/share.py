"""How sure a share is that was counted."""

from math import sqrt
from statistics import NormalDist


def wilson(hits: int, count: int, *, tail: float) -> tuple[float, float]:
    """Return the bounds of a share, `tail` beyond each; count: 1 or more.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", Journal
    of the American Statistical Association 22, 1927.
    """
    z = NormalDist().inv_cdf(1.0 - tail)
    share, room = hits / count, z * z / count
    middle = (share + room / 2.0) / (1.0 + room)
    reach = z * sqrt(share * (1.0 - share) / count + room / (4.0 * count)) / (1.0 + room)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
