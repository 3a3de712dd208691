"""Rules in plain words: the whole book, and the sentence of one decision."""

import pytest

from stopward.domain.measured import with_measured
from stopward.domain.rulebook import explain, parse, rule_words, sentence
from stopward.domain.rulebook.parse import RULE_TABLES
from stopward.domain.rulebook.wording import measured_r, price_words, r_words
from stopward.errors import InvalidState
from stopward.rules.codes import DAY_LOSS, RULE_NAMES
from stopward.rules.kernel import propose
from stopward.rules.parameters import Rules
from stopward.rules.types import NAN, Account, Bar, State

QUIET_DAY = Account(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def rule(text: str) -> Rules:
    return parse(text, source="test").base


def a_state(**changes: float) -> State:
    """Return a long of 100 shares from 100 with its stop at 98 (R is 2)."""
    return State(
        side=1.0, entry=100.0, risk=2.0, quantity=100.0, initial_quantity=100.0, lot=1.0,
        per_unit=100.0, stop=98.0, target=NAN, best=100.0, worst=100.0, age=0.0, quiet=0.0,
        reversed=0.0, partials=0.0, hits=0.0, fees=0.01, entry_volume=NAN, pending=0.0,
        pending_rule=0.0,
    )._replace(**changes)  # fmt: skip


def a_bar(price: float, **changes: float) -> Bar:
    """Return a pulse at a price, two cents wide, an hour from the close."""
    return Bar(
        open=price, high=price, low=price, close=price, volume=0.0, minutes=0.0, to_close=60.0,
        spread=0.02, atr=0.5, rsi=50.0, macd=0.0, signal=0.0, macd_before=0.0, signal_before=0.0,
        vwap=price, relative_volume=1.0, average=price - 0.5, highest=price, lowest=price,
        trail_high=price, trail_low=price - 0.5, closed=0.0, at_entry=0.0,
    )._replace(**changes)  # fmt: skip


CASES = {
    "breakeven": (
        "[rules.breakeven]", {"best": 102.64}, (101.0, {}), {},
        "best +1.32R reached the +1R mark: stop to 100.03",
    ),
    "ratchet": (
        "[rules.ratchet]", {"best": 104.2}, (103.5, {}), {},
        "best +2.1R reached the +2R step: stop to 102.00",
    ),
    "chandelier": (
        '[rules.chandelier]\ndistance = "2 atr"', {"best": 104.0}, (103.5, {"highest": 104.0}), {},
        "best +2R arms the chandelier, 2 ATR behind the extreme: stop to 103.00",
    ),
    "percent_trail": (
        "[rules.percent_trail]", {"best": 101.5}, (101.2, {}), {},
        "best +0.75R arms the trail behind 101.50: stop to 100.50",
    ),
    "bar_trail": (
        "[rules.bar_trail]", {"best": 103.0}, (102.5, {"trail_low": 102.0}), {},
        "best +1.5R arms the trail behind the last 3 bars: stop to 101.99",
    ),
    "average_trail": (
        "[rules.average_trail]", {"best": 103.0}, (102.5, {"average": 102.0}), {},
        "best +1.5R arms the trail behind the moving average: stop to 101.87",
    ),
    "follow_targets": (
        "[rules.follow_targets]", {"best": 104.0}, (103.5, {}), {},
        "best +2R reached a target: stop to 102.00",
    ),
    "model_tighten": (
        "[rules.model_tighten]", {"best": 102.0}, (101.0, {}), {},
        "a model gives it a chance of 28.12%, under 35%, at +0.5R: stop to 100.00",
    ),
    "session_flat": (
        "[rules.session_flat]", {}, (101.0, {"to_close": 10.0}), {},
        "10 minutes to the close, flat is at 10 minutes: close the position",
    ),
    "adverse_excursion": (
        "[rules.adverse_excursion]\nlimit_r = 0.825", {"worst": 98.3}, (99.0, {}), {},
        "worst -0.85R, the limit is -0.825R: close the position",
    ),
    "give_back": (
        "[rules.give_back]", {"best": 104.0}, (101.5, {}), {},
        "+0.75R is left of a best of +2R, at least 50% was to be kept: close the position",
    ),
    "time_stop": (
        "[rules.time_stop]", {"best": 100.5, "age": 21.0}, (100.1, {}), {},
        "best +0.25R after 21 minutes, +0.3R was needed after 20 minutes: close the position",
    ),
    "momentum": (
        "[rules.momentum]", {"reversed": 1.0}, (100.1, {"rsi": 41.2, "vwap": 99.0}), {},
        "momentum is against it at +0.05R (MACD crossed, RSI 41): close the position",
    ),
    "volume": (
        "[rules.volume]", {"quiet": 3.0}, (100.1, {}), {},
        "3 bars in a row under 50% of the usual volume: close the position",
    ),
    "target": (
        "[rules.target]", {}, (106.0, {}), {},
        "+3R reached the target of +3R: close the position",
    ),
    "aged_target": (
        "[rules.aged_target]", {"age": 61.0}, (104.5, {}), {},
        "+2.25R is enough after 61 minutes, +2R was asked for: close the position",
    ),
    "partial": (
        "[rules.partial]", {}, (104.1, {}), {},
        "+2.05R reached step 1 of the partial exits: close 50 of 100",
    ),
    "day_loss": (
        "[limits.day_loss]", {}, (100.0, {}), {"day_r": -3.2, "day_fraction": -0.0123},
        "the day is at -3.2R (-1.23% of equity), its limit is -2.00% of equity or -3R: "
        "close the position",
    ),
    "day_profit": (
        "[limits.day_profit]", {}, (100.0, {}), {"day_r": 2.0, "peak_r": 4.0},
        "the day is at +2R after a best of +4R, it may give back 40%: close the position",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RULE_NAMES[2:])
def test_a_sentence_tells_why_with_the_numbers_of_the_moment(name):
    text, state_changes, (price, bar_changes), account_changes, expected = CASES[name]
    rules = with_measured(rule(text), (NAN, NAN, 0.281299))
    state, bar = a_state(**state_changes), a_bar(price, **bar_changes)
    account = QUIET_DAY._replace(**account_changes)
    proposal = propose(state, bar, account, rules)
    assert proposal.fired > 0
    assert sentence(name, state, bar, account, getattr(rules, name), proposal) == expected


def test_a_measured_limit_is_told_with_the_winners_behind_it():
    rules = with_measured(rule("[rules.adverse_excursion]"), (0.6437281, 64.0))
    state, bar = a_state(worst=98.3), a_bar(99.0)
    proposal = propose(state, bar, QUIET_DAY, rules)
    told = sentence("adverse_excursion", state, bar, QUIET_DAY, rules.adverse_excursion, proposal)
    assert told == (
        "worst -0.85R, 80% of the last 64 winners never went beyond -0.64R: close the position"
    )


def test_the_stop_has_a_sentence_without_parameters():
    state, bar = a_state(), a_bar(97.5)
    proposal = propose(state, bar, QUIET_DAY, Rules())
    assert sentence("stop", state, bar, QUIET_DAY, None, proposal) == (
        "price 97.50 is at or through the stop 98.00: close the position"
    )
    with pytest.raises(InvalidState, match="volume"):
        sentence("volume", state, bar, QUIET_DAY, None, proposal)


def test_a_stop_that_the_price_has_passed_is_told_as_such():
    rules, state, bar = rule("[rules.breakeven]"), a_state(best=102.5), a_bar(99.9)
    proposal = propose(state, bar, QUIET_DAY, rules)
    assert sentence("breakeven", state, bar, QUIET_DAY, rules.breakeven, proposal) == (
        "best +1.25R reached the +1R mark: the price is past 100.03 already, close the position"
    )


def test_a_move_too_small_to_send_is_told_as_such():
    rules, state, bar = rule("[rules.ratchet]"), a_state(best=103.1, stop=100.95), a_bar(102.5)
    proposal = propose(state, bar, QUIET_DAY, rules)
    assert sentence("ratchet", state, bar, QUIET_DAY, rules.ratchet, proposal) == (
        "best +1.55R reached the +1.5R step: the move is too small to send"
    )


def test_a_short_is_told_in_its_own_r():
    rules = rule("[rules.breakeven]")
    state = a_state(side=-1.0, stop=102.0, best=97.4)
    proposal = propose(state, a_bar(98.0), QUIET_DAY, rules)
    assert sentence("breakeven", state, a_bar(98.0), QUIET_DAY, rules.breakeven, proposal) == (
        "best +1.3R reached the +1R mark: stop to 99.97"
    )


@pytest.mark.parametrize("name", [*RULE_TABLES])
def test_every_rule_has_its_own_words_and_ends_with_a_full_stop(name):
    words = rule_words(getattr(rule(f"[rules.{name}]"), name))
    assert words.endswith(".")
    assert "nan" not in words
    others = [rule_words(getattr(rule(f"[rules.{other}]"), other)) for other in RULE_TABLES]
    assert others.count(words) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[rules.breakeven]",
            "At +1R the stop moves to entry plus fees, half the spread and one tick.",
        ),
        (
            '[rules.breakeven]\narm = "2 atr"\nextra = "0.1 r"',
            "At 2 ATR the stop moves to entry plus fees, half the spread, one tick and 0.1R.",
        ),
        (
            "[rules.ratchet]",
            "The stop locks +0.5R at +1.5R, +1R at +2R and +2R at +3R of best profit.",
        ),
        (
            '[rules.partial]\nat_2 = "off"\nfraction_1 = 1',
            "Of the initial quantity 100% at +2R is closed.",
        ),
        (
            "[rules.adverse_excursion]\nneeded = 40",
            "Once 40 trades were won, the stop is pulled in to where 80% of the last 500 winners "
            "never went; a position that was there already is closed.",
        ),
        (
            "[rules.adverse_excursion]\nlimit_r = 0.7",
            "The stop is pulled in to -0.7R; a position that was there already is closed.",
        ),
        (
            '[rules.time_stop]\nneed_best_r = "off"',
            "After 20 minutes the position is closed unless it is in profit.",
        ),
        (
            '[rules.percent_trail]\narm_2 = "off"',
            "From 1% of entry on the stop trails 1% of entry behind the best price.",
        ),
        (
            '[limits.day_loss]\nloss_r = "off"\nact = "tighten"',
            "When the day, open positions included, has lost 2% of the prior close's equity, every "
            "stop is pulled in to 0.25R from the price until the next session.",
        ),
        (
            '[rules.model_tighten]\nbelow = "40 %"\ndistance = "2 atr"',
            "While a model's fresh score is under 40% the stop follows 2 ATR behind the price.",
        ),
        (
            "[rules.momentum]\nvotes = 1\nbelow_r = 0",
            "When MACD crosses against it, the position is closed, while it is losing.",
        ),
    ],
)
def test_rules_are_explained_with_their_own_numbers(text, words):
    params = next(params for params in rule(text) if params is not None)
    assert rule_words(params) == words


