"""Every function's trial; tests/deploy/test_every_function.py compares them with functions/."""

from collections.abc import Mapping

from tests.deploy.trials.fleet import FLEET
from tests.deploy.trials.guards import GUARDS
from tests.deploy.trials.learning import TRAINING
from tests.deploy.trials.models import OPEN_SCORES, SCORES
from tests.deploy.trials.nightly import EXITS, FEATURES, JOURNAL, SESSIONS
from tests.deploy.trials.outbox import OUTBOX
from tests.deploy.trials.shard import SHARD
from tests.deploy.trials.tracking import TRACKING

TRIALS = (
    SHARD, TRAINING, *GUARDS, *FLEET, OUTBOX, SESSIONS, EXITS, FEATURES, TRACKING, JOURNAL, SCORES,
    OPEN_SCORES,
)  # fmt: skip
"""The longest first, for two run at a time."""
IMAGES: Mapping[str, str] = {
    SHARD.folder: "infra/sweep.yaml",
    TRAINING.folder: "template.yaml",
}
"""Those that are container images, and the template of each: nothing is zipped, steps are done."""
