"""Both archives keep the same promises: written once, whole or not at all, read as written."""

import collections
import io
import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody
from moto import mock_aws

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.archive_location import archive_at, object_at
from stopward.adapters.archive_s3 import S3Archive
from stopward.errors import ArchiveRejected, ArchiveUnavailable, InvalidInput
from stopward.ports import Archive

BUCKET = "months-of-the-journal"
KEY = "journal/decisions/2024-01.0123456789ab.ndjson.gz"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client
        client.close()


@pytest.fixture(params=["folder", "s3", "s3 with a prefix"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    if request.param == "folder":
        return FolderArchive(tmp_path / "not" / "yet there")
    request.getfixturevalue("aws")
    return S3Archive(BUCKET, prefix="/mine/" if "prefix" in request.param else "")


def content(archive: Archive, key: str = KEY) -> bytes:
    with closing(archive.open(key)) as source:
        return source.read()


def test_what_is_written_is_read(archive: Archive) -> None:
    assert archive.put(KEY, io.BytesIO(b"content"))
    assert content(archive) == b"content"


def test_it_is_written_from_the_start_of_the_file(archive: Archive) -> None:
    source = io.BytesIO(b"content")
    source.seek(4)
    assert archive.put(KEY, source)
    assert content(archive) == b"content"


def test_large_content_is_read_in_parts(archive: Archive) -> None:
    written = os.urandom(3_000_001)
    archive.put(KEY, io.BytesIO(written))
    with closing(archive.open(KEY)) as source:
        parts = list(iter(lambda: source.read(100_000), b""))
    assert b"".join(parts) == written
    assert max(map(len, parts)) <= 100_000


def test_nothing_is_ever_overwritten(archive: Archive) -> None:
    archive.put(KEY, io.BytesIO(b"first"))
    assert not archive.put(KEY, io.BytesIO(b"second"))
    assert content(archive) == b"first"


def test_two_keys_are_two_objects(archive: Archive) -> None:
    archive.put(KEY, io.BytesIO(b"first"))
    assert archive.put(f"{KEY}.other", io.BytesIO(b""))
    assert (content(archive), content(archive, f"{KEY}.other")) == (b"first", b"")


def test_what_is_not_there_is_refused_by_its_address(archive: Archive) -> None:
    with pytest.raises(ArchiveRejected, match="is not there") as caught:
        archive.open(KEY)
    assert KEY in str(caught.value)


def test_the_address_leads_to_the_object(archive: Archive) -> None:
    archive.put(KEY, io.BytesIO(b"content"))
    place, key = object_at(archive.location(KEY))
    assert content(place, key) == b"content"


def test_an_object_may_be_given_as_a_plain_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.gz").write_bytes(b"content")
    monkeypatch.chdir(tmp_path)
    for location in (str(tmp_path / "one.gz"), "one.gz", "./one.gz"):
        assert content(*object_at(location)) == b"content"


def test_an_object_at_the_root_of_the_disk_is_read_there() -> None:
    for location in ("file:///one.gz", "/one.gz"):
        place, key = object_at(location)
        assert isinstance(place, FolderArchive)
        assert (place.location(key), key) == ("file:///one.gz", "one.gz")


@pytest.mark.parametrize("prefix", ["a#b", "a?b=c", "a%20b", "x/y"])
def test_a_prefix_is_taken_as_it_is_written(prefix: str) -> None:
    assert archive_at(f"s3://bucket/{prefix}").location("k") == f"s3://bucket/{prefix}/k"


@pytest.mark.parametrize("place", ["", "ftp://host/x", "s3://", "file://host/x", "https://b.s3/x"])
def test_a_place_of_no_known_kind_is_refused(place: str) -> None:
    with pytest.raises(InvalidInput, match="allowed is"):
        archive_at(place)


@pytest.mark.parametrize("location", ["", "folder/", "s3://bucket", "s3://"])
def test_an_object_without_a_name_is_refused(location: str) -> None:
    with pytest.raises(InvalidInput, match="allowed is"):
        object_at(location)


def test_a_key_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRejected, match="leads out"):
        FolderArchive(tmp_path).put("../x", io.BytesIO(b""))


def test_a_folder_that_cannot_be_written_is_said_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file where a folder should be")
    with pytest.raises(ArchiveUnavailable, match="could not be written"):
        FolderArchive(tmp_path).put(KEY, io.BytesIO(b"x"))


def test_a_write_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError(28, "No space left on device")
            return super().read(2)

    archive = FolderArchive(tmp_path)
    with pytest.raises(ArchiveUnavailable, match="No space left on device"):
        archive.put(KEY, Breaks(b"content"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_of_two_writers_at_once_one_wins_and_the_other_knows(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path)

    class Slower(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            archive.put(KEY, io.BytesIO(b"quicker"))
            return super().read(size)

    assert not archive.put(KEY, Slower(b"slower"))
    assert content(archive) == b"quicker"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [Path(KEY).name]


class FailingClient:
    """A client of S3 whose every call ends with an error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def put_object(self, **_: Any) -> None:
        raise self._error

    get_object = put_object


def refusal(code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject"
    )


@pytest.mark.parametrize(
    ("error", "expected", "says"),
    [
        (refusal("SlowDown", 503), ArchiveUnavailable, "SlowDown"),
        (refusal("InternalError", 500), ArchiveUnavailable, "InternalError"),
        (refusal("", 502), ArchiveUnavailable, "502"),
        (refusal("ConditionalRequestConflict", 409), ArchiveUnavailable, "Conflict"),
        (EndpointConnectionError(endpoint_url="x"), ArchiveUnavailable, "EndpointConnectionError"),
        (refusal("AccessDenied", 403), ArchiveRejected, "may this role use it"),
        (refusal("NoSuchBucket", 404), ArchiveRejected, "does the bucket exist"),
    ],
)
@pytest.mark.parametrize("use", ["put", "open"])
def test_what_s3_says_becomes_try_again_or_do_not(
    error: Exception, expected: type[Exception], says: str, use: str
) -> None:
    archive = S3Archive(BUCKET)
    archive._made = FailingClient(error)
    uses: dict[str, Callable[[], object]] = {
        "put": lambda: archive.put(KEY, io.BytesIO(b"x")),
        "open": lambda: archive.open(KEY),
    }
    with pytest.raises(expected, match=says) as caught:
        uses[use]()
    assert f"s3://{BUCKET}/{KEY}" in str(caught.value)


def test_a_body_that_breaks_off_is_told_as_no_answer() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ReadTimeoutError(endpoint_url="x")

    class Client:
        def get_object(self, **_: Any) -> Any:
            return {"Body": StreamingBody(Broken(), content_length=10)}

    archive = S3Archive(BUCKET)
    archive._made = Client()
    with closing(archive.open(KEY)) as source, pytest.raises(ArchiveUnavailable, match="broke off"):
        source.read(5)


def test_a_body_that_is_too_short_is_told_as_no_answer() -> None:
    class Client:
        def get_object(self, **_: Any) -> Any:
            return {"Body": StreamingBody(io.BytesIO(b"short"), content_length=10)}

    archive = S3Archive(BUCKET)
    archive._made = Client()
    with closing(archive.open(KEY)) as source, pytest.raises(ArchiveUnavailable, match="broke off"):
        collections.deque(iter(lambda: source.read(100), b""))


def test_s3_is_told_the_checksum_of_what_it_gets_and_to_overwrite_nothing() -> None:
    asked: dict[str, Any] = {}

    class Client:
        def put_object(self, **given: Any) -> None:
            asked.update(given, Body=given["Body"].read())

    archive = S3Archive(BUCKET)
    archive._made = Client()
    assert archive.put(KEY, io.BytesIO(b"content"))
    assert asked == {
        "Bucket": BUCKET,
        "Key": KEY,
        "Body": b"content",
        "ContentLength": 7,
        "ChecksumSHA256": b64encode(sha256(b"content").digest()).decode(),
        "IfNoneMatch": "*",
    }


def test_an_object_that_s3_would_not_take_in_one_request_is_refused_before(aws: Any) -> None:
    class Huge(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            return 6 * 1024**3

    with pytest.raises(ArchiveRejected, match="too many for S3"):
        S3Archive(BUCKET).put(KEY, Huge())
