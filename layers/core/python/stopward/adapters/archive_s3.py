"""An archive in a bucket of S3; botocore loads only when it is used."""

import hashlib
import os
from base64 import b64encode
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar, cast

from stopward.adapters.patience import patience
from stopward.errors import ArchiveRejected, ArchiveUnavailable

CONNECT_SECONDS = 3
READ_SECONDS = 60
ATTEMPTS = 4
CHUNK = 1 << 20
LARGEST_BYTES = 5 * 1024**3
"""What S3 takes in one request; a month is a fiftieth of it."""
THERE_ALREADY = frozenset({"PreconditionFailed", "412"})
MISSING = frozenset({"NoSuchKey", "404"})
PASSES = frozenset(
    {"ConditionalRequestConflict", "InternalError", "OperationAborted", "RequestTimeout",
     "ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException", "BadDigest"}
)  # fmt: skip
"""Codes after which the same request may succeed; every status of 500 and more does too."""
SERVER_ERROR = 500

Answer = TypeVar("Answer")


class S3Archive:
    """Objects in a bucket, under a prefix (without slashes around it; empty for none).

    The role needs s3:PutObject and s3:GetObject on them, and s3:ListBucket on the bucket, or a
    missing object looks like a forbidden one.
    """

    def __init__(self, bucket: str, *, prefix: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._made: Any = None

    def location(self, key: str) -> str:
        """Return the object's URL: s3://bucket/key."""
        return f"s3://{self._bucket}/{self._prefix}{key}"

    def put(self, key: str, source: BinaryIO) -> bool:
        """Write an object whole or not at all; False when there is one of that key.

        S3 compares what came with the SHA-256 of what was sent.
        """
        size = source.seek(0, os.SEEK_END)
        if size > LARGEST_BYTES:
            raise ArchiveRejected(f"{self.location(key)} would be {size} bytes, too many for S3")
        checksum = _sha256(source)
        source.seek(0)
        try:
            self._ask(
                key,
                lambda client: client.put_object(
                    Bucket=self._bucket,
                    Key=self._prefix + key,
                    Body=source,
                    ContentLength=size,
                    ChecksumSHA256=b64encode(checksum).decode("ascii"),
                    IfNoneMatch="*",
                ),
            )
        except FileExistsError:
            return False
        return True

    def open(self, key: str) -> BinaryIO:
        """Return an object to read, as it streams in."""
        answer = self._ask(
            key,
            lambda client: client.get_object(Bucket=self._bucket, Key=self._prefix + key),
        )
        return cast("BinaryIO", _Body(answer["Body"], self.location(key)))

    def _ask(self, key: str, ask: Callable[[Any], Answer]) -> Answer:
        from botocore.exceptions import BotoCoreError, ClientError

        where = self.location(key)
        try:
            return ask(self._client())
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            if code in THERE_ALREADY:
                raise FileExistsError(where) from error
            if code in PASSES or status >= SERVER_ERROR:
                raise ArchiveUnavailable(f"{where}: {code or status}") from error
            if code in MISSING:
                raise ArchiveRejected(f"{where} is not there") from error
            raise ArchiveRejected(
                f"{where}: {code or status}; does the bucket exist, and may this role use it?"
            ) from error
        except BotoCoreError as error:
            raise ArchiveUnavailable(f"{where}: no answer ({type(error).__name__})") from error

    def _client(self) -> Any:
        if self._made is None:
            from stopward.adapters.aws_client import aws_client

            self._made = aws_client(
                "s3",
                config=patience(
                    connect_seconds=CONNECT_SECONDS,
                    read_seconds=READ_SECONDS,
                    attempts=ATTEMPTS,
                ),
            )
        return self._made


def _sha256(source: BinaryIO) -> bytes:
    source.seek(0)
    found = hashlib.sha256()
    while part := source.read(CHUNK):
        found.update(part)
    return found.digest()


class _Body:
    """A body that says of a broken connection what every archive says."""

    def __init__(self, body: Any, where: str) -> None:
        self._body = body
        self._where = where

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; empty at the end."""
        from botocore.exceptions import BotoCoreError, IncompleteReadError

        try:
            found: bytes = self._body.read(None if size < 0 else size)
        except (BotoCoreError, IncompleteReadError) as error:
            raise ArchiveUnavailable(f"{self._where}: it broke off") from error
        return found

    def close(self) -> None:
        """Let go of the connection."""
        self._body.close()
