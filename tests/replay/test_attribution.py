"""What a rule saved or cost: without it, everything else the same."""

from math import isnan

import numpy as np
import pytest

from stopward.domain.rulebook import RuleBook, parse
from stopward.replay.attribution import attribute
from stopward.replay.paired import difference, interval
from stopward.replay.results import Results
from stopward.replay.run import replay
from stopward.replay.silence import book_without, rules_on, silenced
from stopward.rules.columns import Market
from stopward.rules.kernel import BOOKS_TARGET
from stopward.rules.parameters import Rules
from stopward.rules.walk import EXECUTABLE, Terms
from tests.builders.kernel import ONE_TICK, an_account, blank_outcomes, walk_through
from tests.builders.kernel_random import a_market, all_rules, dice, some_entries
from tests.builders.replay import a_table, some_positions
from tests.replay.test_engine import FREE, one

MARKET = a_market(dice(0), symbols=2, length=70)
TRAIL = '[account]\nadopt = "all"\n[rules.breakeven]\narm = "0.5 r"\n'


def outcomes(rules: Rules, *, seed: int) -> list[list[float]]:
    rng = dice(seed)
    entries = some_entries(rng, MARKET, symbols=2, length=70, rows=16)
    written, account = blank_outcomes(16), an_account(day_r=-4.0, peak_r=4.0)
    terms = Terms(EXECUTABLE, BOOKS_TARGET, ONE_TICK)
    walk_through(range(16), entries, Market(MARKET, None), account, rules, terms, written)
    return [[-9e9 if isnan(x) else x for x in column] for column in written]


@pytest.mark.parametrize("rule", Rules._fields)
def test_a_silent_rule_is_as_good_as_off(rule: str) -> None:
    for seed in range(4):
        rules = all_rules(dice(seed))
        alone = Rules(**{rule: getattr(rules, rule)})
        off, silent = rules._replace(**{rule: None}), silenced(rules, rule)
        assert outcomes(silent, seed=seed) == outcomes(off, seed=seed)
        assert outcomes(silenced(alone, rule), seed=seed) == outcomes(Rules(), seed=seed)


def test_a_rule_is_silent_for_symbols_and_tags_too() -> None:
    book = parse(
        TRAIL
        + '[symbol.ACME.rules.breakeven]\narm = "1 r"\n'
        + '[tag.day.rules.breakeven]\narm = "2 r"\n[tag.night.rules.breakeven]\nenabled = false\n',
        source="test",
    )
    assert rules_on(book) == ("breakeven",)
    silent = book_without(book, "breakeven")
    for symbol, tags in (("ACME", ()), ("BOLT", ()), ("BOLT", ("day",))):
        found = silent.rules_for(symbol, tags).breakeven
        assert found is not None
        assert found.arm.value != found.arm.value
    assert silent.rules_for("BOLT", ("night",)).breakeven is None


def test_saved_is_what_the_rule_made_of_each_position() -> None:
    table = a_table(dice(1), gaps=0.0)
    positions = some_positions(dice(1), table, count=60)
    book = parse(
        TRAIL + "[rules.session_flat]\nminutes = 5\n[rules.time_stop]\nminutes = 8\n", source="test"
    )

    def run(rules: RuleBook) -> Results:
        return replay(positions, table, rules, FREE)

    found = attribute(book, run)
    assert [each.rule for each in found.worth] == ["session_flat", "time_stop", "breakeven"]
    plain = parse(TRAIL + "[rules.session_flat]\nminutes = 5\n", source="test")
    by_hand = run(book).net_r - run(plain).net_r
    saved = found.saved_r["time_stop"]
    known = ~np.isnan(saved)
    assert known.sum() > 40
    assert saved[known] == pytest.approx(by_hand[known])
    worth = found.worth[1]
    assert worth.fired > 5
    assert worth.saved + worth.cost == pytest.approx(worth.net.total)
    assert worth.saved > 0 > worth.cost
    assert worth.net.low < worth.net.total < worth.net.high


def test_every_rule_can_be_attributed() -> None:
    table = a_table(dice(2), gaps=0.0)
    positions = some_positions(dice(2), table, count=20)
    book = parse('[account]\nadopt = "all"\n[rules]\npreset = "standard"\n', source="test")
    found = attribute(book, lambda rules: replay(positions, table, rules, FREE))
    assert [each.rule for each in found.worth] == list(rules_on(book))
    assert len(found.worth) > 8


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("[rules.model_tighten]\n", set()),
        ("[symbol.X.rules.model_tighten]\nenabled = true\n", set()),
        ("[rules.adverse_excursion]\n", set()),
        ("[rules.adverse_excursion]\nlimit_r = 0.5\n", {"adverse_excursion"}),
        (
            "[rules.adverse_excursion]\n[symbol.X.rules.adverse_excursion]\nlimit_r = 0.5\n",
            {"adverse_excursion"},
        ),
    ],
)
def test_what_a_replay_never_hears_did_nothing_that_is_known(text: str, heard: set[str]) -> None:
    table = a_table(dice(2), gaps=0.0)
    positions = some_positions(dice(2), table, count=5)
    book = parse(TRAIL + text, source="test")
    found = attribute(book, lambda rules: replay(positions, table, rules, FREE))
    for each in found.worth:
        if each.rule in heard | {"breakeven"}:
            assert each.net.days > 0
            continue
        assert (each.unknown, each.fired, each.net.days) == (len(positions), 0, 0)
        assert np.isnan(found.saved_r[each.rule]).all()
    assert {each.rule for each in found.worth} == set(rules_on(book))


def test_what_outlives_its_bars_is_unknown_never_zero() -> None:
    """With the time stop it is closed; without it, it runs past the last bar."""
    book = parse('[account]\nadopt = "all"\n[rules.time_stop]\nminutes = 2\n', source="test")
    bars = [(100.0, 100.2, 99.8, 99.9)] * 6
    with_rule, without = (one(*bars, book=b) for b in (book, book_without(book, "time_stop")))
    assert with_rule.rule(0) == "time_stop"
    assert np.isnan(difference(with_rule, without)[0])
    assert difference(without, without)[0] == 0.0


def test_an_interval_needs_more_than_one_day() -> None:
    alone = interval(np.array([1.0, 2.0]), np.array([7, 7]))
    assert (alone.total, alone.days) == (3.0, 1)
    assert np.isnan(alone.low)
    nobody = interval(np.array([np.nan]), np.array([7]))
    assert (nobody.total, nobody.days) == (0.0, 0)


def test_an_interval_covers_what_is_true_about_as_often_as_it_says() -> None:
    """Days of three trades that move together, worth 0.1 R each; 120 samples of 60 days."""
    covered = 0
    for seed in range(120):
        random = np.random.default_rng(seed)
        day = np.repeat(random.normal(0.1, 1.0, 60), 3)
        found = interval(day, np.repeat(np.arange(60), 3))
        covered += found.low <= 0.1 * 180 <= found.high
    assert 104 <= covered <= 120
