"""Signals as somebody sends them, and answers as they go back: JSON, judged field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictStr, ValidationError

from stopward.domain.features.registry import ENTRY, schema_hash
from stopward.domain.features.vector import Vector, as_float32
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.scoring.prediction import AskedSignal
from stopward.errors import InvalidInput

MOST_SIGNALS: Final = 1_000
MOST_FAULTS: Final = 100
"""Faults that are told; by then the request has one cause, not many."""
LONGEST: Final = 60
"""Characters of a value that are repeated to its sender."""
AHEAD: Final = timedelta(minutes=1)
"""By how much a sender's clock may be before ours."""
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The database keeps no prediction of an earlier time."""
Text = Annotated[StrictStr, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Fault:
    """One value that cannot be used. path: as in `signals.3.features.rsi`."""

    path: str
    was: str
    allowed: str


class UnusableRequest(InvalidInput):
    """Nothing of a request was done. faults: each of its values that cannot be used."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        told = "; ".join(f"{each.path}: was {each.was}; allowed: {each.allowed}" for each in faults)
        super().__init__(told)
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked: signals of one account."""

    account_id: AccountId
    signals: tuple[AskedSignal, ...]


class _Signal(BaseModel):
    model_config = ConfigDict(extra="forbid")

    signal_id: Text
    symbol: Text
    at: AwareDatetime
    schema_hash: Text
    features: dict[str, Number | None]
    position_id: Text | None = None


class _One(_Signal):
    account_id: Text | None = None


class _Many(BaseModel):
    model_config = ConfigDict(extra="forbid")

    account_id: Text | None = None
    signals: Annotated[list[_Signal], Field(min_length=1, max_length=MOST_SIGNALS)]


def read_request(
    told: object, *, account_id: AccountId, any_account: bool, now: datetime
) -> Request:
    """Return what was asked: one signal, or `{"signals": [...]}` of up to MOST_SIGNALS.

    account_id: of whom, where it does not say; any_account: whether it may say another. Raises
    UnusableRequest with each fault's path, what was read there and what is allowed.
    """
    if not isinstance(told, Mapping):
        raise UnusableRequest([Fault("", _shown(told), "one signal, or {signals: [...]}")])
    many = "signals" in told
    try:
        read = _Many.model_validate(told) if many else _One.model_validate(told)
    except ValidationError as error:
        raise UnusableRequest(_faults(error)) from error
    given = read.signals if isinstance(read, _Many) else [read]
    wanted = AccountId(read.account_id or account_id)
    faults = []
    if wanted != account_id and not any_account:
        faults.append(Fault("account_id", _shown(wanted), f"{account_id}, or nothing"))
    seen: set[str] = set()
    signals = []
    for place, each in enumerate(given):
        before = f"signals.{place}." if many else ""
        if each.signal_id in seen:
            faults.append(Fault(f"{before}signal_id", _shown(each.signal_id), "each id once"))
        seen.add(each.signal_id)
        if each.at < EARLIEST:
            allowed = f"no time before {EARLIEST:%Y}"
            faults.append(Fault(f"{before}at", each.at.isoformat(), allowed))
        if each.at > now + AHEAD:
            faults.append(Fault(f"{before}at", each.at.isoformat(), "no time of the future"))
        faults += _feature_faults(each, before)
        if not faults:
            signals.append(_signal(each))
    if faults:
        raise UnusableRequest(faults)
    return Request(account_id=wanted, signals=tuple(signals))


def refusal(error: InvalidInput) -> dict[str, Any]:
    """Return the answer to a request of which nothing was done."""
    whole = (Fault("", "something else", str(error)),)
    faults = error.faults if isinstance(error, UnusableRequest) else whole
    return {
        "errors": [asdict(each) for each in faults[:MOST_FAULTS]],
        "more_errors": max(len(faults) - MOST_FAULTS, 0),
    }


def _signal(read: _Signal) -> AskedSignal:
    return AskedSignal(
        signal_id=read.signal_id,
        symbol=Symbol(read.symbol),
        at=read.at.astimezone(UTC),
        schema_hash=read.schema_hash,
        vector=_vector(read),
        position_id=None if read.position_id is None else PositionId(read.position_id),
    )


def _vector(read: _Signal) -> Vector:
    if read.schema_hash != schema_hash("entry"):
        return ()
    found = (read.features[feature.name] for feature in ENTRY)
    # A zero has no sign, as in a vector that we make ourselves.
    return tuple(None if each is None else as_float32(each) + 0.0 for each in found)


def _feature_faults(read: _Signal, before: str) -> list[Fault]:
    """Return what is wrong with features of our own schema; another's are nobody's to judge."""
    if read.schema_hash != schema_hash("entry"):
        return []
    return feature_faults(read.features, before=before)


def feature_faults(features: Mapping[str, float | None], *, before: str = "") -> list[Fault]:
    """Return what is wrong with the entry features of a vector; `before` stands before a path."""
    faults = []
    for feature in ENTRY:
        path = f"{before}features.{feature.name}"
        span = f"{feature.low:g} to {feature.high:g}"
        may_miss = feature.null == "missing"
        allowed = f"{span}, or null where it is missing" if may_miss else span
        if feature.name not in features:
            faults.append(Fault(path, "nothing", allowed))
            continue
        value = features[feature.name]
        is_fit = may_miss if value is None else feature.low <= value <= feature.high
        if not is_fit:
            faults.append(Fault(path, _shown(value), allowed))
    known = {feature.name for feature in ENTRY}
    faults += [
        Fault(f"{before}features.{_cut(name)}", _shown(value), "no feature of this name")
        for name, value in features.items()
        if name not in known
    ]
    return faults


def _faults(error: ValidationError) -> list[Fault]:
    return [
        Fault(
            ".".join(_cut(str(part)) for part in each["loc"]),
            "nothing" if each["type"] == "missing" else _shown(each["input"]),
            ALLOWED.get(each["type"]) or each["msg"].removeprefix("Input should be "),
        )
        for each in error.errors(include_url=False)
    ]


ALLOWED: Final[Mapping[str, str]] = {
    "missing": "a value",
    "extra_forbidden": "no field of this name",
    "finite_number": "a finite number, or null where it is missing",
    "float_type": "a number, or null where it is missing",
    "timezone_aware": "a time with its offset from UTC, as in 2026-11-23T14:30:00Z",
    "string_pattern_mismatch": "a text without the character NUL",
    "too_long": f"at most {MOST_SIGNALS:,} signals",
    "too_short": "one signal and more",
}


def _shown(value: object) -> str:
    return _cut(value if isinstance(value, str) else repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
