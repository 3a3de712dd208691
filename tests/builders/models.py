"""Models, what they said and how they climbed; each builder takes only what a test is about."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from itertools import count
from typing import Any, cast

from stopward.adapters.features import FunctionFeatures
from stopward.adapters.rows import JsonValue
from stopward.domain.features.row import Kind
from stopward.domain.features.vector import Vector
from stopward.domain.identity import PositionId
from stopward.domain.position import Position
from tests.builders.closed_trades import Closed, Hand, insert_closed
from tests.builders.kept_connections import DATABASES
from tests.builders.past_features import a_vector
from tests.builders.store import NOON, a_position, a_record, a_trade
from tests.builders.store_world import PostgresWorld, World, begin

SCHEMA = "5c" * 32
EVIDENCE = {
    "days": 31,
    "resolved": 140,
    "e_value": 12.5,
    "mean_r": 0.08,
    "variance": 0.4,
    "parity": 1,
    "skew": 0,
    "slope_low": 0.7,
    "slope_high": 1.3,
}
UP = [("pilot", "0.10"), ("expansion", "0.30"), ("optimization", "0.50")]
TO_THE_TOP = [*UP, *(("optimization", f"0.{share}") for share in (55, 60, 65, 70))]


MOVES = count(1)
"""Numbers of moves, each of which has an id of its own."""


class ModelWorld(PostgresWorld):
    """The Postgres world, with a voice for functions of models and eyes for their tables."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url
        self._voice = DATABASES.take(url)
        self._tick = 0

    def close(self) -> None:
        DATABASES.give_back(self._voice, self.url)
        super().close()

    def call(self, function: str, **request: Any) -> Mapping[str, Any]:
        """Call a function of schema api for this account."""
        return self._voice.call(function, "request", {"account_id": self.account_id, **request})

    def claim_any(self, holder: str) -> str | None:
        """Claim a training of whatever account, and return whose it is."""
        request: JsonValue = {"holder": holder, "seconds": 60}
        found: Any = self._voice.call("claim_training", "request", request)["request"]
        return None if found is None else str(found["account_id"])

    def rows(self, statement: str, *values: object) -> list[Any]:
        """Return what the superuser sees; `%s` first is the account."""
        return self._eyes.execute(statement.encode(), (self.account_id, *values)).fetchall()

    def run(self, statement: str, *values: object) -> int:
        """Execute as the superuser, return how many rows it touched; `%s` first is the account."""
        return self._eyes.execute(statement.encode(), (self.account_id, *values)).rowcount

    def execute(self, statement: str, *values: object) -> None:
        """Execute as the superuser."""
        self._eyes.execute(statement.encode(), values)

    def transaction(self) -> AbstractContextManager[object]:
        """Keep what the superuser executes meanwhile in one transaction."""
        return self._eyes.transaction()

    def age(self, days: float) -> None:
        """Let whatever happened on the ladder have happened so many days earlier."""
        with self.transaction():
            self.execute("set local session_replication_role = replica")
            self.run(
                "update stopward.rollout_events as e set at = e.at - g.past,"
                " session_day = e.session_day - ceil(g.days)::integer,"
                " cooldown_until = e.cooldown_until - g.past"
                " from (values (%s, %s::numeric, make_interval(secs => %s * 86400)))"
                " as g (account_id, days, past) where e.account_id = g.account_id",
                days,
                days,
            )

    def view(self, name: str, **where: object) -> list[dict[str, Any]]:
        """Return the account's rows of a view."""
        found = self._voice.select(name, account_id=self.account_id)
        return [row for row in found if where.items() <= row.items()]

    def tell(self) -> list[tuple[str, str]]:
        """Return the topic and the key of each notice."""
        return self.rows(
            "select about, key from stopward.notifications where account_id = %s order by id"
        )

    def open(self, *symbols: str, **changes: Any) -> list[Position]:
        """Put positions under guard, in one tick."""
        positions = [a_position(s, account_id=self.account_id, **changes) for s in symbols]
        self._record(positions=tuple(positions))
        return positions

    def close_trades(self, *trades: tuple[Position, float]) -> None:
        """Close positions at these results in R, in one tick."""
        rows = tuple(
            a_trade(p, result_r=r, result=p.risk * p.quantity * round(r * 1000) / 1000)
            for p, r in trades
        )
        self._record(trades=rows)

    def _record(self, **parts: Any) -> None:
        fence = begin(cast("World", self)).fence
        self._tick += 1
        self.store.record_tick(
            a_record(fence, tick=self._tick, account_id=self.account_id, **parts)
        )


