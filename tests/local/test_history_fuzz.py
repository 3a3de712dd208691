"""Whatever a file holds, it is read or refused with its name; nothing else ever happens."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stopward.domain.history import round_trips
from stopward.errors import InvalidInput
from stopward.local.history.merging import merge, nothing_stored
from stopward.local.history.preview import Preview, document, text
from tests.builders.history_files import (
    ALPACA_CSV,
    IBKR_FRAMED,
    IBKR_PLAIN,
    TRADERVUE,
    read,
)

ODD = st.one_of(
    st.sampled_from(
        [
            "", " ", "0", "-0", "-1", "1e99", "1e-99", "9" * 40, "999999999.999999999", "nan",
            "1,000", "1,00", "0.0000000001", "9999-12-31", "0001-01-01", "12/31/9999", "99991231",
            "23:59:59", "00:00:00", "99991231;235959", "00010101;000000", "20240310;023000",
            "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "2024-01-03", "SS", "BC", "x",
            "B", "sell", "EXECUTION", "BOS", "HEADER", "DATA", "EOS", "Symbol", "A\x00", "\u0663",
            "C;O", "Ca", "U1", "\U0001f600", '"', "a\nb", "\x1b[2J",
        ]
    ),
    st.text(max_size=8),
)  # fmt: skip


def outcome(path: Path, content: str) -> None:
    refused = ""
    try:
        found = read(path, content)
    except InvalidInput as error:
        refused = str(error)
    if refused:
        assert refused.startswith(str(path))
        return
    assert round_trips(found.executions)
    merged = merge(found, nothing_stored)
    preview = Preview(file=found, merged=merged, zone=None, is_compared=False)
    assert all(line.isprintable() for line in text(preview))
    assert json.dumps(document(preview, None))


@pytest.mark.parametrize("good", [TRADERVUE, ALPACA_CSV, IBKR_PLAIN, IBKR_FRAMED])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_odd_cells(tmp_path: Path, good: str, data: st.DataObject) -> None:
    rows = list(csv.reader(io.StringIO(good)))
    for _ in range(data.draw(st.integers(1, 4))):
        row = data.draw(st.integers(0, len(rows) - 1))
        rows[row][data.draw(st.integers(0, len(rows[row]) - 1))] = data.draw(ODD)
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    outcome(tmp_path / "export.csv", written.getvalue())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fills=st.lists(
        st.dictionaries(
            st.sampled_from(
                ["id", "activity_type", "transaction_time", "symbol", "qty", "price", "side"]
            ),
            st.one_of(
                ODD, st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.integers()),
                st.sampled_from(["FILL", "2024-01-03T14:30:05Z", "AAPL", "1", "10.5", "buy"]),
            ),
        )
    )
)  # fmt: skip
def test_json_with_odd_values(tmp_path: Path, fills: list[dict[str, object]]) -> None:
    outcome(tmp_path / "export.json", json.dumps(fills))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text(tmp_path: Path, content: str) -> None:
    outcome(tmp_path / "export", content)


@pytest.mark.parametrize(
    "content", ['{"a":' + "[" * 100_000, "[" * 100_000, "{" * 100_000, '{"a": "' + "x" * 3_000_000]
)
def test_json_that_would_never_end(tmp_path: Path, content: str) -> None:
    outcome(tmp_path / "export", content)
