"""Models in an archive, a folder or a bucket: written once, read only where they are whole."""

import io
import re
from contextlib import closing
from typing import Any, Final

from stopward.domain.model_file import ModelFile, checked, manifest_of, manifest_text, whole
from stopward.errors import ArchiveRejected, InvalidInput
from stopward.ports import Archive

MODEL_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class ModelFiles:
    """The models of one archive, at `models/ID/model.onnx` and `models/ID/manifest.json`."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def put(self, model: ModelFile) -> str:
        """Store a model and return its graph's address; the manifest last, so that it is whole.

        Storing the same again is no error. Raises ArchiveRejected where another one lies there, and
        what the archive raises.
        """
        identity = model.model_id
        for name, content in (
            ("model.onnx", model.graph),
            ("manifest.json", manifest_text(model.manifest)),
        ):
            key = _key(identity, name)
            if self._archive.put(key, io.BytesIO(content)):
                continue
            if self._content(key) != content:
                raise ArchiveRejected(f"{self._archive.location(key)} is there, and another one")
        return self._archive.location(_key(identity, "model.onnx"))

    def read(self, model_id: str, *, schema_hash: str) -> ModelFile:
        """Return a model that is whole and made for these features.

        Raises ArchiveRejected with the reason where it is not, and what the archive raises.
        """
        manifest, graph = (
            self._content(_key(model_id, name)) for name in ("manifest.json", "model.onnx")
        )
        return checked(
            graph,
            manifest,
            model_id=model_id,
            schema_hash=schema_hash,
            where=self._archive.location(_key(model_id, "model.onnx")),
        )

    def read_there(self) -> ModelFile:
        """Return the one model whose two files lie right there, of whatever features it is.

        Raises ArchiveRejected where it is not whole, and what the archive raises.
        """
        manifest, graph = (self._content(name) for name in ("manifest.json", "model.onnx"))
        return whole(graph, manifest, where=self._archive.location("model.onnx"))

    def manifest(self, model_id: str) -> dict[str, Any]:
        """Return a model's manifest, whatever features it is made for; the graph is not read.

        Raises ArchiveRejected where it is none, or of another model, and what the archive raises.
        """
        key = _key(model_id, "manifest.json")
        where = self._archive.location(key)
        found = manifest_of(self._content(key), where=where)
        if found.get("model_id") != model_id:
            raise ArchiveRejected(f"{where}: the manifest is of model {found.get('model_id')!r}")
        return found

    def _content(self, key: str) -> bytes:
        with closing(self._archive.open(key)) as source:
            return source.read()


def _key(model_id: str, name: str) -> str:
    if not MODEL_ID.fullmatch(model_id):
        raise InvalidInput(f"model id was {model_id!r}; allowed are letters, digits and . _ -")
    return f"models/{model_id}/{name}"
