"""What scheduled functions share at their door: the event, the time left, one log line, metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit

from stopward.errors import InvalidInput

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from stopward.services.guard import Summary

METRICS = (
    "ticks", "positions", "exits", "moves", "arms", "orders_rejected", "trades", "unprotected",
    "unusable_views", "failures", "busy",
)  # fmt: skip
"""Counts that become metrics, in CamelCase; alarms name these and no others."""


def scheduled_at(event: Mapping[str, object]) -> datetime:
    """Return the scheduled minute of an event `{"time": ...}`: the identity of its ticks.

    Raises InvalidInput when it is missing, not ISO 8601, or without a time zone. Seconds are cut
    off, so that a schedule that is delivered late or twice names the same minute.
    """
    text = event.get("time")
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise InvalidInput(f'event time was "{text}"; an ISO 8601 instant is needed') from error
    if moment.tzinfo is None:
        raise InvalidInput(f'event time was "{text}"; it needs a time zone, as in ...T14:30:00Z')
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def seconds_left(context: LambdaContext) -> Callable[[], float]:
    """Return a function that tells the seconds until Lambda ends the invocation."""
    return lambda: context.get_remaining_time_in_millis() / 1000


def report_failure(logger: Logger) -> Callable[[str, Exception], None]:
    """Return what the guard calls for a failure that it survived: one error line each."""

    def report(where: str, error: Exception) -> None:
        logger.error("failure_survived", extra={"where": where}, exc_info=error)

    return report


def emit(
    summary: Summary, *, event: Mapping[str, object], logger: Logger, metrics: Metrics
) -> None:
    """Log one line with all counts and add the metrics."""
    logger.info("tick_finished", extra={"tick_at": event.get("time"), **summary.counts()})
    add_counts(summary, metrics)


def add_counts(summary: Summary, metrics: Metrics) -> None:
    """Add what became of one tick, or of several, to the metrics."""
    counts = summary.counts()
    for name in METRICS:
        metrics.add_metric(name=metric_name(name), unit=MetricUnit.Count, value=counts[name])
    metrics.add_metric(
        name="UnprotectedSeconds", unit=MetricUnit.Seconds, value=summary.unprotected_seconds
    )


def metric_name(count: str) -> str:
    """Return a count's name as a metric: `orders_rejected` is `OrdersRejected`."""
    return "".join(word.capitalize() for word in count.split("_"))
