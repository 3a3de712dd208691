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
        read_settings(environment).require_broker()
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
        {"STOPWARD_SUPABASE_URL": "open-sesame", "STOPWARD_SUPABASE_SECRET_KEY": "https://x.y"},
        {"STOPWARD_BROKER_URL": "PK-HALF-ONE", "STOPWARD_BROKER_KEY_ID": "https://x.example"},
        {"STOPWARD_MARKET_DATA_URL": "half-two"},
        {"STOPWARD_DATABASE_SECRET_ARN": "x", "STOPWARD_SUPABASE_URL": "open-sesame"},
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
    assert str(error).startswith("set STOPWARD_BROKER_SECRET_ARN")


SUPABASE = {
    "STOPWARD_SUPABASE_URL": "https://project.example",
    "STOPWARD_SUPABASE_SECRET_KEY": "sb_secret_open-sesame",
}
WITHOUT_DATABASE = {name: value for name, value in GIVEN.items() if "DATABASE" not in name}


@pytest.mark.parametrize(
    ("given", "is_enough"),
    [
        (SUPABASE, True),
        ({**SUPABASE, "STOPWARD_DATABASE_SECRET_ARN": "", "STOPWARD_DATABASE_URL": ""}, True),
        ({"STOPWARD_DATABASE_SECRET_ARN": "arn:x"}, True),
        ({"STOPWARD_DATABASE_URL": "postgresql://u@127.0.0.1/d"}, True),
        ({}, False),
        ({"STOPWARD_SUPABASE_URL": "https://project.example"}, False),
        ({"STOPWARD_SUPABASE_SECRET_ARN": "arn:x"}, False),
        ({**SUPABASE, "STOPWARD_DATABASE_URL": "postgresql://u@127.0.0.1/d"}, False),
        ({**SUPABASE, "STOPWARD_DATABASE_SECRET_ARN": "arn:x"}, False),
        ({**SUPABASE, "STOPWARD_SUPABASE_URL": "project.example"}, False),
    ],
)
def test_one_way_to_the_database_and_only_one(given: dict[str, str], *, is_enough: bool) -> None:
    environment = {**WITHOUT_DATABASE, **given}
    if is_enough:
        assert read_settings(environment).account_id == "main"
    else:
        assert "open-sesame" not in everything_printed(refusal_of(environment))


def test_a_function_without_a_broker_needs_no_keys() -> None:
    settings = read_settings({"STOPWARD_ACCOUNT_ID": "main", **SUPABASE})
    assert settings.broker_key_id == ""


def test_the_representation_shows_no_secret() -> None:
    shown = repr(read_settings(GIVEN))
    assert "main" in shown
    assert not any(secret in shown for secret in SECRETS)


def test_every_name_that_may_be_shown_is_a_setting() -> None:
    assert set(Settings.model_fields) >= SHOWN
    secret = {"database_url", "supabase_secret_key", "broker_key_id", "broker_secret_key"}
    assert not SHOWN & secret
    assert [name for name in SHOWN if name.endswith(("_url", "_arn", "_key", "key_id"))] == []
