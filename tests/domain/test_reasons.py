"""Why: each rule that was true, with what it alone would have done."""

from stopward.domain.decide import decide
from stopward.domain.reasons import reasons_of
from stopward.rules.parameters import Breakeven, Partial, Ratchet, Rules, TimeStop
from stopward.rules.types import NAN, Bar
from tests.builders.kernel import NOTHING, OFF, a_bar, an_account, r
from tests.builders.positions import a_position

RULES = Rules(
    time_stop=TimeStop(15.0, NAN),
    partial=Partial(r(2), 0.5, OFF, NAN, OFF, NAN),
    breakeven=Breakeven(r(1), NOTHING),
    ratchet=Ratchet(2.0, 1.0, NAN, NAN, NAN, NAN, NAN, NAN),
)


def told(bar: Bar, **marks: float) -> dict[str, tuple[str, float | None, float | None]]:
    position = a_position()
    position = a_position(marks=position.marks._replace(**marks))
    verdict = decide(position, bar, an_account(), RULES)
    reasons = reasons_of(verdict, bar, an_account())
    assert all(reason.sentence for reason in reasons)
    return {reason.rule: (reason.wanted, reason.price, reason.quantity) for reason in reasons}


def test_a_quiet_bar_has_no_reasons() -> None:
    assert told(a_bar(100.5)) == {}


def test_a_rule_that_lost_still_shows_its_wish() -> None:
    assert told(a_bar(104.0), best=104.0) == {
        "partial": ("reduce", None, 50.0),
        "breakeven": ("move_stop", 100.01, None),
        "ratchet": ("move_stop", 102.0, None),
    }


def test_the_stop_is_a_reason_of_its_own() -> None:
    assert told(a_bar(97.5))["stop"] == ("exit", None, 100.0)


def test_reasons_come_in_order_of_priority() -> None:
    assert list(told(a_bar(99.0), age=20.0, best=103.0)) == ["time_stop", "breakeven"]
