"""Judge each evening what models said by what came of it, store the figures, tell of drift."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.entry import metric_name, scheduled_at, seconds_left
from stopward.errors import StopwardError

logger, metrics = Logger(), Metrics()
tracker = bootstrap.model_tracker()


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Track models as of the scheduled minute, until time is short; return the counts.

    A failure is logged and raised, so that the function's alarm shows; what was stored stays.
    """
    try:
        found = tracker.run(now=scheduled_at(event), remaining_seconds=seconds_left(context))
    except StopwardError:
        logger.exception("models_not_tracked")
        raise
    summary, counts = found.summary, found.counts()
    log = logger.error if summary.failures or summary.drifting else logger.info
    drifting = {model: list(why) for model, why in [*summary.drifting.items()][:10]}
    log(
        "models_judged",
        extra={**counts, "drifting": drifting, "failed": summary.failures[:10], **found.facts()},
    )
    for name, count in counts.items():
        metrics.add_metric(name=metric_name(name), unit=MetricUnit.Count, value=count)
    return counts
