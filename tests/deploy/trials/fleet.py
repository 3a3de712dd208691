"""The fleet's two: a minute is dispatched into a queue, and a batch of the queue is ticked."""

import json
from contextlib import closing, nullcontext

from stopward.adapters.administration import Administration
from stopward.adapters.clocks import SystemClock
from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.pulses_sqs import read_pulse, write_pulse
from stopward.adapters.secrets import account_secret
from stopward.domain.identity import AccountId
from stopward.domain.pulses import Pulse
from stopward.local.simulator import Simulator
from tests.builders.fleet import record_of
from tests.builders.store import A_SESSION, NOON
from tests.deploy.trials.guards import INSIDE, broker, broker_hangs, open_account, protected
from tests.deploy.trials.trial import Counts, Error, Trial, differences
from tests.deploy.world import BROKER_KEY, BROKER_SECRET, World, a_broker

STAGE = "paper-check"
QUEUE = "local-ticks"
"""What the template's reference to its queue is where nothing was deployed."""
PULSES = 6


def _join(world: World) -> None:
    open_account(world)
    with closing(PostgresDatabase(world.owner_url)) as database:
        Administration(database).put_fleet(AccountId(world.account_id), STAGE)


def _taken_out(world: World) -> list[str]:
    """Empty the queue, which is there from then on; return the bodies of its messages."""
    sqs, bodies = world.aws.client("sqs"), []
    url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in found:
            bodies.append(each["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return bodies


def _prepare_queue(world: World) -> None:
    _join(world)
    _taken_out(world)


def _dispatched(world: World, counts: Counts) -> list[str]:
    found = differences(
        counts, accounts=1, silent_accounts=1, pulses_sent=PULSES, pulses_sent_again=0,
        pulses_lost=0,
    )  # fmt: skip
    # Time stands beyond the minute's last pulse, so none is delayed any more.
    seconds = sorted((read_pulse(body).tick_at - NOON).seconds for body in _taken_out(world))
    return found if seconds == [0, 10, 20, 30, 40, 50] else [*found, f"pulses are of {seconds}"]


def _quiet() -> Simulator:
    return a_broker(bars={}, sessions=[A_SESSION], start=A_SESSION.opens_at)


DISPATCH = Trial(
    folder="dispatch_ticks",
    simulator=_quiet,
    prepare=_prepare_queue,
    event=lambda _: {"time": NOON.isoformat()},
    came=_dispatched,
    line="ticks_dispatched",
    metric="PulsesSent",
    hangs=lambda world: world.locked("accounts"),
    stands_at=INSIDE,
    error=Error(
        event={"time": "noon"},
        kind="InvalidInput",
        says='event time was "noon"; an ISO 8601 instant is needed',
        around=lambda _: nullcontext(),
    ),
)


def _prepare_tick(world: World) -> None:
    _join(world)
    vault = world.aws.client("secretsmanager")
    name = account_secret(STAGE, AccountId(world.account_id))
    text = json.dumps({"key_id": BROKER_KEY, "secret_key": BROKER_SECRET})
    try:
        vault.create_secret(Name=name, SecretString=text)
    except vault.exceptions.ResourceExistsException:
        vault.put_secret_value(SecretId=name, SecretString=text)


def _batch(world: World) -> object:
    # Where time does not stand still, the pulse is of now, or it would be refused for its age.
    stands = "STOPWARD_CLOCK_URL" in world.given
    pulse = Pulse(
        account_id=AccountId(world.account_id),
        source="monitor_positions",
        tick_at=NOON if stands else SystemClock().now(),
    )
    message = {
        "MessageId": "m", "ReceiptHandle": "r", "Body": write_pulse(pulse), "MD5OfBody": "",
    }  # fmt: skip
    return {"Records": [record_of(message)]}


def _ticked(world: World, counts: Counts) -> list[str]:
    found = differences(counts, batchItemFailures=[])
    rows = world.rows("select source, count(*)::int from stopward.decisions group by source")
    if rows != [("monitor_positions", 2)]:
        found.append(f"decisions are {rows}, not one of each position")
    return found + protected(world)


TICK = Trial(
    folder="tick_accounts",
    simulator=broker,
    prepare=_prepare_tick,
    event=_batch,
    came=_ticked,
    line="tick_finished",
    metric="PulsesTooOld",
    hangs=broker_hangs,
    stands_at=INSIDE,
    error=Error(
        event={"time": "noon"},
        kind="UnexpectedBatchTypeError",
        says="Unexpected batch event type",
        around=lambda _: nullcontext(),
    ),
)
FLEET = (DISPATCH, TICK)
