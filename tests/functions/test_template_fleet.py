"""A fleet in the template: its queue, who sends to it and who receives."""

import pytest

from benchmarks.load.worker import BATCH
from stopward.adapters.secrets import account_secret
from stopward.bootstrap.models import SCORING_MARGIN_SECONDS
from stopward.domain.identity import AccountId
from stopward.local.host.intrinsics import load_yaml
from stopward.services import attribution, features, model_tracking, training_job
from tests.builders.template import DEAD_LETTERS, FLEET, TEMPLATE, deployed, roles
from tests.functions.test_template_roles import DATABASE_SECRET

MARGINS = {
    "attribute_exits": attribution.MARGIN_SECONDS,
    "check_features": features.MARGIN_SECONDS,
    "track_models": model_tracking.MARGIN_SECONDS,
    "train_model": training_job.MARGIN_SECONDS,
    "score_positions": SCORING_MARGIN_SECONDS,
}
"""By function the time left under which no account of a fleet is begun."""
TICKS = {"Fn::GetAtt": ["Ticks", "Arn"]}


def test_a_pulse_is_received_once_and_kept_until_it_is_a_dead_letter() -> None:
    resources = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")["Resources"]
    queue = resources["Ticks"]["Properties"]
    function = resources["TickAccounts"]["Properties"]
    (source,) = (each["Properties"] for each in function["Events"].values())
    assert source["Queue"] == TICKS
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "FleetConcurrency"}}
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": DEAD_LETTERS, "maxReceiveCount": 1}
    # A FIFO queue has no delay for each message.
    assert "FifoQueue" not in queue
    seconds = deployed("fleet")["tick_accounts"].timeout_seconds
    # Source: AWS Lambda Developer Guide, "Configuring a queue to use with Lambda".
    assert queue["VisibilityTimeout"] == 6 * seconds < queue["MessageRetentionPeriod"]


def test_a_batch_ends_in_time_and_a_pulse_in_its_lease() -> None:
    template = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")
    events = template["Resources"]["TickAccounts"]["Properties"]["Events"]
    (source,) = (each["Properties"] for each in events.values())
    tick = deployed("fleet")["tick_accounts"]
    lease = float(tick.environment["STOPWARD_LEASE_SECONDS"])
    assert source["BatchSize"] * lease <= tick.timeout_seconds
    assert source["BatchSize"] == BATCH


def test_a_fleet_is_sent_to_by_one_function_and_received_by_one_other() -> None:
    beside = {
        name: sorted(action for found, on in statements if on == [TICKS] for action in found)
        for name, statements in roles().items()
    }
    assert {name: found for name, found in beside.items() if found} == {
        "DispatchTicks": ["sqs:SendMessage"],
        "TickAccounts": ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
    }


def test_keys_of_a_fleet_are_read_below_one_name_of_its_stage() -> None:
    (_, secrets), *_ = roles()["TickAccounts"]
    below = account_secret("${Stage}", AccountId("*"))
    assert [each for each in secrets if each != DATABASE_SECRET] == [
        {"Fn::Sub": f"arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}"
                    f":secret:{below}"}
    ]  # fmt: skip
    reads = [name for name, statements in roles().items() if "stopward/accounts" in str(statements)]
    assert reads == ["TickAccounts"]


@pytest.mark.parametrize(("title", "margin_seconds"), MARGINS.items())
def test_what_works_for_every_account_knows_the_fleet_and_has_time_beyond_its_margin(
    title: str, margin_seconds: float
) -> None:
    one, fleet = (deployed(accounts)[title] for accounts in ("one", "fleet"))
    told = [each.environment["STOPWARD_FLEET"] for each in (one, fleet)]
    assert told == ["", "paper-test"]
    assert 3 * margin_seconds < fleet.timeout_seconds


def test_functions_of_a_fleet_are_told_its_stage_and_the_sender_its_queue() -> None:
    for title in FLEET:
        assert deployed("fleet")[title].environment["STOPWARD_FLEET"] == "paper-test"
    queues = {each.title: "STOPWARD_TICK_QUEUE_URL" in each.environment
              for each in deployed("fleet").values()}  # fmt: skip
    assert [title for title, told in queues.items() if told] == ["dispatch_ticks"]
