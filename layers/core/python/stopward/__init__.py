"""Stopward guards open positions; see DESIGN in docs/ and the ADRs beside it."""

__version__ = "0.1.0"
