"""The training of a model in its image: learners, converter and graph as the pins have them."""

from contextlib import closing

from tests.builders.models import ModelWorld
from tests.builders.simulated_trades import some_trades
from tests.builders.store import A_SESSION
from tests.builders.training import BEGAN, store_journal
from tests.deploy.trials.nightly import BUCKET, WRONG_TIME
from tests.deploy.trials.trial import TIMEOUTS, Counts, Trial, differences
from tests.deploy.world import World, a_broker

TRADES = 240


def _close_trades(world: World) -> None:
    world.aws.client("s3").create_bucket(Bucket=BUCKET)
    with closing(ModelWorld(world.owner_url)) as found:
        world.account_id = found.account_id
        store_journal(found, some_trades(TRADES, oracle_auc=0.85, seed=1, features=4))


def _trained(world: World, counts: Counts) -> list[str]:
    found = differences(
        counts, trainings=1, trainings_published=1, trainings_failed=0, trainings_lost=0,
        training_trades=TRADES, training_without_vector=0, champion_stale=0,
    )  # fmt: skip
    ((model, location),) = world.rows(
        "select m.id, m.location from stopward.models as m inner join stopward.model_aliases as a"
        " on a.account_id = m.account_id and a.model_id = m.id and a.alias = 'champion'"
        " where m.account_id = %s",
        world.account_id,
    )
    listed = world.aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"models/{model}/")
    keys = sorted(each["Key"] for each in listed.get("Contents", []))
    if keys != [f"models/{model}/{name}" for name in ("manifest.json", "model.onnx")]:
        found.append(f"the bucket holds {keys}")
    if location != f"s3://{BUCKET}/models/{model}/model.onnx":
        found.append(f"its location is {location}")
    return found


TRAINING = Trial(
    folder="train_model",
    simulator=lambda: a_broker(bars={}, sessions=[A_SESSION], start=A_SESSION.opens_at),
    prepare=_close_trades,
    event=lambda _: {"time": BEGAN.isoformat()},
    came=_trained,
    line="training_ended",
    metric="TrainingsPublished",
    # The learners alone may take eight seconds to load; in 24 the gateway's ten are over first.
    hangs=lambda world: world.locked("trades"),
    timeouts=(TIMEOUTS[-1],),
    ends_by="DatabaseUnavailable",
    error=WRONG_TIME,
)
