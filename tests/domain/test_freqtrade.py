"""Reading the exits of a freqtrade configuration: what it means, and what is refused."""

import json
import math

import pytest

from stopward.domain.freqtrade import CANNOT, Strategy, parse_freqtrade
from stopward.errors import InvalidInput
from stopward.rules.freqtrade import MOST_ROI_STEPS, NO_STEP, RoiStep

WHOLE = """
{
  "max_open_trades": 3,
  "stake_currency": "USDT",
  "timeframe": "5m",
  "exchange": {"name": "binance", "pair_whitelist": ["BTC/USDT"]},
  "use_exit_signal": true,
  "use_custom_stoploss": false,
  "stoploss": -0.1,
  "trailing_stop": true,
  "trailing_stop_positive": 0.02,
  "trailing_stop_positive_offset": 0.03,
  "trailing_only_offset_is_reached": true,
  "minimal_roi": {"30": 0.01, "0": 0.04, "60": -1},
  "fee": 0.001
}
"""
AS_TOML = """
timeframe = "5m"
stoploss = -0.1
trailing_stop = true
trailing_stop_positive = 0.02
trailing_stop_positive_offset = 0.03
trailing_only_offset_is_reached = true
fee = 0.001
minimal_roi = { "0" = 0.04, 30 = 0.01, 60 = -1 }
"""


def test_a_whole_configuration_is_read():
    read = parse_freqtrade(WHOLE, source="config.json")
    rules = read.rules
    assert read.timeframe_minutes == 5.0
    assert rules[:5] == (-0.1, 1.0, 0.02, 0.03, 1.0)
    assert rules.minimal_roi[:3] == (RoiStep(0.0, 0.04), RoiStep(30.0, 0.01), RoiStep(60.0, -1.0))
    assert rules.minimal_roi[3:] == (NO_STEP,) * (MOST_ROI_STEPS - 3)
    assert rules.fee == 0.001


def test_toml_means_the_same():
    assert repr(parse_freqtrade(AS_TOML, source="s.toml")) == repr(
        parse_freqtrade(WHOLE, source="config.json")
    )


def test_what_is_not_there_is_off():
    read = parse_freqtrade('{"stoploss": -0.05}', source="config.json")
    rules = read.rules
    assert read.timeframe_minutes is None
    assert (rules.trailing_stop, rules.trailing_stop_positive_offset, rules.fee) == (0.0, 0.0, 0.0)
    assert math.isnan(rules.trailing_stop_positive)
    assert rules.minimal_roi == (NO_STEP,) * MOST_ROI_STEPS


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stoploss": None}, "stoploss: is missing; allowed: a number over -1 and under 0"),
        ({"stoploss": 0.1}, "stoploss: was 0.1; allowed: a number over -1 and under 0, such as"),
        ({"stoploss": 0}, "stoploss: was 0; allowed"),
        ({"stoploss": -1}, "stoploss: was -1; allowed"),
        ({"stoploss": "-0.1"}, 'stoploss: was "-0.1"; allowed'),
        ({"stoploss": True}, "stoploss: was true; allowed"),
        ({"trailing_stop": 1}, "trailing_stop: was 1; allowed: true or false"),
        ({"trailing_stop_positive": 0}, "trailing_stop_positive: was 0; allowed: a number over 0"),
        ({"trailing_stop_positive_offset": 2}, "positive_offset: was 2; allowed: a number from 0"),
        (
            {"trailing_stop_positive_offset": 0.02},
            r"positive_offset: was 0.02; allowed: 0, or a number over trailing_stop_positive",
        ),
        (
            {"trailing_stop_positive": None},
            "trailing_only_offset_is_reached: needs trailing_stop_positive",
        ),
        ({"fee": 0.2}, "fee: was 0.2; allowed: a number from 0 to 0.1"),
        ({"minimal_roi": [0.1]}, r"minimal_roi: was \[0.1\]; allowed: a table of at most 12"),
        ({"minimal_roi": {"-5": 0.1}}, "minimal_roi.-5: is not a whole number of minutes"),
        ({"minimal_roi": {"1.5": 0.1}}, 'minimal_roi."1.5": is not a whole number of minutes'),
        ({"minimal_roi": {"": 0.1}}, 'minimal_roi."": is not a whole number of minutes'),
        ({"minimal_roi": {"9" * 30: 0.1}}, "is not a whole number of minutes"),
        ({"minimal_roi": {"0": "4 %"}}, 'minimal_roi.0: was "4 %"; allowed: a table'),
        ({"minimal_roi": {"0": -1.5}}, "minimal_roi.0: was -1.5; allowed"),
        ({"minimal_roi": {"0": 0.1, "00": 0.2}}, "minimal_roi.00: 0 minutes stand twice"),
        ({"minimal_roi": {str(at): 0.1 for at in range(13)}}, "minimal_roi: was a table; allowed"),
        ({"timeframe": 5}, "timeframe: was 5; allowed: a number of minutes, hours, days or weeks"),
        ({"timeframe": "5 min"}, 'timeframe: was "5 min"; allowed'),
        ({"trailing_stop_positve": 0.01}, 'did you mean "trailing_stop_positive"'),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(changes: dict[str, object], said: str):
    document = json.loads(WHOLE) | changes
    with pytest.raises(InvalidInput, match=r"^config.json: 1 problem\n  .*" + said):
        parse_freqtrade(json.dumps(document), source="config.json")


