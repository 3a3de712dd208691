"""The tracking of models: a champion has spoken, its trades are over."""

from tests.builders.models import ModelWorld, champion, speak
from tests.builders.store import A_SESSION
from tests.deploy.trials.nightly import EVENING, WRONG_TIME
from tests.deploy.trials.trial import Counts, Trial, differences
from tests.deploy.world import World, a_broker

SAID = [("AAPL", 0.8, 2.0, "0"), ("MSFT", 0.3, -1.0, "0")]


def _speak(world: World) -> None:
    found = ModelWorld(world.owner_url)
    try:
        world.account_id = found.account_id
        champion(found)
        speak(found, SAID)
    finally:
        found.close()


def _tracked(world: World, counts: Counts) -> list[str]:
    found = differences(
        counts, predictions_resolved=0, minutes_completed=0, minutes_trimmed=0, models_tracked=1,
        models_waiting=0, models_done=0, models_drifting=0, tracking_failures=0, tracking_cut=0,
    )  # fmt: skip
    rows = world.rows("select model_id, n, auc from stopward.model_statistics")
    return found if rows == [("m1", 2, 1.0)] else [*found, f"model_statistics has {rows}"]


TRACKING = Trial(
    folder="track_models",
    simulator=lambda: a_broker(bars={}, sessions=[A_SESSION], start=A_SESSION.opens_at),
    prepare=_speak,
    event=lambda _: {"time": EVENING.isoformat()},
    came=_tracked,
    line="models_judged",
    metric="ModelsTracked",
    hangs=lambda world: world.locked("predictions"),
    error=WRONG_TIME,
)
