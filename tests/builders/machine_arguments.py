"""What random kernel programs (`machine_programs`) are called with."""

from typing import Any, Final

import numpy as np
from hypothesis import strategies as st

NUMBERS: Final = (0.0, -0.0, 1.0, -1.0, 0.1, 3.0, -2.5, 1e16, 1e308, -1e308, 5e-324, 1e-310)
FLOATS: Final = st.one_of(
    st.sampled_from((*NUMBERS, float("inf"), float("-inf"), float("nan"), 2.0**63)),
    st.floats(-10.0, 10.0),
    st.floats(),
)
PLACES: Final = st.sampled_from((0, 1, 2, 2, 3, -1))


class Strict:
    """A column as the rules mean it: numbers of one kind, and no places before the first."""

    def __init__(self, numbers: Any) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, at: int) -> Any:
        if at < 0:
            raise IndexError(at)
        return self._numbers[at].item()

    def __setitem__(self, at: int, number: float) -> None:
        if at < 0:
            raise IndexError(at)
        self._numbers[at] = number


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, Any]:
    """Return what a program is called with; columns of several lengths and orders."""

    def column() -> Any:
        numbers = draw(st.lists(FLOATS, min_size=draw(st.sampled_from((1, 3, 3, 3))), max_size=5))
        whole = np.full((len(numbers), 3), 77.0)
        apart = draw(st.sampled_from(("close", "apart", "backwards")))
        found = {"close": np.zeros(len(numbers)), "apart": whole[:, 1], "backwards": whole[::-1, 1]}
        found[apart][:] = numbers
        return found[apart]

    return {
        "a": column(), "b": column(), "one": column(), "other": column(),
        "rows": np.array(draw(st.lists(PLACES, min_size=3, max_size=4))),
        "box": [draw(FLOATS) for _ in range(5)], "has_more": draw(st.booleans()),
        "x": draw(FLOATS), "y": draw(FLOATS),
        "n": draw(st.one_of(st.integers(-3, 5), st.sampled_from((2**53 + 1, -(2**62))))),
        "t": draw(st.booleans()),
    }  # fmt: skip
