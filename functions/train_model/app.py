"""Train the models of both kinds each night that it is due, and tell how old champions are."""

from secrets import token_hex
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.entry import metric_name, scheduled_at, seconds_left
from stopward.errors import StopwardError
from stopward.training.stored import StoredTrainer

logger, metrics = Logger(), Metrics()
job = bootstrap.training_job(trainer=StoredTrainer())


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Train on what closed until the scheduled minute, if it is due; return the counts.

    A failure is logged and raised, so that the function's alarm shows; the next run takes it up.
    """
    # A retry has the same request id: each run needs a name of its own, or two share a claim.
    holder = f"train_model/{context.aws_request_id}/{token_hex(4)}"
    try:
        found = job.run(
            at=scheduled_at(event), holder=holder, remaining_seconds=seconds_left(context)
        )
    except StopwardError:
        logger.exception("training_broke_off")
        raise
    summary, counts = found.summary, found.counts()
    is_bad = counts["trainings_failed"] or counts["champion_stale"]
    failed = {"failed": summary.failures[:10]} if summary.failures else {}
    (logger.error if is_bad else logger.info)(
        "training_ended", extra={**counts, **summary.facts(), **failed, **found.facts()}
    )
    for name, count in counts.items():
        metrics.add_metric(name=metric_name(name), unit=MetricUnit.Count, value=count)
    return counts
