"""Score signals: called directly with one or a batch, or over the function URL."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stopward import bootstrap
from stopward.adapters.function_url import http_answer, http_method, json_body
from stopward.adapters.signals import refusal
from stopward.entry import metric_name
from stopward.errors import InvalidInput
from stopward.services.answers import document

POST = "POST"
OK, WRONG_METHOD, UNUSABLE = 200, 405, 422

logger, metrics = Logger(), Metrics()
predictor = bootstrap.predictor()


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Return the scores of what is asked; status 422 and each fault where it cannot be used.

    A direct call gets the document with its status, the function URL gets it as HTTP.
    """
    method = http_method(event)
    try:
        if method not in (None, POST):
            raise InvalidInput(f"the method was {method}; allowed is {POST}")
        status, told = OK, scored(event if method is None else json_body(event))
    except InvalidInput as error:
        status, told = UNUSABLE if method in (None, POST) else WRONG_METHOD, refusal(error)
        logger.warning("request_refused", extra={"errors": told["errors"][:10]})
        add({"requests": 1, "requests_refused": 1})
    return {"status": status, **told} if method is None else http_answer(status, told)


def scored(asked: object) -> dict[str, Any]:
    """Score what is asked, log one line, add the metrics; InvalidInput where it cannot be used."""
    request = predictor.read(asked)
    answer = predictor.scoring.score(request.account_id, request.signals)
    counts, told = answer.counts(), document(answer)
    is_well = not (counts["scores_unserved"] or counts["scores_unlogged"])
    log = logger.info if is_well else logger.error
    log("signals_scored", extra={**counts, "account_id": request.account_id, **answer.troubles()})
    add({"requests": 1, "requests_refused": 0, **counts})
    metrics.add_metric(name="ScoreLatency", unit=MetricUnit.Milliseconds, value=told["latency_ms"])
    return told


def add(counts: dict[str, int]) -> None:
    """Add counts to the metrics."""
    for name, count in counts.items():
        metrics.add_metric(name=metric_name(name), unit=MetricUnit.Count, value=count)
