"""Tighten stops each minute, half a pulse after the monitor: breakeven, ratchet, targets."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.entry import emit, report_failure, scheduled_at, seconds_left

logger, metrics = Logger(), Metrics()
guard = bootstrap.minute_guard(source="check_breakeven", on_failure=report_failure(logger))


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, float]:
    """Run the pulses of one scheduled minute; return their counts."""
    summary = guard.run(
        scheduled_at(event), seconds_left(context), invocation=context.aws_request_id
    )
    emit(summary, event=event, logger=logger, metrics=metrics)
    return summary.counts()
