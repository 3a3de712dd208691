"""What training needs of the world: requests and trades in the database, and who trains."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from stopward.domain.current_model import CurrentModel
from stopward.domain.features.past_trade import Place
from stopward.domain.features.row import Kind
from stopward.domain.identity import AccountId
from stopward.domain.training import (
    Concluded,
    Lesson,
    Training,
    TrainingClaim,
    TrainingPage,
    TrainingRow,
)


class TrainingBook(Protocol):
    """Where it stands that training is due, and what came of it.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the rule's name:
    `stale_fence` for who lost the claim.
    """

    def mark_due(self, account_id: AccountId) -> None:
        """Ask for training if trades or age say that it is due, and it is not asked for yet."""

    def request(self, account_id: AccountId) -> str:
        """Ask for training by hand; return the request, the one that is under way if there is."""

    def claim(self, account_id: AccountId, *, holder: str, seconds: float) -> TrainingClaim | None:
        """Take the training that is due; None where there is none, or another has it."""

    def keep(self, claim: TrainingClaim, *, seconds: float) -> None:
        """Keep a claim for so long from now; a second lets it go."""

    def read(
        self,
        account_id: AccountId,
        *,
        schema_hash: str,
        at: datetime,
        after: Place | None = None,
        kind: Kind = "entry",
    ) -> TrainingPage:
        """Return the page of trades closed until `at` after a place, the first one after None.

        kind: of the vectors; a trade has one row, whatever the number of its vectors.
        """

    def conclude(
        self,
        claim: TrainingClaim,
        training: Training,
        *,
        location: str | None,
        further: Sequence[Lesson] = (),
    ) -> Concluded:
        """Register the models, give them roles that are free, finish the request: all or nothing.

        location: of the model's graph. further: what came of other kinds; the request ends with the
        verdict of `training` all the same. Told twice the same, it changes nothing.
        """

    def current(self, account_id: AccountId) -> tuple[CurrentModel, ...]:
        """Return the models that have a role."""


class Trainer(Protocol):
    """Who makes a model of closed trades; the learners' libraries are its own affair."""

    def __call__(
        self,
        rows: Iterable[TrainingRow],
        *,
        kind: Kind,
        names: tuple[str, ...],
        schema_hash: str,
        created_at: datetime,
        salt: str,
        progress: Callable[[], None],
    ) -> Training:
        """Read the trades to the end, once, and return what a model of them came to.

        created_at: what the model's life counts from. salt: for the arms of a later pilot.
        progress: called now and then. Raises InvalidInput for trades that cannot be used.
        """
