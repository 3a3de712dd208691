"""Whether calm stretches are passed over, by blocks or not, compiled or not, changes no number."""

import numpy as np
import pytest

from stopward.domain.rulebook import RuleBook, parse
from stopward.replay import compiled, engine
from stopward.replay.run import replay
from stopward.replay.terms import Conditions
from stopward.rules import walk
from stopward.rules.calm import Calm
from stopward.rules.course import Course
from tests.builders.kernel_random import dice
from tests.builders.replay import a_table, some_positions

RULES = {
    "nothing": "",
    "trail and target": (
        '[rules.percent_trail]\narm = "0 %"\ndistance = "0.8 %"\n'
        '[rules.target]\ndistance = "2 %"\nresting = true\n'
    ),
    "standard": (
        '[rules]\npreset = "standard"\n'
        "[limits.day_loss]\nenabled = false\n[limits.day_profit]\nenabled = false\n"
    ),
    "standard, with the limits of the day": '[rules]\npreset = "standard"\n',
    "steps": (
        '[rules.ratchet]\n[rules.breakeven]\narm = "0.5 r"\n'
        '[rules.partial]\nat_1 = "0.6 r"\nfraction_1 = 0.5\n[rules.time_stop]\nminutes = 40\n'
    ),
}


def bits(book: RuleBook, seed: int) -> list[bytes]:
    """Return every outcome of some random positions."""
    rng = dice(seed)
    table = a_table(rng)
    found = replay(some_positions(rng, table, count=40), table, book, Conditions())
    return [np.asarray(column).tobytes() for column in found.outcomes]


def none_passed(course: Course, calm: Calm, *_: object) -> Course:
    return course


@pytest.mark.parametrize("rules", RULES)
def test_however_it_is_walked(rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    book = parse('[account]\nadopt = "all"\n' + RULES[rules], source="test")
    seeds = range(4)
    by_blocks = [bits(book, seed) for seed in seeds]
    monkeypatch.setattr(engine, "MANY_TIMES", 10**9)
    assert [bits(book, seed) for seed in seeds] == by_blocks
    monkeypatch.setattr(compiled, "_is_ready", lambda _: False)
    monkeypatch.setattr(compiled, "_is_patient", False)
    assert [bits(book, seed) for seed in seeds] == by_blocks
    monkeypatch.setattr(engine, "MANY_TIMES", 0)
    assert [bits(book, seed) for seed in seeds] == by_blocks
    monkeypatch.setattr(walk, "passed", none_passed)
    assert [bits(book, seed) for seed in seeds] == by_blocks
