"""Deliver each minute what waits in the outbox for channels that are ours."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.entry import metric_name, seconds_left

COUNTS = ("delivered", "retried", "dead")

logger, metrics = Logger(), Metrics()
delivery = bootstrap.outbox_deliverer()


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, float]:
    """Deliver until nothing is due or time is short; return the counts."""
    counts = delivery.run(seconds_left(context), holder=context.aws_request_id).counts()
    logger.info("outbox_delivered", extra=counts)
    for name in COUNTS:
        metrics.add_metric(
            name=f"Notices{metric_name(name)}", unit=MetricUnit.Count, value=counts[name]
        )
    metrics.add_metric(
        name="NoticesOldestPending", unit=MetricUnit.Seconds, value=counts["oldest_pending_seconds"]
    )
    return counts