def test_the_whole_book_is_explained_with_its_overrides():
    book = parse(
        '[account]\nallow = ["AAPL", "MSFT"]\ndeny = ["TSLA"]\n[rules]\npreset = "standard"\n'
        "[tag.swing.rules.session_flat]\nenabled = false\n"
        "[symbol.AAPL.rules.breakeven]\narm = 2\n[indicators]\nrsi = 10\n",
        source="my.toml",
    )
    told = explain(book)
    assert told.startswith(f"Rules of my.toml (hash {book.hash[:12]})\n")
    assert "  We guard AAPL and MSFT and whatever carries a tag; the rest is" in told
    assert '  We never touch TSLA and whatever is tagged "hands-off".' in told
    assert '\nPositions tagged "swing" instead\n  session_flat: Off.\n' in told
    assert "\nAAPL instead\n  breakeven: At +2R the stop moves to entry plus fees" in told
    assert "  Off: adverse_excursion, target, aged_target, percent_trail" in told
    assert "rsi 10" in told
    assert "None" not in told
    assert "nan" not in told


def test_an_empty_book_says_that_nothing_is_on():
    told = explain(parse("", source="empty.toml"))
    assert "Off: day_loss, day_profit, loss_streak." in told
    assert "breakeven:" not in told


def test_numbers_are_written_as_a_trader_reads_them():
    assert [r_words(value) for value in (1.0, -0.5, 0.0, -0.0)] == ["+1R", "-0.5R", "+0R", "+0R"]
    assert [measured_r(value) for value in (1.3249, -0.004, 12.0)] == ["+1.32R", "+0R", "+12R"]
    assert [price_words(value) for value in (100.0, 0.1234, 5.125)] == ["100.00", "0.1234", "5.125"]


def test_a_locked_day_is_told_even_when_its_numbers_recovered():
    rules, account = rule("[limits.day_loss]"), QUIET_DAY._replace(locked=DAY_LOSS)
    proposal = propose(a_state(), a_bar(100.0), account, rules)
    assert "the day is at +0R" in sentence(
        "day_loss", a_state(), a_bar(100.0), account, rules.day_loss, proposal
    )
