"""A rule that is on and silent is as good as off, to the bit."""

from hypothesis import given
from hypothesis import strategies as st

from stopward.replay.silence import LIMITS, SILENT, all_on
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
