"""What the functions answered over a run, summed; and what they printed that a person must see."""

import json
import textwrap
from collections import Counter, deque
from threading import Lock

from stopward.local.host.invocation import Answered, Outcome, describe
from stopward.local.host.log_line import LogEvent, LogLine

TROUBLE_KEPT = 50
LONGEST_LINE = 120
"""Characters of a trouble on the screen; the notes at the end have all of it."""
GRAVE = frozenset({"ERROR", "CRITICAL"})


class Reports:
    """Counts from the handlers' answers, and trouble from outcomes and logs. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._trouble: deque[str] = deque(maxlen=TROUBLE_KEPT)
        self.troubles = 0

    def outcome(self, name: str, outcome: Outcome) -> None:
        """Take what came of one invocation."""
        with self._lock:
            if not isinstance(outcome, Answered):
                self._note(f"{name} {describe(outcome)}")
                return
            counts = json.loads(outcome.payload)
            if isinstance(counts, dict):
                for key, value in counts.items():
                    if isinstance(value, int | float):
                        self._counts[key] += value  # type: ignore[assignment]

    def line(self, name: str, line: LogLine) -> None:
        """Take one printed line; errors are kept."""
        if isinstance(line, LogEvent) and line.level in GRAVE:
            with self._lock:
                told = line.fields.get("exception") or line.fields.get("where") or ""
                last = str(told).strip().splitlines()
                self._note(f"{name} {line.message}: {last[-1] if last else ''}")

    def count(self, key: str) -> float:
        """Return the sum of one count over all answers."""
        with self._lock:
            return self._counts[key]

    def newest(self) -> str:
        """Return the newest trouble in a line, with how many there were; empty without any."""
        with self._lock:
            if not self._trouble:
                return ""
            line = " ".join(self._trouble[-1].split())
        return f"{self.troubles} so far, the newest: {textwrap.shorten(line, LONGEST_LINE)}"

    def trouble(self) -> tuple[str, ...]:
        """Return the newest troubles, oldest first, repetitions in a row once."""
        with self._lock:
            return tuple(
                text
                for index, text in enumerate(self._trouble)
                if index == 0 or self._trouble[index - 1] != text
            )

    def _note(self, text: str) -> None:
        self.troubles += 1
        self._trouble.append(text)