def a_model(model_id: str = "m1", **changes: Any) -> dict[str, Any]:
    """Return a published entry model of 200 trades that lives for years."""
    return {
        "model_id": model_id,
        "kind": "entry",
        "verdict": "published",
        "created_at": "2026-11-20T22:00:00+00:00",
        "expires_at": "2036-12-20T22:00:00+00:00",
        "sha256": "ab" * 32,
        "schema_hash": SCHEMA,
        "location": f"models/{model_id}/model.onnx",
        "manifest": {"opset": 18},
        "trades": 200,
        "effective_n": 140.5,
        "trained_from": "2026-01-02T15:00:00+00:00",
        "trained_to": "2026-11-20T20:00:00+00:00",
        "threshold": 0.45,
        "log_loss": 0.64,
        "base_log_loss": 0.66,
        "brier_skill": 0.03,
        "auc": 0.6,
        "auc_low": 0.54,
        "auc_high": 0.66,
        **changes,
    }


def a_prediction(signal_id: str = "s1", model_id: str = "m1", **changes: Any) -> dict[str, Any]:
    """Return a score of a shadow model; decision and arm follow from what is given."""
    told = {
        "model_id": model_id,
        "signal_id": signal_id,
        "position_id": None,
        "symbol": "AAPL",
        "at": NOON.isoformat(),
        "probability": 0.6,
        "threshold": 0.45,
        "weight": "0",
        "u": 0.25,
        "schema_hash": SCHEMA,
        "latency_ms": 1.5,
        **changes,
    }
    arm = "model" if told["u"] < float(told["weight"]) else "control"
    follows = {
        "decision": "take" if told["probability"] > told["threshold"] else "veto",
        "arm": "shadow" if float(told["weight"]) == 0 else arm,
    }
    return {**follows, **told}


def champion(
    world: ModelWorld,
    model_id: str = "m1",
    *,
    expected: str | None = None,
    kind: Kind = "entry",
) -> None:
    """Register a model and make it champion of its kind."""
    world.call("register_model", **a_model(model_id, kind=kind))
    role = {"kind": kind, "alias": "champion", "model_id": model_id}
    world.call("set_alias", **role, expected=expected, because="passed")


def move(world: ModelWorld, number: int, stage: str, weight: str, **changes: Any) -> Any:
    """Move model m1 on its ladder, with evidence."""
    request = {
        "id": f"move-{number}",
        "model_id": "m1",
        "to_stage": stage,
        "weight": weight,
        "because": "the evidence says so",
        "evidence": EVIDENCE,
        **changes,
    }
    return world.call("move_rollout", **request)


def place(world: ModelWorld) -> tuple[str, str]:
    """Return the stage and the weight of the only champion."""
    (found,) = world.call("current_models")["models"]
    return found["stage"], found["weight"]


def climb(world: ModelWorld, *places: tuple[str, str], began: str = "shadow") -> None:
    """Move model m1 up from place to place, eight days apart."""
    before = began
    for stage, weight in places:
        world.age(8)
        move(world, next(MOVES), stage, weight, expected_stage=before)
        before = stage


def speak(
    world: ModelWorld,
    said: Sequence[tuple[str, float, float, str]],
    vectors: Mapping[str, Vector] | None = None,
    *,
    model_id: str = "m1",
) -> None:
    """Predict and close: symbol, probability, result in R, weight (u is 0.5).

    vectors: entry features by symbol, stored before the trade closes.
    """
    positions = world.open(*(symbol for symbol, *_ in said))
    features = FunctionFeatures(world._voice)
    if vectors:
        width = len(next(iter(vectors.values())))
        features.put_schema(SCHEMA, [f"f{place}" for place in range(width)])
    served = [
        a_vector(p, schema_hash=SCHEMA, vector=vectors[p.symbol], rebuilt=False)
        for p in positions
        if vectors and p.symbol in vectors
    ]
    features.put_vectors(world.account_id, served)
    world.call(
        "put_predictions",
        predictions=[
            a_prediction(
                p.symbol, model_id, position_id=p.id, probability=chance, weight=weight, u=0.5
            )
            for p, (_, chance, _, weight) in zip(positions, said, strict=True)
        ],
    )
    world.close_trades(*((p, r) for p, (_, _, r, _) in zip(positions, said, strict=True)))


def insert_trades(
    world: Hand, numbers: Iterable[int], *, ended_at: datetime = NOON, result_r: float = 1.0
) -> None:
    """Close so many positions at once, in one statement and without a tick."""
    insert_closed(
        world,
        [
            Closed(
                position_id=PositionId(f"{world.account_id}/bulk/{number}"),
                opened_at=ended_at - timedelta(hours=1),
                closed_at=ended_at,
                result_r=result_r,
            )
            for number in numbers
        ],
    )
