"""Whose decision binds for a signal: a pure function of salt, model and signal.

A weight is the share of signals whose binding decision is the model's. It is not a blend of
probabilities: that would have no control arm, and its effect could not be told.
"""

from decimal import Decimal
from hashlib import sha256
from typing import Final, Literal

Arm = Literal["shadow", "control", "model"]
ARMS: Final[tuple[Arm, ...]] = ("shadow", "control", "model")
_ALL: Final = 1 << 64


def uniform(*, salt: str, model_id: str, signal_id: str) -> float:
    """Return the number of a model and a signal, 0 to 1: the first 8 bytes of a hash by 2^64.

    signal_id: of a minute of an open position, the position's id. Anybody who knows the salt can
    check it; who does not cannot choose a signal by it.
    """
    digest = sha256(f"{salt}|{model_id}|{signal_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _ALL


def arm_of(u: float, weight: Decimal) -> Arm:
    """Return the arm of a signal: all are in shadow at weight 0, else the model's are below it.

    Raising a weight only adds signals to the model's arm.
    """
    if weight == 0:
        return "shadow"
    return "model" if u < float(weight) else "control"
