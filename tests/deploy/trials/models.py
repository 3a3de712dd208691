"""Signals and open positions: scored by a graph from the bucket, logged; a database that hangs."""

from contextlib import closing, nullcontext

from stopward.domain.features import Kind, names
from stopward.domain.identity import Symbol
from stopward.domain.model_file import ModelFile, manifest_text
from stopward.local.simulator import Simulator
from tests.builders.models import ModelWorld
from tests.builders.open_positions import ENTERED
from tests.builders.opened_models import onnx_model
from tests.builders.past_features import FRIDAY, INDEX, minutes
from tests.builders.scoring import registered, sent
from tests.builders.store import A_SESSION, NOON
from tests.deploy.trials.nightly import BUCKET, WRONG_TIME
from tests.deploy.trials.trial import ANSWERED, Counts, Error, Trial, differences
from tests.deploy.world import World, a_broker


def prepare(world: World) -> None:
    """Put a model where the template says, and make it the champion of a new account."""
    with closing(ModelWorld(world.owner_url)) as found:
        world.account_id = found.account_id
        registered(found, _put(world, "entry"))


def _put(world: World, kind: Kind) -> ModelFile:
    model, s3 = onnx_model(kind), world.aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for name, content in (
        ("model.onnx", model.graph),
        ("manifest.json", manifest_text(model.manifest)),
    ):
        s3.put_object(Bucket=BUCKET, Key=f"models/{model.model_id}/{name}", Body=content)
    return model


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

HELD = ("AAPL", "MSFT")


def _bars_broker() -> Simulator:
    bars = {Symbol(each): minutes(each) for each in (*HELD, INDEX)}
    return a_broker(bars=bars, sessions=[FRIDAY, A_SESSION], start=NOON)


def _hold(world: World) -> None:
    with closing(ModelWorld(world.owner_url)) as found:
        world.account_id = found.account_id
        registered(found, _put(world, "open"))
        found.people.put_sessions([FRIDAY])
        found.open(*HELD, opened_at=ENTERED, adopted_at=ENTERED)


def _scored(world: World, counts: Counts) -> list[str]:
    found = differences(
        counts, positions_open=2, positions_unscored=0, positions_scored=2,
        position_scores_binding=0, position_vectors_kept=0, position_minutes_completed=0,
        position_scoring_failures=0, models_refused=0,
    )  # fmt: skip
    rows = world.rows(
        "select s.at, s.probability = p.probability, cardinality(p.vector)"
        " from stopward.position_scores as s inner join stopward.predictions as p"
        " on p.account_id = s.account_id and p.position_id = s.position_id"
        " where s.account_id = %s",
        world.account_id,
    )
    expected = [(NOON, True, len(names("open")))] * 2
    return found if rows == expected else [*found, f"position_scores has {rows}"]


OPEN_SCORES = Trial(
    folder="score_positions",
    simulator=_bars_broker,
    prepare=_hold,
    event=lambda _: {"time": NOON.isoformat()},
    came=_scored,
    line="positions_scored",
    metric="PositionsScored",
    # What is not logged is no score, and the next minute tries anew.
    hangs=lambda world: world.locked("predictions"),
    ends_by=ANSWERED,
    error=WRONG_TIME,
)
