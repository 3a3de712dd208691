"""A rule that is on and silent is as good as off, to the bit."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.rulebook import parse
from stopward.replay import engine
from stopward.replay.run import replay
from stopward.replay.silence import LIMITS, SILENT, all_on
from stopward.replay.terms import Conditions
from stopward.rules.kernel import observe, propose, settle
from stopward.rules.parameters import Rules
from stopward.rules.types import NAN
from tests.builders.kernel_random import (
    a_random_account,
    a_random_bar,
    a_random_state,
    dice,
    some_rules,
)
from tests.builders.replay import a_table, some_positions


def test_all_but_the_limits_of_the_day_can_be_silent() -> None:
    off = {name for name, value in SILENT._asdict().items() if value is None}
    assert off == set(LIMITS) == {"day_loss", "day_profit"}
    assert [type(each) for each in all_on(Rules())] == [type(each) for each in SILENT]


@given(seed=st.integers(0, 2**32), side=st.sampled_from([1.0, -1.0]))
def test_silent_rules_decide_as_if_they_were_off(seed: int, side: float) -> None:
    rng = dice(seed)
    rules = some_rules(rng)
    state = a_random_state(rng, side)._replace(quiet=0.0, hits=0.0)
    for _ in range(8):
        bar, account = a_random_bar(rng, state.entry), a_random_account(rng)
        seen = observe(state, bar, rules)
        assert repr(observe(state, bar, all_on(rules))) == repr(seen)
        proposal = propose(seen, bar, account, rules)
        assert repr(propose(seen, bar, account, all_on(rules))) == repr(proposal)
        state = settle(seen, proposal, rng.choice([NAN, bar.close]))
        state = state._replace(quantity=seen.quantity, pending=0.0)


def test_machine_code_of_its_own_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = dice(7)
    table = a_table(rng)
    positions = some_positions(rng, table, count=60)
    book = parse(
        '[account]\nadopt = "all"\n[rules.breakeven]\narm = "0.5 r"\n'
        '[rules.session_flat]\nminutes = 5\n[rules.partial]\nat_1 = "0.6 r"\nfraction_1 = 0.5\n',
        source="test",
    )
    walked = partial(replay, positions, table, book, Conditions())
    shared = walked()
    monkeypatch.setattr(engine, "MANY", 0)
    own = walked()
    assert [column.tobytes() for column in own.outcomes] == [
        column.tobytes() for column in shared.outcomes
    ]
    assert len({shared.rule(row) for row in range(len(shared))}) > 1
