"""Opening a venue where checks may send orders: on paper or on this machine, and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from stopward.adapters.alpaca import AlpacaBroker, AlpacaMarketData, Keys, Patience, Transport
from stopward.adapters.alpaca.transport import LOOPBACK
from stopward.domain.identity import Symbol
from stopward.errors import InvalidInput
from stopward.local.verify.venue import Venue
from stopward.ports import Clock
from stopward.settings import PAPER_URL

PATIENCE = Patience(total_seconds=90, attempts=12)


@contextmanager
def open_venue(
    *,
    url: str,
    data_url: str,
    keys: Keys,
    clock: Clock,
    run_id: str,
    symbol: str,
    other_symbol: str,
) -> Iterator[Venue]:
    """Open a venue; InvalidInput unless it is a paper account or on this machine, and idle.

    On the way out, whatever happened, every order of the symbol is canceled and its shares closed.
    """
    host = urlsplit(url).hostname
    if host not in LOOPBACK and host != urlsplit(PAPER_URL).hostname:
        raise InvalidInput(f"broker URL: was {url!r}; checks send orders, to {PAPER_URL} only")
    raw = Transport(url, keys=keys, clock=clock, patience=PATIENCE)
    data = Transport(data_url, keys=keys, clock=clock, patience=PATIENCE)
    venue = Venue(
        raw=raw,
        data=data,
        broker=AlpacaBroker(raw),
        market=AlpacaMarketData(data),
        clock=clock,
        symbol=Symbol(symbol),
        other_symbol=Symbol(other_symbol),
        run_id=run_id,
        is_simulated=host in LOOPBACK,
    )
    try:
        refuse_unsafe(venue)
        try:
            yield venue
        finally:
            venue.flatten()
    finally:
        raw.close()
        data.close()


def refuse_unsafe(venue: Venue) -> None:
    """Raise InvalidInput unless the account is a paper one and holds nothing of the symbol."""
    number = venue.broker.account().number
    if not venue.is_simulated and not number.startswith("PA"):
        raise InvalidInput("account: its number does not start with PA, so it is no paper account")
    mine = [o for o in venue.broker.open_orders() if o.symbol == venue.symbol]
    if venue.held() or mine:
        raise InvalidInput(
            f"{venue.symbol}: has a position or open orders; choose a symbol without (--symbol)"
        )
