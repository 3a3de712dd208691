"""Bars of an account's trades: a file's, the local run's own, or the broker's."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stopward.adapters.alpaca import AlpacaMarketData, Transport
from stopward.adapters.alpaca.market_data import Feed
from stopward.errors import InvalidInput
from stopward.local.account_target import Target
from stopward.local.data.packages import data_folder
from stopward.local.replay.bar_files import columns_of, read_bar_columns
from stopward.local.replay.known_bars import KnownBars
from stopward.local.session_loading import keys_from
from stopward.local.up.home import DEMO, Home
from stopward.local.up.inputs import read_inputs
from stopward.ports import Clock
from stopward.settings import DATA_URL


@contextmanager
def bars_for(
    target: Target,
    *,
    file: Path | None,
    feed: Feed,
    home: Home,
    environment: Mapping[str, str],
    clock: Clock,
) -> Iterator[KnownBars | AlpacaMarketData]:
    """Reach bars: of the file that was given, of the local run's own, or the broker's.

    Raises InvalidInput when a file cannot be read, or without the broker's keys.
    """
    if file is not None:
        yield KnownBars(read_bar_columns(file))
        return
    if target.run is not None:
        yield _bars_of_run(target.run.bars, home=home, environment=environment)
        return
    keys = keys_from(environment, instead="--bars FILE to read the bars from a file")
    transport = Transport(DATA_URL, keys=keys, clock=clock)
    try:
        yield AlpacaMarketData(transport, feed=feed)
    finally:
        transport.close()


def _bars_of_run(named: str, *, home: Home, environment: Mapping[str, str]) -> KnownBars:
    if not named:
        raise InvalidInput("the run does not say where its bars came from: give --bars FILE")
    if named != DEMO:
        return KnownBars(read_bar_columns(Path(named)))
    demo = read_inputs(
        bars=None,
        positions=None,
        rules=None,
        data_folder=data_folder(None, environment=environment),
        cache=home.folder / "cache",
    )
    return KnownBars({symbol: columns_of(bars) for symbol, bars in demo.bars.items()})
