"""Models in a folder and in a bucket: stored once, refused where they are not what was written."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.archive_s3 import S3Archive
from stopward.domain.model_file import FORMAT, ModelFile, manifest_text
from stopward.errors import ArchiveRejected, InvalidInput
from stopward.ports import Archive
from stopward.services.model_files import ModelFiles

BUCKET = "models-of-the-trader"
SCHEMA = "5" * 64


def a_model(graph: bytes = b"a graph", **changed: Any) -> ModelFile:
    """Return a model whose manifest fits its graph."""
    manifest = {
        "format": FORMAT,
        "model_id": "entry-20261130T120000Z-0123456789ab",
        "sha256": sha256(graph).hexdigest(),
        "bytes": len(graph),
        "schema_hash": SCHEMA,
    }
    return ModelFile(graph=graph, manifest={**manifest, **changed})


@pytest.fixture(params=["folder", "s3"])
def archive(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Archive]:
    if request.param == "folder":
        yield FolderArchive(tmp_path / "kept")
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield S3Archive(BUCKET, prefix="mine")
        client.close()


def content(archive: Archive, name: str) -> bytes:
    with closing(archive.open(f"models/{a_model().model_id}/{name}")) as source:
        return source.read()


def test_a_model_is_read_as_it_was_stored(archive: Archive) -> None:
    where = ModelFiles(archive).put(a_model())
    assert where.endswith(f"/models/{a_model().model_id}/model.onnx")
    found = ModelFiles(archive).read(a_model().model_id, schema_hash=SCHEMA)
    assert found == a_model()
    assert content(archive, "model.onnx") == b"a graph"
    assert json.loads(content(archive, "manifest.json")) == a_model().manifest


def test_storing_it_again_changes_nothing(archive: Archive) -> None:
    files = ModelFiles(archive)
    assert files.put(a_model()) == files.put(a_model())


@pytest.mark.parametrize(
    "other", [a_model(b"another"), a_model(salt="another")], ids=["graph", "manifest"]
)
def test_another_model_of_that_id_is_refused_and_the_first_stays(
    archive: Archive, other: ModelFile
) -> None:
    files = ModelFiles(archive)
    files.put(a_model())
    with pytest.raises(ArchiveRejected, match="is there, and another one"):
        files.put(other)
    assert files.read(a_model().model_id, schema_hash=SCHEMA) == a_model()


def test_a_model_whose_manifest_was_not_written_yet_is_not_there(archive: Archive) -> None:
    archive.put(f"models/{a_model().model_id}/model.onnx", io.BytesIO(b"a graph"))
    with pytest.raises(ArchiveRejected, match=r"manifest\.json is not there"):
        ModelFiles(archive).read(a_model().model_id, schema_hash=SCHEMA)
    ModelFiles(archive).put(a_model())
    assert ModelFiles(archive).read(a_model().model_id, schema_hash=SCHEMA) == a_model()


def written(graph: bytes, manifest: bytes | Mapping[str, Any]) -> Callable[[Archive], None]:
    def write(archive: Archive) -> None:
        text = manifest if isinstance(manifest, bytes) else manifest_text(manifest)
        for name, stored in (("model.onnx", graph), ("manifest.json", text)):
            archive.put(f"models/{a_model().model_id}/{name}", io.BytesIO(stored))

    return write


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (written(b"a grapi", a_model().manifest), "sha256 differs"),
        (written(b"a gr", a_model().manifest), "the graph has 4 bytes, 7 were written"),
        (written(b"", a_model().manifest), "the graph has 0 bytes, 7 were written"),
        (written(b"a graph", a_model(model_id="entry-2").manifest), "is of model 'entry-2'"),
        (written(b"a graph", a_model(format=2).manifest), "has format 2, this version reads 1"),
        (written(b"a graph", a_model(format=None).manifest), "has format None"),
        (written(b"a graph", a_model(schema_hash="7" * 64).manifest), "features 777777777777"),
        (written(b"a graph", manifest_text(a_model().manifest)[:-9]), "the manifest is not JSON"),
        (written(b"a graph", b""), "the manifest is not JSON"),
        (written(b"a graph", b"\xff\xfe"), "the manifest is not JSON"),
        (written(b"a graph", b"[]"), "the manifest is no mapping"),
    ],
    ids=[
        "corrupt", "truncated", "empty", "swapped", "newer", "unnamed format", "other features",
        "cut manifest", "empty manifest", "manifest of bytes", "manifest of a list",
    ],
)  # fmt: skip
def test_what_is_not_whole_is_refused_with_the_reason(
    archive: Archive, write: Callable[[Archive], None], words: str
) -> None:
    write(archive)
    with pytest.raises(ArchiveRejected, match=words):
        ModelFiles(archive).read(a_model().model_id, schema_hash=SCHEMA)


@pytest.mark.parametrize("identity", ["", "../other", "a/b", ".hidden", "a" * 101])
def test_an_id_that_leads_elsewhere_is_refused(archive: Archive, identity: str) -> None:
    with pytest.raises(InvalidInput, match="model id was"):
        ModelFiles(archive).read(identity, schema_hash=SCHEMA)
    with pytest.raises(InvalidInput, match="model id was"):
        ModelFiles(archive).put(a_model(model_id=identity))
