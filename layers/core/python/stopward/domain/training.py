"""What passes between the database that says that training is due and who trains."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from stopward.domain.current_model import Alias
from stopward.domain.features.past_trade import Place
from stopward.domain.features.row import Kind
from stopward.domain.features.vector import Vector
from stopward.domain.identity import AccountId, PositionId
from stopward.domain.model_file import ModelFile

Verdict = Literal[
    "published",
    "no_model_beats_base_rate",
    "not_enough_trades",
    "leak_suspected",
    "parity_failed",
    "failed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingClaim:
    """A training that is due, and ours until another takes it over.

    because: first, count, age or by_hand. trades: closed ones. fence: number of the claim; who has
    an older one is refused.
    """

    account_id: AccountId
    id: str
    because: str
    trades: int
    claimed_until: datetime
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRow:
    """A closed trade that can be learned from.

    entered_at: the earlier of its entry and its vector; for a model of open positions when the
    vector was made. r: after fees. vector: in the schema's order; for a model of open positions the
    one of the age that is drawn for it. rebuilt: the vector was made later, from bars.
    """

    position_id: PositionId
    entered_at: datetime
    closed_at: datetime
    r: float
    vector: Vector
    rebuilt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPage:
    """Trades by close and position.

    names: of the vectors, None for a schema that nobody put. without: trades of the page that have
    no vector of it. imported: trades of the trader's past that are in no row, on the first page.
    after: the place of the page's last trade, None on the last page.
    """

    names: tuple[str, ...] | None
    rows: tuple[TrainingRow, ...]
    without: int = 0
    imported: int = 0
    after: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What training came to.

    numbers: figures by name, fit for JSON. says: what is missing, or why it failed. model: None
    where nothing was trained.
    """

    verdict: Verdict
    numbers: Mapping[str, float | int | str | None] = field(default_factory=dict)
    says: str = ""
    model: ModelFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What training of a further kind came to. location: of its graph, None where there is none."""

    kind: Kind
    training: Training
    location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A model of a further kind that was registered. role: what it became, None for nothing."""

    kind: Kind
    model_id: str
    role: Alias | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """What the database made of a training.

    role: what its model became, None for nothing. models: those of further kinds.
    """

    model_id: str | None
    role: Alias | None
    models: tuple[Registered, ...] = ()

    def of(self, kind: Kind) -> Registered | None:
        """Return the model of a further kind, None where none was registered."""
        return next((model for model in self.models if model.kind == kind), None)
