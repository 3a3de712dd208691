"""One shard of a sweep in a bucket; its rules are not among those compiled into the image."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from unittest.mock import patch

from stopward.adapters.archive_location import archive_at
from stopward.local.simulator import Simulator
from stopward.replay.compiled import keep_in
from stopward.replay.sharding.sending import Sent, send
from stopward.replay.sharding.walking import join
from tests.builders.sharding import an_order, walked_here
from tests.builders.store import A_SESSION
from tests.conftest import MACHINE_CODE
from tests.deploy.trials.trial import Counts, Error, Trial, differences
from tests.deploy.world import REGION, World, a_broker

SETS = 7
BUCKET = "local-sweepbucket"
"""What the template's reference to its bucket is where nothing was deployed."""


@contextmanager
def _at(world: World) -> Iterator[None]:
    # Our own half of a sweep, as a person's machine does it.
    given = {
        "AWS_ENDPOINT_URL": world.aws.url,
        "AWS_ACCESS_KEY_ID": "opens-nothing",
        "AWS_SECRET_ACCESS_KEY": "opens-nothing",
        "AWS_DEFAULT_REGION": REGION,
    }
    with patch.dict(os.environ, given):
        yield


def _sent(world: World) -> Sent:
    with _at(world):
        place = f"s3://{world.bucket}/mine"
        return send(an_order(), place=place, archive_at=archive_at, sets_a_shard=SETS)


def prepare(world: World) -> None:
    """Lay a sweep into a bucket."""
    world.bucket = BUCKET
    world.aws.client("s3").create_bucket(Bucket=world.bucket)
    _sent(world)


def came(world: World, counts: Counts) -> list[str]:
    """Return what is wrong when the image was to find what this machine finds, to the last bit."""
    found = differences(counts, sets_walked=SETS, sets_kept=0)
    keep_in(MACHINE_CODE)
    order = an_order()
    with _at(world):
        there = join(archive_at(_sent(world).place), sets=SETS, positions=order.positions)
    if there.net_r.tobytes() != walked_here(order).net_r.tobytes():
        found.append("the results are other than those of this machine")
    return found


def _no_broker() -> Simulator:
    return a_broker(bars={}, sessions=[A_SESSION], start=A_SESSION.opens_at)


SHARD = Trial(
    folder="replay_shard",
    simulator=_no_broker,
    prepare=prepare,
    event=lambda world: asdict(_sent(world).shards[0]),
    came=came,
    line="shard_walked",
    metric="SetsWalked",
    hangs=lambda world: world.aws_hanging(),
    error=Error(
        event={"time": "2026-11-23T06:00:00Z"},
        kind="InvalidInput",
        says="event: was ['time']; a shard has place, first, last, result",
        around=lambda _: nullcontext(),
    ),
    needs_secrets=False,
)
