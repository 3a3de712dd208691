"""Every function's trial; tests/deploy/test_every_function.py compares them with functions/."""

from tests.deploy.trials.fleet import FLEET
from tests.deploy.trials.guards import GUARDS
from tests.deploy.trials.nightly import EXITS, FEATURES, JOURNAL, SESSIONS
from tests.deploy.trials.outbox import OUTBOX
from tests.deploy.trials.shard import SHARD
from tests.deploy.trials.tracking import TRACKING

TRIALS = (SHARD, *GUARDS, *FLEET, OUTBOX, SESSIONS, EXITS, FEATURES, TRACKING, JOURNAL)
"""The longest first, for two run at a time."""
IMAGES = frozenset({SHARD.folder})
"""Those that are container images: their steps are done, nothing is zipped."""
