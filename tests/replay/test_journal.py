"""What a guard decided is decided again from what it wrote, and what was changed is found."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from math import inf, nextafter
from typing import Any

import pytest

from stopward.adapters.memory_decisions import MemoryDecisions
from stopward.domain.decision import Exit, Hold
from stopward.domain.recorded import DecisionPage, RecordedDecision
from stopward.domain.snapshot import DecisionRow
from stopward.local.simulator import Fault
from stopward.replay.journal import (
    Agreed,
    Disagreed,
    Lacking,
    OtherVersion,
    Tally,
    added,
    decide_again,
    decide_page_again,
    pages_of,
)
from stopward.rules.types import Bar
from tests.builders.guard import ACCOUNT, ADOPT_ALL, World, a_world
from tests.builders.positions import d
from tests.builders.simulator import AAPL, a_simulator, at, flat

RULES = (
    f"{ADOPT_ALL}[rules.breakeven]\narm = 1\n[rules.session_flat]\nminutes = 10\n"
    "[tag.runner.rules.breakeven]\narm = 4\n"
    "[tag.impatient.rules.time_stop]\nenabled = true\nminutes = 1\n"
)
RISING = [(100 + n / 2, 100.6 + n / 2, 99.9 + n / 2, 100.5 + n / 2) for n in range(12)]
Seen = Callable[[RecordedDecision], bool]


def all_of(world: World, *, page_rows: int = 1000) -> DecisionPage:
    """Return the account's whole journal as one page."""
    pages = list(pages_of(MemoryDecisions(world.memory, page_rows=page_rows), ACCOUNT))
    return DecisionPage(
        decisions=tuple(each for page in pages for each in page.decisions),
        other_versions=sum(page.other_versions for page in pages),
        rule_sets=pages[0].rule_sets,
    )


def none_disagrees(found: Disagreed) -> None:
    raise AssertionError(found.differences)


def rising(world: World) -> None:
    world.open(stop="98")
    world.run(1, 8)


def loosened(world: World) -> None:
    world.open(stop="98")
    world.run(1, 2)
    world.simulator.hand_move_stop(AAPL, d(97))
    world.run(3, 9)


def tagged(world: World) -> None:
    world.open(stop="98")
    world.run(1, 2)
    world.memory.tag_symbol(ACCOUNT, AAPL, "runner")
    world.run(3, 9)


def halted(world: World) -> None:
    world.open(stop="98")
    world.run(1, 2)
    world.memory.halt(ACCOUNT, reason="test")
    world.run(3, 8)


def pulsing(world: World) -> None:
    world.open(stop="98")
    for pulse in range(4, 40):
        world.tick(pulse / 4)


def is_loosened(each: RecordedDecision) -> bool:
    given = each.row.circumstances
    return given is not None and given.hand_loosened


@pytest.mark.parametrize(
    ("story", "seen"),
    [
        pytest.param(rising, lambda each: each.row.decision != Hold(), id="a stop is moved"),
        pytest.param(loosened, is_loosened, id="loosened by hand"),
        pytest.param(tagged, lambda each: True, id="other rules by a tag"),
        pytest.param(halted, lambda each: each.row.account[-1] == 1.0, id="halted"),
        pytest.param(pulsing, lambda each: not each.row.closed_bar, id="pulses inside the bar"),
    ],
)
def test_every_decision_is_decided_again(story: Callable[[World], None], seen: Seen) -> None:
    with a_world(*RISING, rules=RULES) as world:
        story(world)
        page = all_of(world)
    assert any(seen(each) for each in page.decisions)
    tally = decide_page_again(page, on_disagreement=none_disagrees)
    assert tally == Tally(agreed=len(page.decisions))


def test_a_tag_gives_a_position_another_rule_set_and_ends_the_run() -> None:
    with a_world(*RISING, rules=RULES) as world:
        tagged(world)
        page = all_of(world)
    named = [each.row.circumstances for each in page.decisions]
    assert {given.rule_set for given in named if given is not None} == set(page.rule_sets)
    assert len(page.rule_sets) == 2


