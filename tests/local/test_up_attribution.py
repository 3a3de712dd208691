"""A whole demo session, lived on pulses: its figures are those of the replay of its trades."""

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from subprocess import run

import numpy as np
import pytest

from stopward.adapters.attribution import FunctionAttribution
from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.views import Row
from stopward.domain.attribution.trade import ClosedTrade
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.opening import PositionRow
from stopward.local.data.packages import data_folder
from stopward.local.postgres import EmbeddedPostgres
from stopward.local.replay.bar_files import columns_of
from stopward.local.up.database import opened_again
from stopward.local.up.home import Home
from stopward.local.up.inputs import Inputs, read_inputs
from stopward.replay.attribution import Attribution, attribute
from stopward.replay.run import replay
from stopward.replay.table import BarTable, bar_table
from stopward.replay.terms import Conditions

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]
LOCAL = AccountId("local")
PATIENCE_SECONDS = 1500


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    for arguments in (("up", "--once"), ("attribution",)):
        command = (sys.executable, "-m", "stopward.local.cli", "--folder", str(folder), *arguments)
        run(command, check=True, timeout=PATIENCE_SECONDS, capture_output=True)
    yield folder
    EmbeddedPostgres(home=folder).remove()


def test_the_figures_of_a_session_are_those_of_its_replay(home: Path) -> None:
    trades, exits, inputs = stored(home)
    positions = [position_of(trade) for trade in trades]
    table = table_of(inputs)
    found = attribute(
        inputs.book,
        lambda book: replay(
            positions, table, book, Conditions(), instruments=dict(inputs.instruments)
        ),
    )
    row_of = {trade.position_id: row for row, trade in enumerate(trades)}
    known = [each for each in exits if each["saved_r"] is not None]
    wrong = {
        (each["position_id"], each["rule"]): (each["saved_r"], saved_of(found, row_of, each))
        for each in known
        if each["saved_r"] != pytest.approx(saved_of(found, row_of, each), abs=2e-9)
    }
    assert wrong == {}
    assert len(known) >= 20
    unknown = {
        str(each["unknown_because"])
        for each in exits
        if each["saved_r"] is None and each["attributed_at"] is not None
    }
    assert unknown == {"bars_end"}
    assert all(np.isnan(saved_of(found, row_of, each)) for each in exits if is_unknown(each))


def is_unknown(exit_row: Row) -> bool:
    return exit_row["unknown_because"] is not None


def saved_of(found: Attribution, row_of: Mapping[str, int], exit_row: Row) -> float:
    saved = found.saved_r[str(exit_row["rule"])]
    return float(saved[row_of[str(exit_row["position_id"])]])


def stored(folder: Path) -> tuple[tuple[ClosedTrade, ...], list[Row], Inputs]:
    """Return the trades of the newest run, what closed them, and what it was played from."""
    home = Home(folder)
    inputs = read_inputs(
        bars=None, positions=None, rules=None,
        data_folder=data_folder(None, environment={}), cache=folder / "cache",
    )  # fmt: skip
    with (
        opened_again(home, home.last_run()) as server,
        closing(PostgresDatabase(server.owner_url)) as database,
    ):
        book = FunctionAttribution(database)
        page = book.read_unattributed(LOCAL, at=datetime(2026, 1, 1, tzinfo=UTC), again=True)
        return page.trades, database.select("exit_log", account_id=LOCAL), inputs


def position_of(trade: ClosedTrade) -> PositionRow:
    return PositionRow(
        id=trade.position_id,
        symbol=trade.symbol,
        side=trade.side,
        quantity=trade.quantity,
        entry_at=trade.opened_at,
        entry_price=trade.average_entry,
        initial_stop=trade.initial_stop,
        tags=trade.tags,
    )


def table_of(inputs: Inputs) -> BarTable:
    """Return the bars with the usual volume that the database had, as live was told."""
    columns = {symbol: columns_of(bars) for symbol, bars in inputs.bars.items()}
    table = bar_table(columns, sessions=inputs.sessions)
    usual = np.full(len(table), np.nan)
    for symbol in table.symbols:
        begin, end = table.span(symbol)
        volumes = np.array(inputs.usual_volume.get(Symbol(symbol), ()), np.float64)
        if len(volumes):
            usual[begin:end] = volumes[table.minute[begin:end]]
    return dataclasses.replace(table, usual_volume=usual)
