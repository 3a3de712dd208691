"""A fitted model as one ONNX graph: `x: float32[N, F]` in, probabilities out, missing is nan."""

import warnings
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

from stopward.domain.model_file import FEATURES_KEY, INPUT, OUTPUT, SCHEMA_KEY
from stopward.training.dataset import Floats, Matrix

OPSET: Final = {"": 17, "ai.onnx.ml": 3}
"""What every onnxruntime of the last years reads."""
ROWS_AT_ONCE: Final = 10_000


def exported(model: Any, *, names: tuple[str, ...], schema_hash: str) -> bytes:
    """Return the graph of a fitted classifier of two classes; the same model gives the same bytes.

    Column 1 of the output is the probability of a win. The hash of the features' registry is in
    the file's metadata under SCHEMA_KEY, with the names in order.
    """
    with warnings.catch_warnings():
        # skl2onnx writes booleans into a field of integers; protobuf below 7 takes them.
        warnings.filterwarnings("ignore", "Field onnx.AttributeProto.ints", DeprecationWarning)
        graph = to_onnx(
            model,
            name="stopward",
            initial_types=[(INPUT, FloatTensorType([None, len(names)]))],
            options={id(model): {"zipmap": False}},
            target_opset=OPSET,
        )
    onnx.helper.set_model_props(graph, {SCHEMA_KEY: schema_hash, FEATURES_KEY: ",".join(names)})
    written: bytes = graph.SerializeToString(deterministic=True)
    return written


def session(graph: bytes) -> Any:
    """Return an onnxruntime session on one thread; raises what onnxruntime raises for bad bytes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        graph, sess_options=options, providers=["CPUExecutionProvider"]
    )


def served(opened: Any, x: Matrix) -> Floats:
    """Return the probability of a win as a server says it, a row each."""
    parts = [
        opened.run([OUTPUT], {INPUT: x[first : first + ROWS_AT_ONCE]})[0][:, 1]
        for first in range(0, len(x), ROWS_AT_ONCE)
    ]
    return np.concatenate(parts).astype(np.float64)


def tree_thresholds(graph: bytes) -> tuple[tuple[int, float], ...]:
    """Return column and value of every split of the trees in a graph, each once, in order.

    A graph that changes columns before its trees names them as the trees see them.
    """
    found: set[tuple[int, float]] = set()
    for node in onnx.load_from_string(graph).graph.node:
        if node.op_type.startswith("TreeEnsemble"):
            own = {one.name: one for one in node.attribute}
            found.update(
                (column, value)
                for column, value, mode in zip(
                    own["nodes_featureids"].ints,
                    own["nodes_values"].floats,
                    own["nodes_modes"].strings,
                    strict=True,
                )
                if mode != b"LEAF"
            )
    return tuple(sorted(found))
