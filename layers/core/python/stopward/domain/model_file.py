"""A model as it is stored: one graph and its manifest, believed only where they fit each other."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from stopward.errors import ArchiveRejected

FORMAT: Final = 1
"""Of the manifest; raised when a reader of the old one would read it wrongly. A new key does not
raise it: `decision`, `importances` and the shares of `baseline` came later; readers do without."""
INPUT: Final = "x"
OUTPUT: Final = "probabilities"
"""Names inside a graph: float32[N, F] in; a column for each of two classes out, a win's second."""
SCHEMA_KEY: Final = "schema_hash"
FEATURES_KEY: Final = "features"
"""What a graph's own metadata says of its features: their hash, and their names in order."""
MOST_DIFFERENCE: Final = 1e-5
"""Between what the fitted model said of a row and what its graph says of it, wherever it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """The bytes of an ONNX graph, and the manifest that was written with it."""

    graph: bytes
    manifest: Mapping[str, Any]

    @property
    def model_id(self) -> str:
        """The id that the manifest gives."""
        return str(self.manifest["model_id"])


def manifest_text(manifest: Mapping[str, Any]) -> bytes:
    """Return a manifest as it is stored: JSON, the same bytes for the same manifest."""
    return json.dumps(manifest, allow_nan=False, indent=1, sort_keys=True).encode() + b"\n"


def checked(
    graph: bytes, written: bytes, *, model_id: str, schema_hash: str, where: str
) -> ModelFile:
    """Return a stored model if it is whole, is the one that was asked for, and can be understood.

    schema_hash: of the features that it will be given. where: its address, for the message.
    Raises ArchiveRejected with the reason: what `whole` refuses; one of another id; other features.
    """
    found = whole(graph, written, where=where, model_id=model_id)
    its = found.manifest.get("schema_hash")
    if its != schema_hash:
        raise ArchiveRejected(
            f"{where}: made for features {str(its)[:12]}, they are {schema_hash[:12]} now; "
            "train again"
        )
    return found


def whole(graph: bytes, written: bytes, *, where: str, model_id: str | None = None) -> ModelFile:
    """Return a stored model if its graph is the one that its manifest was written with.

    model_id: what it must be; None for any. Raises ArchiveRejected with the reason: a manifest that
    is no JSON, of a later format or of another model; a graph that is not the one it was written
    with.
    """
    manifest = manifest_of(written, where=where)
    its = manifest.get("model_id")
    if its is None or model_id not in (None, its):
        raise ArchiveRejected(f"{where}: the manifest is of model {its!r}")
    if manifest.get("bytes") != len(graph):
        raise ArchiveRejected(
            f"{where}: the graph has {len(graph)} bytes, {manifest.get('bytes')!r} were written"
        )
    if manifest.get("sha256") != sha256(graph).hexdigest():
        raise ArchiveRejected(f"{where}: the graph is not the one that was written: sha256 differs")
    return ModelFile(graph=graph, manifest=manifest)


def manifest_of(written: bytes, *, where: str) -> dict[str, Any]:
    """Return a manifest as it was stored, without a look at its graph.

    Raises ArchiveRejected for what is no JSON, no mapping, or of another format.
    """
    try:
        manifest = json.loads(written)
    except ValueError as error:
        raise ArchiveRejected(f"{where}: the manifest is not JSON: {error}") from error
    if not isinstance(manifest, dict):
        raise ArchiveRejected(f"{where}: the manifest is no mapping")
    version = manifest.get("format")
    if version != FORMAT:
        raise ArchiveRejected(
            f"{where}: the manifest has format {version!r}, this version reads {FORMAT}; update"
        )
    return manifest
