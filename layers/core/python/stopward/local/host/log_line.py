"""What a function prints: structured log events, EMF metrics, and plain text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """One JSON log line of a Powertools logger; `fields` are its remaining keys."""

    level: str
    message: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricLine:
    """One line in the embedded metric format; numbers by metric name, summed over samples."""

    namespace: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """Anything else: a traceback, a print."""

    text: str


LogLine = LogEvent | MetricLine | TextLine


def parse_line(line: str) -> LogLine:
    """Return what one printed line is; never raises, for what is not understood is text."""
    if not line.startswith("{"):
        return TextLine(text=line)
    try:
        document = json.loads(line)
    except ValueError:
        return TextLine(text=line)
    match document:
        case {
            "_aws": {"CloudWatchMetrics": [{"Namespace": str(namespace), "Metrics": list(rows)}]}
        }:
            names = [row["Name"] for row in rows if isinstance(row, dict) and "Name" in row]
            return MetricLine(
                namespace=namespace, values={name: _total(document.get(name)) for name in names}
            )
        case {"level": str(level), "message": message}:
            fields = {
                key: value for key, value in document.items() if key not in {"level", "message"}
            }
            return LogEvent(level=level, message=str(message), fields=fields)
        case _:
            return TextLine(text=line)


def _total(value: object) -> float:
    samples = value if isinstance(value, list) else [value]
    return float(sum(sample for sample in samples if isinstance(sample, int | float)))
