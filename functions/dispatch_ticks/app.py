"""Dispatch each minute's pulses of a fleet: one message an account and pulse."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.entry import metric_name, report_failure, scheduled_at, seconds_left

logger, metrics = Logger(), Metrics()
dispatcher = bootstrap.tick_dispatcher(on_failure=report_failure(logger))


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Send the pulses of one scheduled minute; return the counts."""
    found = dispatcher.run(scheduled_at(event), seconds_left(context))
    counts = found.counts()
    logger.info(
        "ticks_dispatched",
        extra={"minute": event["time"], **counts, "longest_silent": found.longest_silent},
    )
    for name, count in counts.items():
        metrics.add_metric(name=metric_name(name), unit=MetricUnit.Count, value=count)
    return counts
