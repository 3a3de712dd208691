"""The models that are served: opened once a version, looked up again now and then, never guessed.

A model that is not what was published is refused with the reason, and the one before it goes on.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from stopward.domain.current_model import CurrentModel
from stopward.domain.features.registry import names, schema_hash
from stopward.domain.features.row import Kind
from stopward.domain.identity import AccountId
from stopward.domain.model_file import MOST_DIFFERENCE
from stopward.domain.scoring.prediction import REASONS, Reason
from stopward.domain.scoring.served import ServedModel, served_model
from stopward.errors import (
    ArchiveRejected,
    ArchiveUnavailable,
    DatabaseRejected,
    DatabaseUnavailable,
    InvalidInput,
    InvalidState,
)
from stopward.services.model_book import ModelBook
from stopward.services.model_files import ModelFiles
from stopward.services.scorer import OpensModels, Scorer

WEIGHT_LASTS: Final = timedelta(minutes=15)
"""How long a weight that was read is good; the database refuses an older one."""
MOST_ACCOUNTS: Final = 200
"""Accounts whose models are kept open; beyond it the one asked longest ago makes room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A model that answers as it did when it was published."""

    facts: ServedModel
    scorer: Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """What an account asks now.

    role: as the database told it, and read_at when. instead_of: why a newer champion is not asked;
    empty where this is the champion.
    """

    opened: Opened
    role: CurrentModel
    read_at: datetime
    instead_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoScore:
    """Why there is no score; `says` is for people."""

    reason: Reason
    says: str


@dataclass(slots=True, kw_only=True)
class _Seat:
    """What is known of one account's champion of a kind.

    role: None where there is none; read_at: None while nobody has said. asked: the last one that
    could be opened. refused: why the one that has the role cannot. trouble: of the last look.
    """

    looked_at: datetime | None = None
    role: CurrentModel | None = None
    read_at: datetime | None = None
    asked: Champion | None = None
    refused: NoScore | None = None
    trouble: str = ""


@dataclass(slots=True, kw_only=True)
class Champions:
    """Opens and keeps the champions of accounts.

    refresh_seconds: how long a role is believed before the database is asked again, so that a new
    champion is asked at most so much later, without a cold start.
    """

    book: ModelBook
    files: ModelFiles
    open_model: OpensModels
    refresh_seconds: float
    _seats: dict[tuple[AccountId, Kind], _Seat] = field(default_factory=dict)

    def of(self, account_id: AccountId, kind: Kind, *, now: datetime) -> Champion | NoScore:
        """Return whom an account asks, or why nobody can be asked."""
        seat = self._seat(account_id, kind)
        if _is_due(seat.looked_at, now, self.refresh_seconds):
            self._look(seat, account_id, kind, now=now)
        if seat.read_at is None:
            # Nothing is known yet; the next signal asks at once.
            seat.looked_at = None
            return _no("model_unreachable", seat.trouble)
        role = seat.role
        if role is None:
            return _no("no_model", f"account {account_id}, kind {kind}")
        if role.expires_at <= now:
            return _no("model_expired", f"{role.model_id} at {role.expires_at.isoformat()}")
        found = self._opened(seat, role, seat.read_at, kind)
        if isinstance(found, NoScore) or found.role.expires_at <= now:
            return seat.refused or _no("model_expired", role.model_id)
        return found if now <= found.read_at + WEIGHT_LASTS else _without_weight(found)

    def _seat(self, account_id: AccountId, kind: Kind) -> _Seat:
        seat = self._seats.pop((account_id, kind), None) or _Seat()
        self._seats[account_id, kind] = seat
        if len(self._seats) > MOST_ACCOUNTS:
            del self._seats[next(iter(self._seats))]
        return seat

    def _look(self, seat: _Seat, account_id: AccountId, kind: Kind, *, now: datetime) -> None:
        """Ask the database who the champion is; without an answer what was known stays."""
        seat.looked_at = now
        try:
            current = self.book.current(account_id)
        except (DatabaseUnavailable, DatabaseRejected) as error:
            seat.trouble = str(error)
            return
        own = [each for each in current if (each.kind, each.alias) == (kind, "champion")]
        seat.role, seat.read_at = (own[0] if own else None), now
        # What was refused may have been mended meanwhile.
        seat.refused = None
        if not own:
            seat.asked = None
        elif seat.asked is not None and seat.asked.role.model_id == own[0].model_id:
            seat.asked = replace(seat.asked, role=own[0], read_at=now)

    def _opened(
        self, seat: _Seat, role: CurrentModel, read_at: datetime, kind: Kind
    ) -> Champion | NoScore:
        """Return the model of the role; the last one before it where that one is refused."""
        if seat.asked is not None and seat.asked.role.model_id == role.model_id:
            return seat.asked
        if seat.refused is None:
            found = self._open(role, kind)
            if isinstance(found, Opened):
                seat.asked = Champion(opened=found, role=role, read_at=read_at)
                return seat.asked
            seat.refused = found
        if seat.asked is None:
            return seat.refused
        # It goes on with its own threshold and salt, and with its weight while that is good.
        says = f"{role.model_id} has the role and is not asked: {seat.refused.says}"
        return replace(seat.asked, instead_of=says)

    def _open(self, role: CurrentModel, kind: Kind) -> Opened | NoScore:
        """Open the model of a role, whole and answering as it must, or say why not."""
        wanted = schema_hash(kind)
        if role.schema_hash != wanted:
            return _no(
                "schema_mismatch",
                f"{role.model_id} was made for features {role.schema_hash[:12]}, "
                f"they are {wanted[:12]} here",
            )
        try:
            model = self.files.read(role.model_id, schema_hash=wanted)
            opened = Opened(facts=served_model(model), scorer=self.open_model(model))
            _check_role(opened.facts, role, kind)
            wrong = golden_difference(opened)
            if wrong is None:
                self.book.put_schema(wanted, names(kind))
        except (ArchiveUnavailable, DatabaseUnavailable) as error:
            return _no("model_unreachable", str(error))
        except (ArchiveRejected, DatabaseRejected, InvalidInput, InvalidState) as error:
            return _no("model_refused", str(error))
        return opened if wrong is None else _no("golden_rows_failed", wrong)


def golden_difference(opened: Opened) -> str | None:
    """Replay the golden rows; return what is wrong, None where every answer is as it was."""
    said = opened.scorer.probabilities(opened.facts.golden)
    for number, (is_now, was) in enumerate(zip(said, opened.facts.answers, strict=True), start=1):
        # Written so that nan is a difference.
        if not abs(is_now - was) <= MOST_DIFFERENCE:
            return (
                f"{opened.facts.model_id}: golden row {number} was {was:.6f}, is {is_now:.6f} here"
            )
    return None


def _check_role(facts: ServedModel, role: CurrentModel, kind: Kind) -> None:
    """Raise ArchiveRejected where the file is another model than the one that has the role."""
    pairs = {
        "sha256": (facts.sha256, role.sha256),
        "threshold": (facts.threshold, role.threshold),
        "kind": (facts.kind, role.kind),
        "features": (facts.names, names(kind)),
    }
    for what, (stored, registered) in pairs.items():
        if stored != registered:
            raise ArchiveRejected(
                f"model {role.model_id}: its {what} is not the one that was registered"
            )


def _is_due(looked_at: datetime | None, now: datetime, seconds: float) -> bool:
    return looked_at is None or not timedelta(0) <= now - looked_at < timedelta(seconds=seconds)


def _without_weight(champion: Champion) -> Champion:
    return replace(champion, role=replace(champion.role, weight=Decimal(0)))


def _no(reason: Reason, says: str) -> NoScore:
    return NoScore(reason=reason, says=f"{REASONS[reason]}: {says}")
