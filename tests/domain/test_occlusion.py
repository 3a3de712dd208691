"""What moved a score: each feature replaced by its usual value, in one batch."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.features.vector import Vector
from stopward.domain.scoring.occlusion import (
    LEAST_EFFECT,
    MOVED,
    Moved,
    most_moved,
    packed,
    with_replacements,
)

NUMBERS = st.floats(-100, 100, width=32)
SOME = st.one_of(st.none(), NUMBERS)
VECTORS = st.lists(st.tuples(SOME, SOME, SOME), min_size=1, max_size=4)
USUAL = st.tuples(SOME, SOME, SOME)


def test_a_row_is_followed_by_one_for_each_feature_replaced() -> None:
    rows = with_replacements([(1.0, None, 3.0)], (10.0, 20.0, None))
    assert rows.typecode == "f"
    told = [None if each != each else each for each in rows]  # noqa: PLR0124 - nan
    assert told == [
        1.0, None, 3.0,
        10.0, None, 3.0,
        1.0, 20.0, 3.0,
        1.0, None, 3.0,
    ]  # fmt: skip


@given(vectors=VECTORS, usual=USUAL)
def test_only_the_place_of_a_feature_is_replaced(vectors: list[Vector], usual: Vector) -> None:
    rows = with_replacements(vectors, usual)
    wanted: list[Vector] = []
    for vector in vectors:
        wanted.append(vector)
        for place, value in enumerate(usual):
            kept = vector[place] if value is None else value
            wanted.append((*vector[:place], kept, *vector[place + 1 :]))
    assert rows.tobytes() == packed(wanted).tobytes()
    assert packed([]) == array("f")


def moved_by(*effects: float, usual: Vector | None = None) -> list[str]:
    names = [f"f{place}" for place in range(len(effects))]
    found = most_moved(
        tuple(1.0 for _ in effects),
        names=names,
        usual=tuple(0.0 for _ in effects) if usual is None else usual,
        probability=0.5,
        replaced=[0.5 - each for each in effects],
    )
    assert [each.effect for each in found] == sorted(
        (each.effect for each in found), key=lambda effect: -abs(effect)
    )
    return [each.feature for each in found]


def test_the_largest_effects_are_told_in_either_direction_the_first_of_equal_ones_first() -> None:
    assert moved_by(0.01, -0.3, 0.2) == ["f1", "f2", "f0"]
    assert moved_by(0.25, -0.25, 0.25) == ["f0", "f1", "f2"]
    assert moved_by(*[0.125] * 9) == ["f0", "f1", "f2", "f3", "f4"]
    assert MOVED == 5


def test_what_has_no_effect_or_no_usual_value_is_not_told() -> None:
    assert moved_by(0.0, LEAST_EFFECT / 2, 2 * LEAST_EFFECT) == ["f2"]
    assert moved_by(0.2, 0.1, usual=(None, 0.0)) == ["f1"]


def test_an_effect_is_what_the_value_adds_to_the_probability() -> None:
    (moved,) = most_moved((None,), names=["gap"], usual=(2.0,), probability=0.75, replaced=[0.5])
    assert moved == Moved(feature="gap", value=None, usual=2.0, effect=0.25)