@pytest.mark.parametrize("days", [0, 10])
def test_a_position_of_another_day_is_decided_again_without_the_session_flat(days: int) -> None:
    simulator = a_simulator(*flat(100, 390), start=at(370))
    with a_world(rules=RULES, simulator=simulator) as world:
        world.open(stop="98", at=at(370) - timedelta(days=days))
        world.run(371, 382)
        page = all_of(world)
        assert world.shares() == (100 if days else 0)
    tally = decide_page_again(page, on_disagreement=none_disagrees)
    assert tally == Tally(agreed=len(page.decisions))


def test_a_stale_quote_leaves_the_rules_that_need_no_price_and_is_decided_again() -> None:
    simulator = a_simulator(*flat(100, 390), start=at(370))
    with a_world(rules=RULES, simulator=simulator) as world:
        world.open(stop="98")
        world.run(371, 379)
        path = "/v2/stocks/quotes/latest"
        world.simulator.fault(Fault(kind="stale_quote", path=path, seconds=60))
        # The time stop is due at once, but wants a price; the change of rules begins a row.
        world.memory.tag_symbol(ACCOUNT, AAPL, "impatient")
        world.tick(379.5)
        page = all_of(world)
        assert world.shares() == 100
    last = page.decisions[-1]
    assert last.view is not None
    assert (last.view.fault, last.row.closed_bar) == ("stale", False)
    tally = decide_page_again(page, on_disagreement=none_disagrees)
    assert tally == Tally(agreed=len(page.decisions))


def test_a_breach_without_a_stop_that_rests_is_taken_at_once_and_decided_again() -> None:
    with a_world(*flat(100, 3), *flat(97, 4), rules=RULES) as world:
        world.open(stop="98")
        world.run(1, 2)
        world.simulator.hand_cancel(AAPL)
        world.tick(4)
        assert world.shares() == 0
        page = all_of(world)
    last = page.decisions[-1].row
    assert last.circumstances is not None
    assert (last.decision, last.circumstances.covered) == (Exit(rule="stop"), False)
    tally = decide_page_again(page, on_disagreement=none_disagrees)
    assert tally == Tally(agreed=len(page.decisions))


def test_a_breach_is_left_to_the_stop_and_then_taken_and_both_decided_again() -> None:
    with a_world((100, 101, 100, 101), (101, 101, 101, 101), *flat(108, 5)) as world:
        world.open(side="short", stop="102")
        for minutes in (1, 2, 2.25, 2.5):
            world.tick(minutes)
        page = all_of(world)
    decided = [each.row.decision for each in page.decisions if each.row.fired]
    assert decided == [Hold(), Exit(rule="stop")]
    tally = decide_page_again(page, on_disagreement=none_disagrees)
    assert tally == Tally(agreed=len(page.decisions))


@pytest.mark.parametrize(
    ("rules", "locked"),
    [("[limits.day_loss]\nloss_r = 0.5\n", 2.0), ("[limits.day_profit]\narm_r = 0.5\n", 3.0)],
)
def test_a_day_that_is_locked_is_decided_again(rules: str, locked: float) -> None:
    prices = [(100 + n, 100.5 + n, 99.5 + n, 100 + n) for n in (0, 1, 2, 3, 2, 1, 0, -1, -1.5, -1)]
    with a_world(*prices, *flat(99, 4), rules=ADOPT_ALL + rules) as world:
        world.open(stop="97")
        world.tick(1)
        world.run(2, 9)
        assert world.shares() == 0
        world.open(stop="90")
        world.run(10, 12)
        page = all_of(world)
    assert any(each.row.account[4] == locked for each in page.decisions)
    tally = decide_page_again(page, on_disagreement=none_disagrees)
    assert tally == Tally(agreed=len(page.decisions))