@pytest.mark.parametrize("key", CANNOT)
def test_what_is_not_reproduced_is_refused_unless_it_is_off(key: str):
    said = rf"^config.json: 1 problem\n  {key}: is not reproduced: .*; leave it out or turn it off"
    with pytest.raises(InvalidInput, match=said):
        parse_freqtrade(json.dumps({"stoploss": -0.1, key: True}), source="config.json")
    parse_freqtrade(json.dumps({"stoploss": -0.1, key: False}), source="config.json")


def test_every_problem_is_told_at_once():
    text = '{"stoploss": 1, "fee": -1, "minimal_roi": 3, "use_custom_roi": true}'
    with pytest.raises(InvalidInput) as refusal:
        parse_freqtrade(text, source="config.json")
    assert str(refusal.value).startswith("config.json: 4 problems\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"stoploss": -0.1,}', "not valid JSON, without comments and trailing commas: "),
        ('{"stoploss": -0.1} // mine', "not valid JSON, without comments and trailing commas: "),
        ('{"stoploss": NaN}', "NaN is not a number"),
        ('{"stoploss": -0.1, "stoploss": -0.2}', "stoploss stands twice"),
        ("[" * 100_000, "not valid TOML: "),
        ('{"a":' * 100_000, "not valid JSON"),
        ("stoploss = ", "not valid TOML: "),
        ("", "1 problem"),
    ],
    ids=["comma", "comment", "nan", "twice", "deep list", "deep object", "toml", "empty"],
)
def test_text_that_cannot_be_read_is_refused(text: str, said: str):
    with pytest.raises(InvalidInput, match=f"^config.json: .*{said}"):
        parse_freqtrade(text, source="config.json")


def test_a_trail_that_is_off_contradicts_nothing():
    document = json.loads(WHOLE) | {"trailing_stop": False, "trailing_stop_positive_offset": 0.01}
    read = parse_freqtrade(json.dumps(document), source="config.json")
    assert read.rules.trailing_stop == 0.0


@pytest.mark.parametrize(
    ("timeframe", "minutes"), [("1m", 1.0), ("15m", 15.0), ("4h", 240.0), ("1d", 1440.0)]
)
def test_a_timeframe_is_read_in_minutes(timeframe: str, minutes: float):
    text = json.dumps({"stoploss": -0.1, "timeframe": timeframe})
    read = parse_freqtrade(text, source="config.json")
    assert read == Strategy(rules=read.rules, timeframe_minutes=minutes)
