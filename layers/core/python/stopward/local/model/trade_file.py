"""Closed trades with their features as a CSV file: all right, or not loaded at all."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Final

from stopward.errors import InvalidInput
from stopward.local.data.csv_reading import Fault, Faults, decimal, header_of, moment, rows
from stopward.training.dataset import Dataset, dataset

OUTCOME_COLUMNS: Final = ("entry_at", "exit_at", "net_r")
LARGEST_FEATURE: Final = Decimal("1e38")
"""What a 32-bit float can hold."""
MOST_R: Final = 1_000
"""A result in R that is larger is in dollars."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def read_trades(path: Path) -> Dataset:
    """Return the trades of a file, in order of entry.

    entry_at, exit_at: ISO 8601 with an offset; net_r: the result after costs, in R. Every other
    column is a feature, a number or empty where missing; order and names of the features make the
    schema hash. Raises InvalidInput with up to 20 problems: line, column, what was read, remedy.
    """
    columns = _columns(path)
    names = tuple(name for name in columns if name not in OUTCOME_COLUMNS)
    faults = Faults(path)
    x, net_r, entry_at, exit_at = [], [], [], []
    for line, row in rows(path, columns=columns, faults=faults):
        try:
            begin, end, result = _outcome(row)
            x.append([feature(name, row[name]) for name in names])
            net_r.append(result)
            entry_at.append(begin)
            exit_at.append(end)
        except Fault as fault:
            faults.add(line, fault)
    faults.raise_if_any()
    return dataset(
        x=x,
        names=names,
        schema_hash=schema_hash(names),
        net_r=net_r,
        entry_at=entry_at,
        exit_at=exit_at,
    )


def schema_hash(names: Sequence[str]) -> str:
    """Return the hash of features that no registry describes: of their names, in order."""
    return sha256("\n".join(("csv", *names)).encode()).hexdigest()


def _columns(path: Path) -> tuple[str, ...]:
    names = header_of(path)
    wanted = f"{','.join(OUTCOME_COLUMNS)} and a column for each feature"
    missing = [name for name in OUTCOME_COLUMNS if name not in names]
    if missing or len(names) <= len(OUTCOME_COLUMNS):
        told = f"missing {', '.join(missing)}" if missing else "no feature"
        raise InvalidInput(f"{path}: line 1: {told}. The columns are {wanted}")
    if "" in names or len(set(names)) < len(names):
        raise InvalidInput(f"{path}: line 1: a name is empty or twice. The columns are {wanted}")
    return names


def _outcome(row: Mapping[str, str]) -> tuple[int, int, float]:
    begin, end = (
        (moment(name, row[name]) - _EPOCH) // _MICROSECOND for name in ("entry_at", "exit_at")
    )
    if end < begin:
        raise Fault("exit_at", row["exit_at"], f"must not be before entry_at ({row['entry_at']})")
    result = decimal("net_r", row["net_r"])
    if abs(result) > MOST_R:
        raise Fault("net_r", row["net_r"], f"write the result in R, within {MOST_R}")
    return begin, end, float(result)


def feature(name: str, text: str) -> float:
    """Return a feature as it is written, nan where it is missing. Raises Fault."""
    return float("nan") if text == "" else float(decimal(name, text, largest=LARGEST_FEATURE))