@pytest.fixture(scope="module")
def page() -> DecisionPage:
    with a_world(*RISING, rules=RULES) as world:
        rising(world)
        return all_of(world)


def acting(page: DecisionPage) -> RecordedDecision:
    return next(each for each in page.decisions if each.row.decision != Hold())


def fields_of(recorded: RecordedDecision, page: DecisionPage) -> list[str]:
    outcome = decide_again(recorded, page.rule_sets)
    assert isinstance(outcome, Disagreed)
    assert outcome.recorded is recorded
    return [each.field for each in outcome.differences]


def bit_up(number: float) -> float:
    return nextafter(number, inf)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda row: replace(row, decision=Hold()), "decision"),
        (lambda row: replace(row, fired=row.fired + 1), "fired"),
        (lambda row: replace(row, price=bit_up(row.price)), "price"),
        (lambda row: replace(row, closed_bar=not row.closed_bar), "closed_bar"),
        (lambda row: replace(row, reasons=()), "reasons"),
        (lambda row: replace(row, state=row.state._replace(best=row.state.entry)), "fired"),
        (lambda row: replace(row, account=(*row.account[:-1], 1.0)), "decision"),
        (lambda row: replace(row, account=()), "inputs"),
        (lambda row: replace(row, mask="none of ours"), "inputs"),
    ],
)
def test_one_changed_field_is_found(
    page: DecisionPage, change: Callable[[DecisionRow], DecisionRow], field: str
) -> None:
    recorded = acting(page)
    changed = replace(recorded, row=change(recorded.row))
    assert field in fields_of(changed, page)
    assert isinstance(decide_again(recorded, page.rule_sets), Agreed)


def test_a_changed_view_is_found(page: DecisionPage) -> None:
    recorded = acting(page)
    view: Any = recorded.view
    lower = tuple(Bar(*view.bar)._replace(close=bit_up(Bar(*view.bar).close)))
    assert "price" in fields_of(replace(recorded, view=replace(view, bar=lower)), page)
    assert fields_of(replace(recorded, view=replace(view, bar=())), page) == ["inputs"]


def test_rules_that_are_not_what_their_name_says_are_found(page: DecisionPage) -> None:
    recorded = acting(page)
    given: Any = recorded.row.circumstances
    other = replace(page.rule_sets[given.rule_set], numbers={"session_flat": (11.0,)})
    outcome = decide_again(recorded, {given.rule_set: other})
    assert isinstance(outcome, Disagreed)
    assert [each.field for each in outcome.differences] == ["rules"]


def test_what_cannot_be_decided_again_is_counted_and_never_agrees(page: DecisionPage) -> None:
    recorded = page.decisions[0]
    old = replace(recorded, row=replace(recorded.row, circumstances=None))
    foreign = replace(recorded, row=replace(recorded.row, rule_version="2020.1"))
    blind = replace(recorded, view=None)
    assert decide_again(old, page.rule_sets) == Lacking(what="circumstances")
    assert decide_again(foreign, page.rule_sets) == OtherVersion()
    assert decide_again(blind, page.rule_sets) == Lacking(what="view")
    assert decide_again(recorded, {}) == Lacking(what="rules")
    mixed = DecisionPage(
        decisions=(old, foreign, blind, recorded), other_versions=3, rule_sets=page.rule_sets
    )
    tally = decide_page_again(mixed, on_disagreement=none_disagrees)
    assert tally == Tally(agreed=1, other_versions=4, lacking_circumstances=1, lacking_view=1)
    assert (tally.rows, tally.lacking) == (7, 2)
    assert added(tally, tally).rows == 14


def test_pages_follow_each_other_without_a_gap() -> None:
    with a_world(*RISING, rules=RULES) as world:
        pulsing(world)
        whole, small = all_of(world), all_of(world, page_rows=2)
    assert len(whole.decisions) > 4
    assert small.decisions == whole.decisions
