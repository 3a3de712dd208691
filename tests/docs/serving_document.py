"""The generated parts of docs/model-serving.md: `python -m tests.docs.serving_document`."""

import json
import sys
from collections.abc import Iterator, Mapping

from stopward.domain.features.open_position import UNSCORED
from stopward.domain.scoring.prediction import REASONS
from tests.docs.pages import ROOT, refreshed

PAGE = ROOT / "docs" / "model-serving.md"
MEASURED = ROOT / "benchmarks" / "results" / "serving.json"
FUNCTION = ROOT / "benchmarks" / "results" / "predict.json"
LEAST_TIMES = 15
MOST_START_TIMES = 1.5
"""What issue 7 wants: of a call on one row, and of a start over the bare import."""


def reasons() -> Iterator[str]:
    """Yield each reason with what it means."""
    yield from (f"- `{name}`: {words}." for name, words in REASONS.items())


def serving() -> Iterator[str]:
    """Yield the figures of the last benchmark, beside what they were to be."""
    told = json.loads(MEASURED.read_text(encoding="utf-8"))
    yield "| rows | calls in turns of | onnxruntime | scikit-learn | times as fast |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    for row in told["calls"]:
        for how, calls in (("warm", told["burst"]), ("alone", 1)):
            found = row[how]
            yield (
                f"| {row['rows']} | {calls} | {found['onnxruntime_us']:.0f} µs "
                f"| {found['scikit_learn_us']:.0f} µs | {found['times']:.1f} |"
            )
    (one,) = (row for row in told["calls"] if row["rows"] == 1)
    yield ""
    yield (
        f"At one row it was to be {LEAST_TIMES} times as fast at least: warm "
        f"{_reached(one['warm'])}, and {_reached(one['alone'])} where each call finds the "
        f"processor's caches full of the other's work. Medians of {told['pairs']} pairs, "
        f"{one['features']} features."
    )
    yield ""
    yield "| a process that starts and | by the clock | on a processor | times the bare import |"
    yield "| --- | ---: | ---: | ---: |"
    does = {
        "import onnxruntime": "does nothing but `import onnxruntime`",
        "ours": "opens a model, replays its golden rows and scores a signal",
        "scikit-learn": "loads the pipeline into scikit-learn and scores a signal",
    }
    for name, words in does.items():
        row = told["starts"][name]
        yield (
            f"| {words} | {row['ms']:.0f} ms | {row['processor_ms']:.0f} ms "
            f"| {row['processor_times']:.2f} |"
        )
    yield ""
    reached = told["starts"]["ours"]["processor_times"] <= MOST_START_TIMES
    yield (
        f"It was to take {MOST_START_TIMES} times the bare import at most: "
        f"{'it does' if reached else 'it does not'}. Medians of {told['rounds']} rounds in turns; "
        "how long one takes is of the machine, and of what else it did. The function loads what "
        "asks the database too: [cold starts](../infra/README.md#cold-starts)."
    )


def built() -> Iterator[str]:
    """Yield what the built function took in AWS's emulator, beside what it was to take."""
    told = json.loads(FUNCTION.read_text(encoding="utf-8"))
    yield f"| the built function | warm, p50 | p99 | {told['batch']} signals | first answer |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for database, words in (("supabase", "behind the gateway"), ("postgres", "direct")):
        each = told[database]
        yield (
            f"| database {words} | {each['p50_ms']:.1f} ms | {each['p99_ms']:.1f} ms "
            f"| {each['batch_p50_ms']:.0f} ms | {each['first_answer_ms']:.0f} ms, "
            f"{each['times']:.1f} times a handler that only imports onnxruntime |"
        )
    most = max(told[database]["times"] for database in ("supabase", "postgres"))
    yield ""
    said = "it does" if most <= MOST_START_TIMES else "it does not"
    yield (
        f"A first answer was to take {MOST_START_TIMES} times as long at most: {said}, for what "
        f"asks secrets, bucket and database is loaded too. {told['calls']} warm calls, medians of "
        f"{told['rounds']} first ones in turns."
    )


def _reached(found: Mapping[str, float]) -> str:
    return "it is" if found["times"] >= LEAST_TIMES else "it is not"


def why_unscored() -> Iterator[str]:
    """Yield each reason why an open position has no score."""
    yield from (f"- `{name}`: {words}." for name, words in UNSCORED.items())


BLOCKS = {
    "reasons": reasons,
    "serving": serving,
    "function": built,
    "unscored": why_unscored,
}


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8"), BLOCKS), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is as the code says\n")


if __name__ == "__main__":
    main()
