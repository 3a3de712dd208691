"""Positions and sessions as text that says them exactly."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import Session
from stopward.domain.opening import PositionRow


def positions_text(positions: Iterable[PositionRow]) -> str:
    """Return positions as JSON, one a line; numbers are text, for none may be rounded."""
    lines = (
        json.dumps(
            {
                "id": row.id,
                "symbol": row.symbol,
                "side": row.side,
                "quantity": str(row.quantity),
                "entry_at": row.entry_at.isoformat(),
                "entry_price": str(row.entry_price),
                "initial_stop": None if row.initial_stop is None else str(row.initial_stop),
                "target": None if row.target is None else str(row.target),
                "tags": list(row.tags),
            }
        )
        for row in positions
    )
    return "[" + ",\n".join(lines) + "]\n"


def positions_from(text: str | bytes) -> tuple[PositionRow, ...]:
    """Return the positions that `positions_text` wrote, in its order."""
    return tuple(
        PositionRow(
            id=PositionId(row["id"]),
            symbol=Symbol(row["symbol"]),
            side=row["side"],
            quantity=Decimal(row["quantity"]),
            entry_at=datetime.fromisoformat(row["entry_at"]),
            entry_price=Decimal(row["entry_price"]),
            initial_stop=_number(row["initial_stop"]),
            target=_number(row["target"]),
            tags=tuple(row["tags"]),
        )
        for row in json.loads(text)
    )


def sessions_rows(sessions: Iterable[Session]) -> list[list[str]]:
    """Return sessions as rows of text: exchange, day, open, close."""
    return [
        [each.exchange, each.day, each.opens_at.isoformat(), each.closes_at.isoformat()]
        for each in sessions
    ]


def sessions_from(rows: Iterable[Sequence[str]]) -> tuple[Session, ...]:
    """Return the sessions that `sessions_rows` wrote."""
    return tuple(
        Session(
            exchange=exchange,
            day=day,
            opens_at=datetime.fromisoformat(opens_at),
            closes_at=datetime.fromisoformat(closes_at),
        )
        for exchange, day, opens_at, closes_at in rows
    )


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
