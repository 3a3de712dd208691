"""Stages of `template.yaml`: dev runs nothing by itself, and live wants its second key."""

import re

import pytest

from stopward.adapters.alpaca import Keys
from stopward.adapters.alpaca.stakes import refuse_other_stakes
from stopward.errors import InvalidInput
from stopward.local.host.intrinsics import Scope
from stopward.local.host.template import read_template
from stopward.settings import Settings, read_settings
from tests.builders.cloudwatch import DOCUMENT, TEMPLATE, resources

SECRETS = {"DatabaseSecretArn": "arn:secret", "BrokerSecretArn": "arn:keys"}
PROJECT = {"SupabaseUrl": "https://project.example"}


def settings_of(**parameters: str) -> list[Settings]:
    """Return the settings of each function of a stack."""
    given = {**SECRETS, **PROJECT, **parameters}
    return [
        read_settings({n: v for n, v in each.environment.items() if n.startswith("STOPWARD_")})
        for each in read_template(TEMPLATE, parameters=given)
    ]


@pytest.mark.parametrize("stage", ["dev", "paper", "live", "paper-2", "live-ira", "dev-anna"])
def test_a_stage_may_have_a_name_where_there_are_more(stage: str) -> None:
    assert re.fullmatch(DOCUMENT["Parameters"]["Stage"]["AllowedPattern"], stage)
    assert {each.stage for each in settings_of(Stage=stage)} == {stage.partition("-")[0]}


@pytest.mark.parametrize("stage", ["", "prod", "Live", "live_ira", "live-", "lively", "paper-a-b"])
def test_any_other_word_is_no_stage(stage: str) -> None:
    assert not re.fullmatch(DOCUMENT["Parameters"]["Stage"]["AllowedPattern"], stage)


@pytest.mark.parametrize(
    ("stage", "url"),
    [
        ("dev", "https://paper-api.alpaca.markets"),
        ("paper", "https://paper-api.alpaca.markets"),
        ("live", "https://api.alpaca.markets"),
        ("live-ira", "https://api.alpaca.markets"),
    ],
)
def test_the_broker_is_that_of_the_stage(stage: str, url: str) -> None:
    assert {each.broker_url for each in settings_of(Stage=stage)} == {url}
    assert {each.broker_url for each in settings_of(Stage=stage, BrokerUrl="http://[::1]:1")} == {
        "http://[::1]:1"
    }


def test_live_wants_two_keys_and_either_alone_is_refused() -> None:
    (live, *_), (paper, *_) = settings_of(Stage="live"), settings_of(Stage="paper")
    with_number = Keys(key_id="k", secret="s", account_number="123456789")
    without = Keys(key_id="k", secret="s")
    refuse_other_stakes(live.broker_url, stage=live.stage, keys=with_number)
    with pytest.raises(InvalidInput, match="account_number"):
        refuse_other_stakes(live.broker_url, stage=live.stage, keys=without)
    with pytest.raises(InvalidInput, match="real money is guarded in stage live only"):
        refuse_other_stakes(live.broker_url, stage=paper.stage, keys=with_number)


@pytest.mark.parametrize(("stage", "is_on"), [("dev", False), ("paper", True), ("live", True)])
def test_in_dev_nothing_runs_by_itself_and_silence_is_no_news(stage: str, is_on: bool) -> None:
    for accounts in ("one", "fleet"):
        functions = read_template(TEMPLATE, parameters={"Stage": stage, "Accounts": accounts})
        called = [each for each in functions if each.title not in ("tick_accounts", "predict")]
        assert {bool(each.schedules) for each in called} == {is_on}
    scope = Scope(DOCUMENT, parameters={"Stage": stage}, attribute=lambda *_: "")
    silent = {
        name: scope.resolve(alarm.get("ActionsEnabled", True))
        for name, alarm in resources("AWS::CloudWatch::Alarm").items()
    }
    of_silence = {"MonitorSilent", "BreakevenSilent", "DispatchSilent"}
    told_always = set(silent) - of_silence
    assert {name for name, told in silent.items() if told} - told_always == (
        of_silence if is_on else set()
    )
    assert all(silent[name] for name in told_always)
