"""A layer as built, compared with its sources: no byte is another, and its bytecode is of them."""

import _imp
from collections.abc import Iterator
from pathlib import Path

from tests.deploy.packaging import files_below

UNCHECKED = (1).to_bytes(4, "little")
"""Flags of bytecode that is never compared with its source. Source: PEP 552."""
HEAD_BYTES = 16
"""Magic number, flags, and a hash of the source."""


def altered(source: Path, built: Path) -> Iterator[str]:
    """Yield a line for each file of a folder that is missing, added or another as built."""
    wanted, found = _files(source), _files(built)
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            yield f"{name} is not in what was built"
        elif name not in wanted:
            yield f"{name} is in what was built, and no source"
        elif wanted[name].read_bytes() != found[name].read_bytes():
            yield f"{name} is another than its source"


def not_compiled(built: Path, *, version: str) -> Iterator[str]:
    """Yield a line for each module without bytecode for a Python such as 3.12, or with a wrong one.

    What Lambda unzips has other times than its sources had, so bytecode must not be compared with
    them; it tells by a hash which source it was made of.
    """
    tag = f"cpython-{version.replace('.', '')}"
    for path in _files(built).values():
        if path.suffix != ".py":
            continue
        name, code = path.relative_to(built), path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc"
        if not code.is_file():
            yield f"{name} has no bytecode for Python {version}"
            continue
        head = code.read_bytes()[:HEAD_BYTES]
        if head[4:8] != UNCHECKED:
            yield f"{name} has bytecode that is compared with its source's time"
        # As importlib.util.source_hash does, whose key is the magic number of this very Python.
        elif head[8:] != _imp.source_hash(int.from_bytes(head[:4], "little"), path.read_bytes()):
            yield f"{name} has bytecode of another source"


def _files(folder: Path) -> dict[str, Path]:
    return {
        str(path.relative_to(folder)): path for path in files_below(folder) if path.suffix != ".pyc"
    }
