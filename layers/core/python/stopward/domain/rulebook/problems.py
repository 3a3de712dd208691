"""Everything wrong with one file, gathered so that it can be said at once."""

import json
from collections.abc import Iterable
from difflib import get_close_matches

from stopward.errors import InvalidInput

LONGEST = 60
"""Characters of a value that are repeated to its writer."""


class Problems:
    """A list of problems with one source; `raise_if_any` ends the reading."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._lines: list[str] = []

    def value(self, path: str, raw: object, allowed: str) -> None:
        """Note a value that is not one of those allowed."""
        self._lines.append(f"{path}: was {spelled(raw)}; allowed: {allowed}")

    def unknown(self, path: str, key: str, known: Iterable[str], *, kind: str = "key") -> None:
        """Note a key that means nothing here, with the nearest that does."""
        names = list(known)
        near = get_close_matches(key, names, n=1)
        hint = f'did you mean "{near[0]}"? ' if near else ""
        listed = ", ".join(names)
        self._lines.append(f"{path}: unknown {kind}; {hint}allowed: {listed}")

    def note(self, path: str, words: str) -> None:
        """Note anything else."""
        self._lines.append(f"{path}: {words}")

    def raise_if_any(self) -> None:
        """Raise InvalidInput with every problem, one a line, when there is one."""
        if not self._lines:
            return
        count = len(self._lines)
        head = f"{self._source}: {count} problem{'s' if count > 1 else ''}"
        raise InvalidInput("\n  ".join((head, *self._lines)))


def spelled(raw: object) -> str:
    """Return a TOML value much as it was written, cut to LONGEST characters."""
    match raw:
        case bool():
            text = "true" if raw else "false"
        case str():
            text = json.dumps(raw, ensure_ascii=False)
        case dict():
            text = "a table"
        case list():
            text = f"[{', '.join(spelled(item) for item in raw)}]"
        case _:
            text = str(raw)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def quoted(key: str) -> str:
    """Return a key as a table header spells it."""
    return key if key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)
