"""One thread: sums in one order, whatever machine adds them up."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which scikit-learn and BLAS use one thread.

    The same input then gives the same bits, and small work does not wait for busy cores.
    """
    limited: AbstractContextManager[Any] = _controller().limit(limits=1)
    return limited


@cache
def _controller() -> Any:
    # Libraries must be loaded to be found; looking for them takes as long as a small fit.
    import sklearn.ensemble  # noqa: F401

    return ThreadpoolController()
