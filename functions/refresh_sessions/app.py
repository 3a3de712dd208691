"""Refresh the exchange's sessions each night from the broker's calendar."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.entry import metric_name, scheduled_at
from stopward.errors import StopwardError

logger, metrics = Logger(), Metrics()
refresh = bootstrap.session_refresher()


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Store what the broker says of the sessions from the scheduled day on; return the counts.

    A failure is logged and raised, so that the function's alarm shows; stored sessions stay.
    """
    try:
        summary = refresh(scheduled_at(event).date())
    except StopwardError:
        logger.exception("sessions_not_refreshed")
        raise
    counts = summary.counts()
    said = [each.sentence() for each in summary.disagreements[:10]]
    log = logger.warning if said or summary.is_short else logger.info
    log("sessions_refreshed", extra={**counts, "disagreements": said})
    for name, count in counts.items():
        metrics.add_metric(name=metric_name(name), unit=MetricUnit.Count, value=count)
    return counts
