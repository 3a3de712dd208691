"""Models as ONNX graphs, asked through onnxruntime: `x: float32[N, F]` in, probabilities out."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from stopward.domain.model_file import FEATURES_KEY, INPUT, OUTPUT, SCHEMA_KEY, ModelFile
from stopward.domain.scoring.occlusion import Rows
from stopward.errors import ArchiveRejected, InvalidState

ROWS_AT_ONCE: Final = 10_000
"""Rows of one call: what is held in between stays under a few megabytes."""
UNREADABLE: Final = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NotImplemented,
    native.RuntimeException,
)
"""What onnxruntime raises for bytes that are no graph, or one that it cannot run."""
_ERRORS: Final = 3
"""onnxruntime's severity: what it says of less goes nowhere, for we say what became of it."""


class OnnxScorer:
    """One session on one thread: who asks has one processor, and a pool would only wait for it."""

    def __init__(self, session: Any, *, features: int) -> None:
        self._session = session
        self._features = features

    def probabilities(self, rows: Rows) -> Sequence[float]:
        """Return the probability of a win for each row of float32."""
        count, rest = divmod(len(rows), self._features)
        if rest or rows.typecode != "f":
            raise InvalidState(
                f"{len(rows)} numbers of type {rows.typecode}; "
                f"needed are rows of {self._features} float32"
            )
        matrix = np.frombuffer(rows, np.float32).reshape(count, self._features)
        found: list[float] = []
        for first in range(0, count, ROWS_AT_ONCE):
            some = matrix[first : first + ROWS_AT_ONCE]
            try:
                said = self._session.run([OUTPUT], {INPUT: some})[0]
            except UNREADABLE as error:
                raise InvalidState(f"the graph failed at its rows: {_short(error)}") from error
            found += said[:, 1].tolist()
        return found


def open_onnx(model: ModelFile) -> OnnxScorer:
    """Open a graph, and compare what it says of itself with its manifest, which can be read.

    Raises ArchiveRejected with the reason for bytes that are no graph, another input or output,
    other features or another schema than the manifest's.
    """
    names = tuple(model.manifest["features"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS
    try:
        session = onnxruntime.InferenceSession(
            model.graph, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except UNREADABLE as error:
        raise ArchiveRejected(
            f"model {model.model_id}: the graph cannot be read: {_short(error)}"
        ) from error
    _check(session, model, names)
    return OnnxScorer(session, features=len(names))


def _check(session: Any, model: ModelFile, names: tuple[str, ...]) -> None:
    inputs = [(each.name, each.type, each.shape[1:]) for each in session.get_inputs()]
    outputs = {each.name: each.shape[1:] for each in session.get_outputs()}
    told = session.get_modelmeta().custom_metadata_map
    wrong = {
        f"it takes {inputs}, not {INPUT}: float32[N, {len(names)}]": inputs
        != [(INPUT, "tensor(float)", [len(names)])],
        f"it gives {outputs}, not {OUTPUT} of two classes": outputs.get(OUTPUT) != [2],
        "it was made for other features than its manifest says": told.get(SCHEMA_KEY)
        != model.manifest["schema_hash"]
        or told.get(FEATURES_KEY) != ",".join(names),
    }
    for words, is_so in wrong.items():
        if is_so:
            raise ArchiveRejected(f"model {model.model_id}: {words}")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
