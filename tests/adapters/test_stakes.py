"""Real money needs two keys: the stage, and the number of the account."""

import pytest

from stopward.adapters.alpaca import Keys
from stopward.adapters.alpaca.stakes import refuse_other_stakes
from stopward.errors import InvalidInput

PAPER, LIVE = "https://paper-api.alpaca.markets", "https://api.alpaca.markets"
HERE = "http://127.0.0.1:8080"


def keys(number: str = "") -> Keys:
    return Keys(key_id="k", secret="s", account_number=number)


def refusal(stage: str, url: str, number: str) -> str | None:
    """Return why a stage must not trade at a URL with that number; None when it may."""
    try:
        refuse_other_stakes(url, stage=stage, keys=keys(number))
    except InvalidInput as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("stage", "url", "number"),
    [
        ("paper", PAPER, ""),
        ("paper", PAPER, "PA123"),
        ("paper", HERE, ""),
        ("dev", PAPER, ""),
        ("dev", "http://localhost:1", ""),
        ("live", LIVE, "123456789"),
        ("live", HERE, "123456789"),
    ],
)
def test_a_stage_trades_what_it_says(stage: str, url: str, number: str) -> None:
    assert refusal(stage, url, number) is None


@pytest.mark.parametrize(
    ("stage", "url", "number", "told"),
    [
        ("paper", LIVE, "123456789", "STOPWARD_STAGE is paper, so STOPWARD_BROKER_URL must be"),
        ("dev", LIVE, "123456789", "real money is guarded in stage live only"),
        ("paper", "https://api.alpaca.markets.example", "", "STOPWARD_STAGE is paper"),
        ("paper", "https://paper-api.alpaca.markets@api.alpaca.markets", "", "STOPWARD_STAGE is"),
        ("live", PAPER, "123456789", "is live and STOPWARD_BROKER_URL the paper account's"),
        ("live", LIVE, "", "the broker's secret needs account_number"),
        ("live", HERE, "", "the broker's secret needs account_number"),
    ],
)
def test_one_key_alone_guards_nothing(stage: str, url: str, number: str, told: str) -> None:
    found = refusal(stage, url, number)
    assert found is not None
    assert told in found
