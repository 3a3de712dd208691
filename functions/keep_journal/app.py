"""Keep the journal's months each night: made ahead, filed, archived and then dropped."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.entry import metric_name, scheduled_at, seconds_left

logger, metrics = Logger(), Metrics()
keeper = bootstrap.journal_keeper()


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Keep the journal as of the scheduled day; return the counts."""
    summary = keeper.keep(today=scheduled_at(event).date(), remaining_seconds=seconds_left(context))
    counts = summary.counts()
    log = logger.error if summary.failures else logger.info
    log("journal_kept", extra={**counts, "failed": summary.failures})
    for name, count in counts.items():
        metrics.add_metric(name=metric_name(name), unit=MetricUnit.Count, value=count)
    return counts
