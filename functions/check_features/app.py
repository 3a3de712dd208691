"""Make features anew each evening: store what is missing, compare what is stored, tell of skew."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.entry import metric_name, scheduled_at, seconds_left
from stopward.errors import StopwardError

logger, metrics = Logger(), Metrics()
check = bootstrap.feature_check()


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Check features as of the scheduled minute, until time is short; return the counts.

    A failure is logged and raised, so that the function's alarm shows; what was stored stays.
    """
    try:
        found = check.run(scheduled_at(event), seconds_left(context))
    except StopwardError:
        logger.exception("features_not_checked")
        raise
    summary, counts = found.summary, found.counts()
    log = logger.error if summary.failures or summary.is_skewed else logger.info
    why = dict(sorted(summary.unfit.items()))
    differing = dict(summary.differing.most_common(10))
    failed = summary.failures[:10]
    log(
        "features_checked",
        extra={
            **counts,
            "unfit": why,
            "differing": differing,
            "failed": failed,
            "skewed_in": summary.skewed_in[:10],
            **found.facts(),
        },
    )
    for name, count in counts.items():
        metrics.add_metric(name=metric_name(name), unit=MetricUnit.Count, value=count)
    return counts
