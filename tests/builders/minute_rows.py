"""Minutes of positions that a model spoke of, in a database."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from stopward.adapters.features import FunctionFeatures
from stopward.domain.position import Position
from tests.builders.models import ModelWorld, a_model, a_prediction

SCHEMA = "6d" * 32


def a_place(world: ModelWorld) -> None:
    """Register a model of open positions, m1, and one of entries, both of one feature."""
    FunctionFeatures(world._voice).put_schema(SCHEMA, ["one"])
    world.call("register_model", **a_model(kind="open", schema_hash=SCHEMA))
    world.call("register_model", **a_model("of-entries", schema_hash=SCHEMA))


def minutes(since: datetime, many: int) -> list[datetime]:
    """Return so many minutes, the first one at a time."""
    return [since + number * timedelta(minutes=1) for number in range(many)]


def signals(position: Position, times: Sequence[datetime]) -> list[str]:
    """Return what minutes of a position are called in the log."""
    return [f"{position.id}@{at.isoformat()}" for at in times]


def said_of(world: ModelWorld, position: Position, times: Sequence[datetime]) -> None:
    """Log what m1 said of a position at these times, with a vector each."""
    told = [
        a_prediction(
            name, position_id=position.id, symbol=position.symbol, schema_hash=SCHEMA,
            at=at.isoformat(), vector=["1.5"], vector_at=at.isoformat(),
        )
        for name, at in zip(signals(position, times), times, strict=True)
    ]  # fmt: skip
    world.call("put_predictions", predictions=told)


def sums_of(world: ModelWorld) -> list[object]:
    """Return each sum over what models said and over vectors."""
    return [
        world.rows(f"select * from stopward.{table} where account_id = %s order by 2, 3, 4, 5")  # noqa: S608
        for table in ("model_performance", "feature_rollups")
    ]
