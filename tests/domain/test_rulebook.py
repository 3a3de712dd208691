"""The rules file: what it resolves to, and what it refuses."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.rulebook import BREAKEVEN_RULES, RuleBook, masked, parse
from stopward.domain.rulebook.layers import build, start
from stopward.domain.rulebook.parse import LIMITS, RULE_TABLES
from stopward.domain.rulebook.reading import read, written
from stopward.domain.rulebook.schema import Table
from stopward.errors import InvalidInput, InvalidState
from stopward.rules.codes import RULE_NAMES
from stopward.rules.parameters import (
    ATR,
    PERCENT,
    PRICE,
    TICKS,
    Breakeven,
    Chandelier,
    Distance,
    R,
    Rules,
)

STANDARD = '[rules]\npreset = "standard"\n'


def book(text: str) -> RuleBook:
    return parse(text, source="my.toml")


def refusal(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        book(text)
    return str(caught.value)


def test_an_empty_file_turns_nothing_on_and_touches_nothing():
    empty = book("")
    assert empty.base == Rules()
    assert (empty.limits.day_loss, empty.limits.loss_streak) == (None, None)
    assert empty.account.refusal("AAPL", ()) is not None


def test_a_table_that_is_present_turns_its_rule_on_with_the_defaults():
    assert book("[rules.breakeven]").base == Rules(
        breakeven=Breakeven(Distance(1.0, R), Distance(0.0, TICKS))
    )


def test_the_standard_preset_holds_the_documented_rules():
    rules = book(STANDARD).base
    on = {name for name, parameters in rules._asdict().items() if parameters is not None}
    assert on == {
        "day_loss", "day_profit", "session_flat", "give_back", "time_stop", "momentum", "volume",
        "partial", "breakeven", "ratchet", "chandelier",
    }  # fmt: skip
    assert rules.chandelier == Chandelier(Distance(1.0, R), Distance(2.5, ATR), 14.0)
    assert book(STANDARD).limits.loss_streak == (3.0, 30.0, 5.0)


def test_a_file_changes_single_values_of_a_preset():
    rules = book(
        STANDARD + "[rules.chandelier]\nwindow = 10\n[rules.partial]\nenabled = false"
    ).base
    assert rules.chandelier == Chandelier(Distance(1.0, R), Distance(2.5, ATR), 10.0)
    assert rules.partial is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"1 r"', Distance(1.0, R)),
        ('"1.5R"', Distance(1.5, R)),
        ("2", Distance(2.0, R)),
        ("0.75", Distance(0.75, R)),
        ('"0.5 %"', Distance(0.5, PERCENT)),
        ('"0.5 percent"', Distance(0.5, PERCENT)),
        ('"2.5 atr"', Distance(2.5, ATR)),
        ('"10 ticks"', Distance(10.0, TICKS)),
        ('"1 tick"', Distance(1.0, TICKS)),
        ('"0.25 price"', Distance(0.25, PRICE)),
    ],
)
def test_a_distance_is_a_number_and_a_unit(written, expected):
    assert book(f"[rules.breakeven]\narm = {written}").base.breakeven.arm == expected


@pytest.mark.parametrize(
    "written",
    ['"1 x"', '"r"', '"one r"', "true", "nan", "inf", '"-1 r"', "-1", '"51 r"', '"101 %"', "[1]",
     '"1e400"', '"off"', '""'],
)  # fmt: skip
def test_a_distance_that_is_none_is_refused(written):
    message = refusal(f"[rules.breakeven]\narm = {written}")
    assert message.startswith("my.toml: 1 problem\n  rules.breakeven.arm: was ")
    assert '"2.5 atr"' in message


def test_a_fraction_may_be_a_percentage():
    limits = book('[limits.day_loss]\nloss_fraction = "1.5 %"').limits
    assert limits.day_loss is not None
    assert limits.day_loss.loss_fraction == pytest.approx(0.015)


def test_a_fraction_that_looks_like_a_percent_is_refused():
    # The original bot compared a fraction with a percent, so +1R fired at 100R.
    message = refusal("[limits.day_loss]\nloss_fraction = 2")
    assert "limits.day_loss.loss_fraction: was 2; allowed: a fraction from 0.001 to 0.5" in message


def test_an_optional_step_is_turned_off_with_a_word():
    partial = book('[rules.partial]\nat_2 = "off"').base.partial
    assert partial is not None
    assert math.isnan(partial.at_2.value)


def test_every_problem_is_listed_with_path_value_and_what_is_allowed():
    message = refusal(
        "[rules.breakeven]\narn = 1\n[rules.target]\nresting = 1\n"
        '[account]\nadopt = "some"\n[indicator]\n[rules.breakevn]\n'
    )
    assert message.splitlines()[0] == "my.toml: 5 problems"
    assert 'rules.breakeven.arn: unknown key; did you mean "arm"?' in message
    assert "rules.target.resting: was 1; allowed: true or false" in message
    assert 'account.adopt: was "some"; allowed: "none", "listed" or "all"' in message
    assert 'indicator: unknown table; did you mean "indicators"?' in message
    assert 'rules.breakevn: unknown rule; did you mean "breakeven"?' in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[rules.ratchet]\nat_2 = 1.2", "at_2 must be above at_1"),
        ("[rules.ratchet]\nlock_1 = 1.5", "lock_1 must be under at_1"),
        ("[rules.ratchet]\nlock_2 = 0.5", "lock_1 must be under lock_2"),
        ('[rules.ratchet]\nat_2 = "off"', "at_3 is on while at_2 is off"),
        ("[rules.give_back]\narm_2_r = 1", "arm_r must be under arm_2_r"),
        ("[rules.give_back]\nkeep_2 = 0.4", "keep must be at most keep_2"),
        ('[rules.percent_trail]\ndistance_2 = "2 %"', "distance_2 must be at most distance"),
        ('[rules.percent_trail]\narm_2 = "1 %"', "arm must be under arm_2"),
        ("[rules.partial]\nfraction_1 = 0.8", "fraction_1 + fraction_2 + fraction_3 is 1.05"),
        ("[rules.partial]\nat_2 = 2", "at_2 must be above at_1"),
        ("[rules.aged_target]\nminutes_3 = 60", "minutes_3 must be above minutes_2"),
        ("[rules.aged_target]\nr_2 = 4", "r_2 must be under r_1"),
        ("[rules.follow_targets]\ntarget_2 = 1", "target_2 must be above target_1"),
        (
            "[rules.adverse_excursion]\nlimit_r = 0.7\nneeded = 40",
            'needed counts only while limit_r is "measured" (read: limit_r = 0.7, needed = 40)',
        ),
        (
            "[rules.adverse_excursion]\nlimit_r = 0.7\n"
            "[tag.t.rules.adverse_excursion]\nneeded = 40",
            'tag.t.rules.adverse_excursion: needed counts only while limit_r is "measured"',
        ),
        ("[rules.adverse_excursion]\nwinners = 30", "rules.adverse_excursion.winners: unknown key"),
        ("[rules.adverse_excursion]\nneeded = 501", "allowed: a whole number, 10 to 500"),
        (
            '[rules.adverse_excursion]\nlimit_r = "off"',
            'was "off"; allowed: a number of R, 0.05 to 1, or "measured"',
        ),
        ("[indicators]\nmacd_fast = 26", "macd_fast must be under macd_slow"),
        ("[limits.loss_streak]\nstop_after = 3", "pause_after must be under stop_after"),
        ('[account]\nallow = ["A"]\ndeny = ["A"]', "allow and deny both name A"),
        ('[account]\nallow = ["A"]\nadopt = "all"', 'allow has no effect while adopt is "all"'),
        ("[rules.chandelier]\nwindow = 65", "was 65; allowed: a whole number, 0 to 64"),
        ("[rules.bar_trail]\nwindow = 2.5", "was 2.5; allowed: a whole number, 1 to 64"),
        ("[rules.day_loss]", "a limit of the day belongs in [limits.day_loss]"),
        ("[limits.breakeven]", "a rule belongs in [rules.breakeven]"),
        ("[symbol.A.limits.day_loss]", "limits hold for the whole account"),
        ("[symbol.A.rules.day_loss]", "holds for the whole account: set it in [limits]"),
        ("[symbol.A.rule.breakeven]", 'symbol.A.rule: unknown key; did you mean "rules"?'),
        ("[symbol.aapl.rules]", 'symbol.aapl: was "aapl"; allowed: a symbol such as AAPL'),
        ("[rules]\nbreakeven = 1", "rules.breakeven: was 1; allowed: a table, [rules.breakeven]"),
        ("rules = 1", "rules: was 1; allowed: a table, [rules]"),
        ('[rules.breakeven]\nenabled = "no"', 'was "no"; allowed: true or false'),
        ("[rules.breakeven", "not valid TOML"),
        ('[rules]\npreset = "safe"', 'rules.preset: was "safe"; allowed: "standard"'),
    ],
)  # fmt: skip
def test_what_contradicts_itself_or_stands_in_the_wrong_place_is_refused(text, words):
    assert words in refusal(text)


def test_an_adverse_excursion_is_measured_unless_a_number_is_typed():
    measured = book("[rules.adverse_excursion]").base.adverse_excursion
    assert math.isnan(measured.limit_r)
    assert (measured.winners, measured.needed) == (0, 30)
    spelled = book('[rules.adverse_excursion]\nlimit_r = "measured"\nneeded = 40')
    assert spelled.base.adverse_excursion.needed == 40
    typed = book("[rules.adverse_excursion]\nlimit_r = 0.7").base.adverse_excursion
    assert typed == (0.7, 0, 0)


def test_an_override_may_type_the_number_that_the_account_measures_and_the_other_way_round():
    rules = book(
        "[rules.adverse_excursion]\nneeded = 40\n"
        "[symbol.A.rules.adverse_excursion]\nlimit_r = 0.5\n"
        '[tag.t.rules.adverse_excursion]\nlimit_r = "measured"\nneeded = 50'
    )
    assert rules.rules_for("A", ()).adverse_excursion == (0.5, 0, 0)
    assert rules.rules_for("B", ("t",)).adverse_excursion[1:] == (0, 50)
    assert rules.base.adverse_excursion[1:] == (0, 40)


def test_a_symbol_comes_before_a_tag_and_a_tag_before_the_account():
    rules = book(
        "[rules.breakeven]\narm = 1\n[tag.swing.rules.breakeven]\narm = 2\n"
        "[symbol.AAPL.rules.breakeven]\narm = 3\n"
    )
    assert rules.rules_for("MSFT", ()).breakeven.arm.value == 1
    assert rules.rules_for("MSFT", ("swing",)).breakeven.arm.value == 2
    assert rules.rules_for("AAPL", ("swing",)).breakeven.arm.value == 3
    assert rules.rules_for("AAPL", ()).breakeven.arm.value == 3


def test_of_two_tags_the_one_later_in_the_file_wins_whatever_their_order_on_the_position():
    rules = book(
        "[rules.breakeven]\n[tag.b.rules.breakeven]\narm = 2\n[tag.a.rules.breakeven]\narm = 3"
    )
    assert rules.rules_for("X", ("a", "b")) == rules.rules_for("X", ("b", "a"))
    assert rules.rules_for("X", ("a", "b")).breakeven.arm.value == 3


def test_a_tag_turns_a_rule_off_and_a_symbol_turns_one_on():
    rules = book(
        STANDARD + "[tag.swing.rules.session_flat]\nenabled = false\n"
        "[symbol.AAPL.rules.target]\nenabled = true\n"
    )
    assert rules.rules_for("AAPL", ("swing",)).session_flat is None
    assert rules.rules_for("AAPL", ()).target is not None
    assert rules.rules_for("MSFT", ()).target is None


def test_an_override_of_a_rule_that_is_off_must_say_that_it_turns_it_on():
    message = refusal("[symbol.AAPL.rules.target]\ndistance = 2")
    assert "symbol.AAPL.rules.target: the rule is off in [rules]; write enabled = true" in message


def test_an_override_is_checked_together_with_the_values_it_keeps():
    message = refusal(STANDARD + "[symbol.AAPL.rules.give_back]\narm_2_r = 1")
    assert "symbol.AAPL.rules.give_back: arm_r must be under arm_2_r" in message


def test_the_day_limits_are_the_same_for_every_position():
    rules = book(STANDARD + "[symbol.AAPL.rules.breakeven]\narm = 2")
    assert rules.rules_for("AAPL", ()).day_loss == rules.limits.day_loss is not None


def test_the_session_flat_leaves_an_untagged_overnight_holding_alone():
    rules = book(STANDARD)
    assert rules.rules_for("AAPL", ()).session_flat is not None
    assert rules.rules_for("AAPL", (), held_overnight=True).session_flat is None
    assert rules.rules_for("AAPL", ("day",), held_overnight=True).session_flat is not None


@pytest.mark.parametrize(
    ("text", "symbol", "tags", "touched"),
    [
        ("", "AAPL", (), False),
        ("", "AAPL", ("swing",), True),
        ('allow = ["AAPL"]', "AAPL", (), True),
        ('allow = ["AAPL"]', "MSFT", (), False),
        ('adopt = "all"', "MSFT", (), True),
        ('adopt = "all"\ndeny = ["MSFT"]', "MSFT", (), False),
        ('adopt = "all"', "MSFT", ("hands-off",), False),
        ('allow = ["AAPL"]', "AAPL", ("hands-off",), False),
        ('adopt = "none"', "AAPL", ("swing",), False),
        ('adopt = "all"\nhands_off_tag = "mine"', "AAPL", ("mine",), False),
    ],
)
def test_only_what_was_opted_in_is_touched(text, symbol, tags, touched):
    account = book(f"[account]\n{text}").account
    assert (account.refusal(symbol, tags) is None) is touched


def test_fees_are_exact():
    assert book('[account]\nfees_per_share = "0.005"').account.fees_per_share == Decimal("0.005")
    assert book("[account]\nfees_per_share = 0.1").account.fees_per_share == Decimal("0.1")


def test_the_hash_forgets_form_and_keeps_meaning():
    plain = book('[rules.breakeven]\narm = "1 r"\nextra = "0 ticks"\n[rules.session_flat]\n')
    other = book("# mine\n[rules.session_flat]\nminutes=10.0\n\n[rules.breakeven]\narm=1  # R\n")
    assert plain.hash == other.hash
    assert len(plain.hash) == 64
    changed = [
        '[rules.breakeven]\narm = "1 atr"\n[rules.session_flat]',
        "[rules.breakeven]\n[rules.session_flat]\nminutes = 11",
        "[rules.breakeven]\n[rules.session_flat]\n[indicators]\nrsi = 10",
        "[rules.breakeven]\n[rules.session_flat]\n[limits.loss_streak]",
        '[rules.breakeven]\n[rules.session_flat]\n[account]\nfees_per_share = "0.01"',
        "[rules.breakeven]\n[rules.session_flat]\n[tag.x.rules.breakeven]\narm = 2",
        "[rules.breakeven]\n[rules.session_flat]\n[symbol.X.rules.breakeven]\narm = 2",
    ]
    assert len({plain.hash, *(book(text).hash for text in changed)}) == len(changed) + 1


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("", "c277e67dc0099f6c104a2ddeb398d66c9ca81fd8cb21e2a58354ac1d3819aa85"),
        (
            '[rules]\npreset = "standard"\n',
            "ce61833808353e0cbd8a2bcb89e014299ea83dabda87fe3d88b64881c64ea7be",
        ),
    ],
    ids=["nothing on", "standard"],
)
def test_a_rule_that_came_later_leaves_the_hash_of_files_without_it_alone(text, stored):
    assert book(text).hash == stored
    assert book(text + "[rules.model_tighten]\nenabled = false\n").hash == stored
    on = [book(f"{text}[rules.model_tighten]\nbelow = {below}\n").hash for below in (0.3, 0.4)]
    assert len({stored, *on}) == 3


def test_the_breakeven_mask_keeps_the_rules_that_only_tighten():
    rules = book(STANDARD + "[rules.follow_targets]").base
    kept = masked(rules, "breakeven")
    assert {name for name, value in kept._asdict().items() if value is not None} == set(
        BREAKEVEN_RULES
    )
    assert masked(rules, "all") is rules
    with pytest.raises(InvalidState, match="exits"):
        masked(rules, "exits")


def test_the_schema_knows_every_rule_and_fills_every_field_of_its_tuple():
    assert {*RULE_TABLES, *LIMITS} - {"loss_streak"} == set(RULE_NAMES[2:])
    measured = {"adverse_excursion": {"winners"}, "model_tighten": {"score"}}
    for table in (*RULE_TABLES.values(), *LIMITS.values()):
        filled = fields_filled(table) | measured.get(table.name, set())
        assert filled == set(build(table, start(table))._fields)


def fields_filled(table: Table) -> set[str]:
    return {parameter.target for parameter in table.parameters}


def test_the_defaults_of_every_table_are_valid_as_written():
    text = "".join(f"[{table.path}]\n" for table in (*RULE_TABLES.values(), *LIMITS.values()))
    assert None not in book(text).base


@given(
    value=st.floats(0.01, 50).map(lambda number: round(number, 4)),
    unit=st.sampled_from(["r", "R", "%", "percent", "atr", "ticks", "price", ""]),
    space=st.sampled_from(["", " ", "  "]),
)
def test_a_distance_means_the_same_when_it_is_written_again(value, unit, space):
    parameter = next(p for p in RULE_TABLES["chandelier"].parameters if p.name == "distance")
    first = read(parameter, f"{value}{space}{unit}")
    assert read(parameter, written(parameter, first).strip('"')) == first


@given(
    table=st.sampled_from([*RULE_TABLES.values(), *LIMITS.values()]),
    raw=st.one_of(
        st.text(max_size=12), st.integers(), st.floats(), st.booleans(), st.lists(st.integers())
    ),
    data=st.data(),
)
def test_any_value_is_either_read_or_refused_by_name(table, raw, data):
    parameter = data.draw(st.sampled_from(table.parameters))
    text = f"[{table.path}]\n{parameter.name} = {toml(raw)}\n"
    try:
        read_book = book(text)
    except InvalidInput as error:
        told = str(error)
    else:
        told = table.path
        assert getattr(read_book.base, table.name, read_book.limits.loss_streak) is not None
    assert table.path in told


def toml(raw: object) -> str:
    if isinstance(raw, str):
        return json.dumps(raw, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(raw).lower()
