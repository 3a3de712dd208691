"""What the data at the door is made of: bars by symbol."""

from collections.abc import Mapping

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar

Bars = Mapping[Symbol, tuple[ClosedBar, ...]]
"""Closed bars by symbol, each tuple in order of time."""
