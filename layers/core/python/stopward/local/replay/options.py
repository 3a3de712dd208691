"""Slippage and commission as a person writes them: `1 tick, 0.5 spread`, `0.005/share, 1/order`."""

import re
from collections.abc import Iterator
from typing import Final

from stopward.errors import InvalidInput
from stopward.replay.terms import Commission
from stopward.rules.booking import HALF_SPREAD_OR_TICK
from stopward.rules.types import Slippage

SLIPPAGE_UNITS: Final = ("tick", "spread", "%")
COMMISSION_UNITS: Final = ("/share", "/order", "%", "least")
_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([a-z/%]+)\s*")
_SPELLINGS: Final = {"ticks": "tick", "spreads": "spread", "share": "/share", "order": "/order"}


def slippage_of(text: str | None, *, exits: bool) -> Slippage:
    """Return what a fill at the market costs: the largest of the parts; None: half spread or tick.

    exits: exits at the next open slip too, not only stops. Raises InvalidInput.
    """
    if text is None:
        return HALF_SPREAD_OR_TICK._replace(exits=float(exits))
    found = dict.fromkeys(SLIPPAGE_UNITS, 0.0)
    if text.strip() != "none":
        found |= _parts(
            text, option="--slippage", units=SLIPPAGE_UNITS, example="1 tick, 0.5 spread"
        )
    return Slippage(
        ticks=found["tick"],
        spread=found["spread"],
        fraction=found["%"] / 100,
        exits=float(exits),
    )


def commission_of(text: str | None) -> Commission:
    """Return what the broker takes an order; None takes nothing. Raises InvalidInput."""
    if text is None or text.strip() == "none":
        return Commission()
    found = dict.fromkeys(COMMISSION_UNITS, 0.0)
    found |= _parts(
        text, option="--commission", units=COMMISSION_UNITS, example="0.005/share, 1 least"
    )
    return Commission(
        per_share=found["/share"],
        per_order=found["/order"],
        fraction=found["%"] / 100,
        least=found["least"],
    )


def _parts(text: str, *, option: str, units: tuple[str, ...], example: str) -> dict[str, float]:
    return dict(_read(text, option=option, units=units, example=example))


def _read(
    text: str, *, option: str, units: tuple[str, ...], example: str
) -> Iterator[tuple[str, float]]:
    seen: set[str] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        unit = "" if match is None else _SPELLINGS.get(match[2], match[2])
        if match is None or unit not in units:
            raise InvalidInput(
                f'{option} was "{text}": "{part.strip()}" is not a number and one of '
                f"{', '.join(units)}; write it like {example}, or none"
            )
        if unit in seen:
            raise InvalidInput(f'{option} was "{text}": {unit} is there twice')
        seen.add(unit)
        yield unit, float(match[1])
