"""Score open positions each minute of a session, where ticks may read it; no tick waits for it."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.entry import metric_name, scheduled_at, seconds_left
from stopward.errors import StopwardError

logger, metrics = Logger(), Metrics()
positions = bootstrap.position_scoring()


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Score what is open as of the scheduled minute; return the counts.

    A failure is logged, counted and raised: then ticks find no fresh score, and go by none.
    """
    try:
        found = positions.run(scheduled_at(event), seconds_left(context))
    except StopwardError:
        logger.exception("positions_not_scored")
        name = metric_name("position_scoring_failures")
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
        raise
    summary, counts = found.summary, found.counts()
    troubles = summary.troubles()
    log = logger.error if summary.failures or "refused" in troubles else logger.info
    why = dict(sorted(summary.unscored.items()))
    log(
        "positions_scored",
        extra={
            **counts,
            "unscored": why,
            "failed": summary.failures[:10],
            **troubles,
            **found.facts(),
        },
    )
    for name, count in counts.items():
        metrics.add_metric(name=metric_name(name), unit=MetricUnit.Count, value=count)
    return counts
