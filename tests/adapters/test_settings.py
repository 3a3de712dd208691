"""Settings are read, or refused without a word of a secret."""

import traceback

import pytest

from stopward.errors import InvalidInput
from stopward.settings import SHOWN, Settings, read_settings

GIVEN = {
    "STOPWARD_ACCOUNT_ID": "main",
    "STOPWARD_DATABASE_URL": "postgresql://postgres:open-sesame@127.0.0.1/stopward",
    "STOPWARD_BROKER_KEY_ID": "PK-HALF-ONE",
    "STOPWARD_BROKER_SECRET_KEY": "half-two",
}
SECRETS = ("open-sesame", "PK-HALF-ONE", "half-two")


def refusal_of(environment: dict[str, str]) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_settings(environment)
    return caught.value


def everything_printed(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def test_what_is_given_is_read_and_what_is_not_prefixed_is_left_alone() -> None:
    settings = read_settings({**GIVEN, "PATH": "/bin", "STOPWARD_PULSE_SECONDS": "30"})
    assert settings.database_url == GIVEN["STOPWARD_DATABASE_URL"]
    assert settings.pulse_seconds == 30.0


@pytest.mark.parametrize(
    "changes",
    [
        {"STOPWARD_PULSE_SECONDS": "soon"},
        {"STOPWARD_ACCOUNT_ID": ""},
        {"STOPWARD_DB_URL": "postgresql://u:open-sesame@h/d"},
        {"STOPWARD_BROKER_SECRET": "half-two"},
        {"STOPWARD_BROKER_KEYID": "PK-HALF-ONE"},
        {"STOPWARD_DATABASE_URL": ""},
        {"STOPWARD_BROKER_KEY_ID": ""},
    ],
)
def test_no_refusal_prints_a_secret_not_even_in_its_traceback(changes: dict[str, str]) -> None:
    printed = everything_printed(refusal_of({**GIVEN, **changes}))
    assert "InvalidInput" in printed
    assert not any(secret in printed for secret in SECRETS)


def test_a_misspelt_name_is_told_without_its_value() -> None:
    error = refusal_of({**GIVEN, "STOPWARD_DB_URL": "postgresql://u:open-sesame@h/d"})
    assert str(error) == "STOPWARD_DB_URL: Extra inputs are not permitted"


def test_a_value_that_is_no_secret_is_told() -> None:
    error = refusal_of({**GIVEN, "STOPWARD_MARKET_DATA_FEED": "fast"})
    assert str(error) == "STOPWARD_MARKET_DATA_FEED was \"fast\": Input should be 'iex' or 'sip'"


def test_what_only_two_settings_together_lack_is_told_without_a_name() -> None:
    error = refusal_of({**GIVEN, "STOPWARD_BROKER_KEY_ID": ""})
    assert str(error).startswith("Value error, set STOPWARD_BROKER_SECRET_ARN")


def test_the_representation_shows_no_secret() -> None:
    shown = repr(read_settings(GIVEN))
    assert "main" in shown
    assert not any(secret in shown for secret in SECRETS)


def test_every_name_that_may_be_shown_is_a_setting() -> None:
    assert set(Settings.model_fields) >= SHOWN
    assert not SHOWN & {"database_url", "broker_key_id", "broker_secret_key"}
