"""Guard the accounts of a fleet: one message is one tick, and nothing sleeps."""

from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.adapters.pulses_sqs import read_pulse
from stopward.entry import add_counts, report_failure, seconds_left
from stopward.services.fleet import TooOld
from stopward.services.guard import Summary

logger, metrics = Logger(), Metrics()
fleet = bootstrap.fleet_guard(on_failure=report_failure(logger))
# What failed is named in the answer; to raise as well would tell the same twice.
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@dataclass(slots=True, kw_only=True)
class Batch:
    """The ticks of one invocation, added up. too_old: pulses that were refused for their age."""

    context: LambdaContext
    total: Summary = field(default_factory=Summary)
    too_old: int = 0

    def tick(self, record: SQSRecord) -> None:
        """Run the tick of one message, and log it in one line."""
        pulse = read_pulse(record.body)
        about = {
            "account_id": pulse.account_id,
            "source": pulse.source,
            "tick_at": pulse.tick_at.isoformat(),
            "age_seconds": round(pulse.age(fleet.clock.now()).total_seconds(), 3),
        }
        found = fleet.tick(
            pulse, seconds_left(self.context), invocation=self.context.aws_request_id
        )
        if isinstance(found, TooOld):
            self.too_old += 1
            logger.warning("pulse_too_old", extra=about)
            return
        self.total = self.total.plus(found)
        logger.info("tick_finished", extra={**about, **found.counts()})


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Run the tick of each message; return those that failed, in the form that SQS asks for."""
    batch = Batch(context=context)
    answer = process_partial_response(
        event=event, record_handler=batch.tick, processor=processor, context=context
    )
    for _, error, _ in processor.exceptions:
        logger.error("pulse_failed", exc_info=error)
    add_counts(batch.total, metrics)
    for name, count in (
        ("PulsesTooOld", batch.too_old),
        ("PulsesFailed", len(processor.exceptions)),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    return answer
