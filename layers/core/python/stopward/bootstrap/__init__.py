"""The composition root: the only place that chooses adapters.

Each function of Lambda is wired by one function here, which loads what that one needs and nothing
else: a cold start pays for every module.
"""

from stopward.bootstrap.beside import (
    OUTBOX_SECONDS,
    exit_attributor,
    feature_check,
    journal_keeper,
    model_tracker,
    outbox_deliverer,
    session_refresher,
    shard_walker,
)
from stopward.bootstrap.guards import fleet_guard, minute_guard, tick_dispatcher
from stopward.bootstrap.learning import training_job
from stopward.bootstrap.models import position_scoring, predictor
from stopward.bootstrap.parts import MARKET_INDEX, functions, settings_of

__all__ = [
    "MARKET_INDEX",
    "OUTBOX_SECONDS",
    "exit_attributor",
    "feature_check",
    "fleet_guard",
    "functions",
    "journal_keeper",
    "minute_guard",
    "model_tracker",
    "outbox_deliverer",
    "position_scoring",
    "predictor",
    "session_refresher",
    "settings_of",
    "shard_walker",
    "tick_dispatcher",
    "training_job",
]
