"""moto's server, and a ledger of what each function asked of AWS there, in the words of IAM."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

SIGNED = re.compile(r"Credential=([^/]+)/\d{8}/[^/]+/([^/]+)/aws4_request")
BATCHES = re.compile(r"Batch$")
OBJECT_ACTIONS = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject"}
"""HEAD asks for the right to read; a POST begins or ends an upload in parts.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
"""
NAMED_BY = ("SecretId", "TopicArn", "QueueUrl")
"""What in a request names the resource."""


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """One request. action: the right that it needs; resource: the ARN that it is needed for."""

    action: str
    resource: str


@dataclass(slots=True)
class Ledger:
    """What was asked, by the access key that signed it; a WSGI application around moto's."""

    app: Any
    _calls: dict[str, set[Call]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Note the request and hand it on."""
        signed = SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
        if signed is not None:
            key, service = signed.groups()
            call = call_of(service, environ)
            with self._lock:
                self._calls.setdefault(key, set()).add(call)
        answer: Iterable[bytes] = self.app(environ, start_response)
        return answer

    def calls_of(self, key: str) -> frozenset[Call]:
        """Return what was asked with an access key."""
        with self._lock:
            return frozenset(self._calls.get(key, ()))


def call_of(service: str, environ: dict[str, Any]) -> Call:
    """Return what a request needs the right for; its body can still be read after it."""
    method = str(environ["REQUEST_METHOD"])
    if service == "s3":
        bucket, _, name = unquote(str(environ["PATH_INFO"])).lstrip("/").partition("/")
        reads = {"GET": "ListBucket", "HEAD": "ListBucket"} if not name else OBJECT_ACTIONS
        action = reads.get(method, f"{method} of {'an object' if name else 'a bucket'}")
        arn = f"arn:aws:s3:::{bucket}/{name}" if name else f"arn:aws:s3:::{bucket}"
        return Call(f"s3:{action}", arn)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    given: Mapping[str, Any] = (
        json.loads(body)
        if target
        else {name: values[0] for name, values in parse_qs(body.decode()).items()}
    )
    operation = target.rpartition(".")[2] or str(given.get("Action", f"{method} of something"))
    named = next((str(given[name]) for name in NAMED_BY if name in given), "")
    if "SecretId" in given and not named.startswith("arn:"):
        named = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{named}"
    if "QueueUrl" in given:
        named = f"arn:aws:sqs:us-east-1:123456789012:{named.rpartition('/')[2]}"
    return Call(f"{service}:{BATCHES.sub('', operation)}", named)


@contextmanager
def served() -> Iterator[tuple[str, Ledger]]:
    """Serve moto on a free port; yield its URL and the ledger. It ends with the block."""
    ledger = Ledger(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, ledger, True, request_handler=MotoRequestHandler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", ledger
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
