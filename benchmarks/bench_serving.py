"""Serving: a graph in onnxruntime against scikit-learn's predict_proba of the same pipeline.

Paired in one process on one thread, in turns of BURST calls, so that what else the machine does
falls on both: medians of a call on one row and on 256, and the median of each pair's ratio. And in
turns of one call, in which each finds the processor's caches full of the other's work: what a lone
signal meets, and least kind to who is quick. Then processes that
start: one that opens a model as the server does and scores a first signal, what moved it included,
against one that does nothing but `import onnxruntime`, and scikit-learn's own way from a pickle.
"""

import json
import os
import pickle
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "serving.json"
ROWS = (1, 256)
PAIRS = 60
BURST = 20
STARTS = 15

BARE = "import onnxruntime"
SCORES = """
import sys
from pathlib import Path
from stopward.start import at_start

@at_start
def wired(folder):
    from stopward.adapters.archive_folder import FolderArchive
    from stopward.adapters.onnx import open_onnx
    from stopward.domain.scoring.served import served_model
    from stopward.services.champions import Opened, golden_difference
    from stopward.services.model_files import ModelFiles
    from stopward.services.scoring import said_of
    model = ModelFiles(FolderArchive(folder)).read_there()
    opened = Opened(facts=served_model(model), scorer=open_onnx(model))
    assert golden_difference(opened) is None
    return opened, said_of

opened, said_of = wired(Path(sys.argv[1]))
(said,) = said_of(opened, [(0.5,) * len(opened.facts.names)])
assert said.is_probability
"""
LEARNER = """
import pickle, sys
from pathlib import Path
import numpy as np
model = pickle.loads(Path(sys.argv[1], "model.pickle").read_bytes())
assert model.predict_proba(np.full((1, model.n_features_in_), 0.5, np.float32)).shape == (1, 2)
"""
PROGRAMS: Mapping[str, str] = {"import onnxruntime": BARE, "ours": SCORES, "scikit-learn": LEARNER}


def microseconds(call: Callable[[], object], calls: int) -> float:
    """Return how long a call took, the mean of so many."""
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - began) / calls * 1e6


def paired(rows: int) -> dict[str, Any]:
    """Return medians of both on so many rows, in turns."""
    from stopward.adapters.onnx import open_onnx
    from stopward.training.threads import one_thread
    from tests.builders.opened_models import NAMES, fitted_pipeline, onnx_model, some_rows

    x = some_rows(len(NAMES))[:rows].copy()
    packed, learner, scorer = array("f", x.tobytes()), fitted_pipeline(), open_onnx(onnx_model())
    apart = abs(learner.predict_proba(x)[:, 1] - scorer.probabilities(packed)).max()
    assert apart < 1e-5, apart
    told: dict[str, Any] = {"rows": rows, "features": len(NAMES)}
    for name, calls in (("warm", BURST), ("alone", 1)):
        pairs = []
        with one_thread():
            for _ in range(PAIRS):
                own = microseconds(lambda: scorer.probabilities(packed), calls)
                other = microseconds(lambda: learner.predict_proba(x), calls)
                pairs.append((own, other))
        told[name] = {
            "onnxruntime_us": round(statistics.median(own for own, _ in pairs), 1),
            "scikit_learn_us": round(statistics.median(other for _, other in pairs), 1),
            "times": round(statistics.median(other / own for own, other in pairs), 1),
        }
    return told


def starts() -> dict[str, Any]:
    """Return medians of processes that start, in turns after one round that warms the file cache.

    Milliseconds by the clock and on a processor, and each over the bare import of its round.
    """
    from stopward.domain.model_file import manifest_text
    from tests.builders.opened_models import fitted_pipeline, onnx_model

    walls: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    busy: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as folder:
        model = onnx_model()
        Path(folder, "model.onnx").write_bytes(model.graph)
        Path(folder, "manifest.json").write_bytes(manifest_text(model.manifest))
        Path(folder, "model.pickle").write_bytes(pickle.dumps(fitted_pipeline()))
        for number in range(STARTS + 1):
            for name, program in PROGRAMS.items():
                wall, used = started(program, folder)
                if number:
                    walls[name].append(wall)
                    busy[name].append(used)
    return {
        name: {
            "ms": round(statistics.median(walls[name]), 1),
            "processor_ms": round(statistics.median(busy[name]), 1),
            "times": ratio(walls[name], walls[BARE]),
            "processor_times": ratio(busy[name], busy[BARE]),
        }
        for name in PROGRAMS
    }


def started(program: str, folder: str) -> tuple[float, float]:
    """Run a program; return milliseconds by the clock, and on a processor."""
    before, began = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-c", program, folder], check=True)
    after = os.times()
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    return (time.perf_counter() - began) * 1e3, used * 1e3


def ratio(found: Sequence[float], bare: Sequence[float]) -> float:
    """Return the median of how many times as long each took as the bare one beside it."""
    return round(statistics.median(own / other for own, other in zip(found, bare, strict=True)), 2)


def main() -> int:
    """Print the figures and write them down."""
    calls = [paired(rows) for rows in ROWS]
    for row in calls:
        for how in ("warm", "alone"):
            found = row[how]
            print(
                f"{row['rows']:>4} rows, {how}: onnxruntime {found['onnxruntime_us']:.1f} us, "
                f"scikit-learn {found['scikit_learn_us']:.1f} us: {found['times']:.1f} times",
                flush=True,
            )
    processes = starts()
    for name, each in processes.items():
        print(
            f"{name:<20} {each['ms']:7.1f} ms, on a processor {each['processor_ms']:7.1f} ms: "
            f"{each['times']:.2f} and {each['processor_times']:.2f} times the bare import"
        )
    told = {
        "calls": calls,
        "starts": processes,
        "pairs": PAIRS,
        "burst": BURST,
        "rounds": STARTS,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
