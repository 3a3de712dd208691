"""What the broker says when it refuses: HTTP status, its code, a message, and facts."""

from collections.abc import Mapping
from decimal import Decimal

from stopward.errors import BrokerRejected

FORBIDDEN = 40310000
UNPROCESSABLE = 42210000
MALFORMED = 40010001
NOT_FOUND = 40410000


class Refused(BrokerRejected):
    """The simulated broker refused; `facts` stand beside code and message in the answer's body."""

    def __init__(
        self, message: str, *, status: int, code: int, facts: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.facts = dict(facts or {})


def unprocessable(message: str, **facts: object) -> Refused:
    """Return the refusal of a request that is well formed and not allowed: 422."""
    return Refused(message, status=422, code=UNPROCESSABLE, facts=facts)


def malformed(message: str) -> Refused:
    """Return the refusal of a request that is missing something or cannot be read: 422."""
    return Refused(message, status=422, code=MALFORMED)


def forbidden(message: str, **facts: object) -> Refused:
    """Return the refusal of what the account may not do now: 403."""
    return Refused(message, status=403, code=FORBIDDEN, facts=facts)


def not_found(message: str) -> Refused:
    """Return the refusal of what does not exist: 404."""
    return Refused(message, status=404, code=NOT_FOUND)


def plain(number: Decimal) -> str:
    """Return a number as Alpaca writes it: no exponent, no trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
