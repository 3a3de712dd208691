"""The notices: one waits for an SNS topic, and must come out of the queue that listens there."""

import json
from contextlib import closing
from typing import Any

from tests.builders.outbox import Mailroom
from tests.builders.store import A_SESSION
from tests.deploy.trials.trial import Counts, Error, Trial, differences
from tests.deploy.world import World, a_broker

TITLE = "the built function sends this"


def _names(world: World) -> tuple[Any, str]:
    return world.aws.client("sqs"), f"notices-{world.name}"


def prepare(world: World) -> None:
    """Make a topic, a queue that listens, the channel by its secret, and a notice that waits."""
    sqs, name = _names(world)
    sns = world.aws.client("sns")
    topic = sns.create_topic(Name=f"stopward-{name}")["TopicArn"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=asked["Attributes"]["QueueArn"])
    with closing(Mailroom(world.owner_url)) as mail:
        kept = world.aws.secret(f"stopward/channels/{name}", json.dumps({"address": topic}))
        mail.channel(kind="sns", address=kept, secret=None)
        mail.tell(title=TITLE)


def came(world: World, counts: Counts) -> list[str]:
    """Return what is wrong when the one notice was to be delivered once."""
    sqs, name = _names(world)
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    subjects = [json.loads(each["Body"])["Subject"] for each in got]
    found = differences(counts, claimed=1, delivered=1, retried=0, dead=0, pending=0)
    if subjects != [f"Stopward warning: {TITLE}"]:
        found.append(f"the queue behind the topic got {subjects}")
    return found


OUTBOX = Trial(
    folder="deliver_outbox",
    simulator=lambda: a_broker(bars={}, sessions=[A_SESSION], start=A_SESSION.opens_at),
    prepare=prepare,
    event=lambda _: {"time": "2026-11-23T17:00:00Z"},
    came=came,
    line="outbox_delivered",
    metric="NoticesDelivered",
    hangs=lambda world: world.locked("outbox"),
    ends_by="DatabaseUnavailable",
    error=Error(
        event={"time": "2026-11-23T17:01:00Z"},
        kind="DatabaseUnavailable",
        says="",
        around=lambda world: world.gone(),
    ),
)
