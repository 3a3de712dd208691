"""All that a sweep is made from, as files that any machine reads back to the last bit."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

import stopward
from stopward.domain.opening import PositionRow
from stopward.replay.grid import Grid, parse_grid
from stopward.replay.sharding.rows import (
    positions_from,
    positions_text,
    sessions_from,
    sessions_rows,
)
from stopward.replay.table import BarTable, Columns, bar_table
from stopward.replay.terms import Commission, Conditions
from stopward.rules.columns import Finer
from stopward.rules.types import Slippage

BARS: Final = "bars.parquet"
POSITIONS: Final = "positions.json"
RULES: Final = "rules.toml"
GRID: Final = "grid.toml"
TERMS: Final = "terms.json"
INSIDE: Final = "inside.npz"
"""Finer bars; there is no such file where none were given."""
MANIFEST: Final = "manifest.json"
DIGEST_CHARACTERS: Final = 24
WALKED_BY: Final = ("domain", "replay", "rules")
"""Packages whose sources decide what a walk finds."""
Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A sweep to be walked. rules, grid: the files as text; the sources name them in messages."""

    table: BarTable
    finer: Finer | None
    positions: tuple[PositionRow, ...]
    rules: str
    rules_source: str
    grid: str
    grid_source: str
    conditions: Conditions

    def parsed_grid(self) -> Grid:
        """Return the grid. Raises InvalidInput."""
        return parse_grid(self.grid, source=self.grid_source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the files of a sweep say beside bars, positions and rules.

    code: `code_digest` of the machine that wrote them. sets: rule sets, the rules as they are too.
    """

    code: str
    sets: int
    sets_a_shard: int
    rules_source: str
    grid_source: str
    has_inside: bool
    sessions: list[list[str]]
    conditions: dict[str, Any]


@cache
def code_digest() -> str:
    """Return a digest of the sources that decide what a walk finds."""
    digest = hashlib.sha256()
    root = Path(stopward.__file__).parent
    for package in WALKED_BY:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:DIGEST_CHARACTERS]


def digest_of(files: Files) -> str:
    """Return the name of a sweep: the same files have the same one, on any machine."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()[:DIGEST_CHARACTERS]


def files_of(order: Order, *, sets_a_shard: int) -> dict[str, bytes]:
    """Return the files of a sweep by name; prices, times and quantities are kept exactly."""
    terms = Terms(
        code=code_digest(),
        sets=1 + len(order.parsed_grid()),
        sets_a_shard=sets_a_shard,
        rules_source=order.rules_source,
        grid_source=order.grid_source,
        has_inside=order.finer is not None,
        sessions=sessions_rows(order.table.sessions),
        conditions=asdict(order.conditions),
    )
    files = {
        BARS: _bars_file(order.table),
        POSITIONS: positions_text(order.positions).encode(),
        RULES: order.rules.encode(),
        GRID: order.grid.encode(),
        TERMS: json.dumps(asdict(terms), indent=1, default=str).encode(),
    }
    if order.finer is not None:
        files[INSIDE] = _inside_file(order.finer)
    return files


def terms_from(text: bytes) -> Terms:
    """Return the terms of a sweep's file."""
    return Terms(**json.loads(text))


def order_from(read: Callable[[str], bytes]) -> tuple[Order, Terms, str]:
    """Return a sweep, its terms, and the digest of the files that `read` returns by their name."""
    files = {name: read(name) for name in (TERMS, BARS, POSITIONS, RULES, GRID)}
    terms = terms_from(files[TERMS])
    if terms.has_inside:
        files[INSIDE] = read(INSIDE)
    order = Order(
        table=bar_table(_columns(files[BARS]), sessions=sessions_from(terms.sessions)),
        finer=_finer(files[INSIDE]) if terms.has_inside else None,
        positions=positions_from(files[POSITIONS]),
        rules=files[RULES].decode(),
        rules_source=terms.rules_source,
        grid=files[GRID].decode(),
        grid_source=terms.grid_source,
        conditions=_conditions(terms.conditions),
    )
    return order, terms, digest_of(files)


def _bars_file(table: BarTable) -> bytes:
    counts = np.diff(table.first)
    symbols = pa.array(np.repeat(np.arange(len(counts)), counts), pa.int32())
    columns = {
        "symbol": pa.DictionaryArray.from_arrays(symbols, pa.array(table.symbols, pa.string())),
        **{name: pa.array(getattr(table.bars, name)) for name in Columns.__slots__},
    }
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file, compression="zstd")
    return file.getvalue()


def _columns(content: bytes) -> dict[Any, Columns]:
    read = parquet.read_table(io.BytesIO(content))
    symbol = np.asarray(read["symbol"].cast(pa.string()).to_numpy(zero_copy_only=False))
    numbers = {name: read[name].to_numpy() for name in Columns.__slots__}
    borders = [0, *(np.flatnonzero(symbol[1:] != symbol[:-1]) + 1).tolist(), len(symbol)]
    return {
        symbol[first]: Columns(**{name: column[first:last] for name, column in numbers.items()})
        for first, last in pairwise(borders)
    }


def _inside_file(finer: Finer) -> bytes:
    file = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(getattr(finer, name)) for name in finer._fields}
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _finer(content: bytes) -> Finer:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return Finer(**{name: arrays[name] for name in Finer._fields})


def _conditions(fields: Mapping[str, Any]) -> Conditions:
    equity = fields["equity"]
    return Conditions(
        timing=fields["timing"],
        gap=fields["gap"],
        slippage=Slippage(*fields["slippage"]),
        commission=Commission(**fields["commission"]),
        equity=None if equity is None else Decimal(equity),
    )
