"""Walk one shard of a sweep: rule sets over positions and bars that lie in a bucket."""

from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.entry import metric_name
from stopward.replay.sharding.shards import parse_shard

logger, metrics = Logger(), Metrics()
walker = bootstrap.shard_walker(compiled=Path(__file__).parent / "machine-code")


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Walk the shard that an item of a manifest names, unless its result is there."""
    shard = parse_shard(event, source="event")
    counts = walker.walk(shard).counts()
    logger.info("shard_walked", extra={"place": shard.place, "result": shard.result, **counts})
    for name, count in counts.items():
        metrics.add_metric(name=metric_name(name), unit=MetricUnit.Count, value=count)
    return counts
