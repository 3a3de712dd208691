"""A signal: scored by a graph from the bucket, logged with its vector; a database that hangs."""

from contextlib import closing, nullcontext

from stopward.domain.features import names
from stopward.domain.model_file import manifest_text
from tests.builders.models import ModelWorld
from tests.builders.opened_models import onnx_model
from tests.builders.scoring import registered, sent
from tests.builders.store import A_SESSION
from tests.deploy.trials.nightly import BUCKET
from tests.deploy.trials.trial import ANSWERED, Counts, Error, Trial, differences
from tests.deploy.world import World, a_broker


def prepare(world: World) -> None:
    """Put a model where the template says, and make it the champion of a new account."""
    model, s3 = onnx_model(), world.aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for name, content in (
        ("model.onnx", model.graph),
        ("manifest.json", manifest_text(model.manifest)),
    ):
        s3.put_object(Bucket=BUCKET, Key=f"models/{model.model_id}/{name}", Body=content)
    with closing(ModelWorld(world.owner_url)) as found:
        world.account_id = found.account_id
        registered(found, model)


def came(world: World, counts: Counts) -> list[str]:
    """Return what is wrong when the one signal was to be scored and logged."""
    found = differences(counts, status=200, logged=True, account_id=world.account_id)
    (scored,) = counts["scores"]
    found += differences(scored, reason=None, binds=False)
    rows = world.rows(
        "select probability, cardinality(vector) from stopward.predictions where account_id = %s",
        world.account_id,
    )
    if scored["score"] is None or rows != [(scored["score"]["probability"], len(names("entry")))]:
        found.append(f"predictions are {rows}, answered was {scored['score']}")
    return found


SCORES = Trial(
    folder="predict",
    simulator=lambda: a_broker(bars={}, sessions=[A_SESSION], start=A_SESSION.opens_at),
    prepare=prepare,
    event=lambda _: sent(),
    came=came,
    line="signals_scored",
    metric="ScoresServed",
    # The score is answered all the same, and says that it is not logged.
    hangs=lambda world: world.locked("predictions"),
    ends_by=ANSWERED,
    error=Error(
        event={"signals": []},
        kind=ANSWERED,
        says="one signal and more",
        around=lambda _: nullcontext(),
    ),
)
