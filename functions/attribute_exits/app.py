"""Attribute what closed trades each evening: what each rule saved or cost, from the day's bars."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.entry import metric_name, scheduled_at, seconds_left
from stopward.errors import StopwardError

logger, metrics = Logger(), Metrics()
attribution = bootstrap.exit_attributor()


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Attribute what waits as of the scheduled minute, until time is short; return the counts.

    A failure is logged and raised, so that the function's alarm shows; what was stored stays.
    """
    try:
        found = attribution.run(scheduled_at(event), seconds_left(context))
    except StopwardError:
        logger.exception("exits_not_attributed")
        raise
    summary, counts = found.summary, found.counts()
    log = logger.error if summary.failures else logger.info
    why = dict(sorted(summary.unknown.items()))
    failed = summary.failures[:10]
    log(
        "exits_attributed",
        extra={**counts, "unknown": why, "failed": failed, **found.facts()},
    )
    for name, count in counts.items():
        metrics.add_metric(name=metric_name(name), unit=MetricUnit.Count, value=count)
    return counts
