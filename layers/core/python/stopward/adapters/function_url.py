"""What a function URL sends and takes: HTTP as AWS Lambda wraps it, payload format 2.0.

Source: AWS Lambda Developer Guide, "Invoking Lambda function URLs".
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from stopward.errors import InvalidInput


def http_method(event: object) -> str | None:
    """Return the method of a request that came over a function URL; None for a direct call."""
    context = event.get("requestContext") if isinstance(event, Mapping) else None
    http = context.get("http") if isinstance(context, Mapping) else None
    return str(http.get("method", "")) if isinstance(http, Mapping) else None


def json_body(event: Mapping[str, Any]) -> Any:
    """Return the body's JSON. Raises InvalidInput for what is none."""
    body = event.get("body") or ""
    try:
        text = b64decode(body, validate=True) if event.get("isBase64Encoded") else body
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is no JSON: {error}") from error


def http_answer(status: int, document: object) -> dict[str, Any]:
    """Return an answer with a JSON body, as Lambda makes HTTP of it."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(document, allow_nan=False),
    }
