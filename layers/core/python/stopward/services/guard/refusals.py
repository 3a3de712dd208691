"""Why the broker refused an order of ours: what it says decides what may be done about it. Pure.

Sources: Alpaca's order documentation and answers that its users published. Status and code alone do
not tell these apart, so the words are looked at too; words that nobody knows mean none of them.
"""

from stopward.domain.orders import OrderSide
from stopward.errors import BrokerRejected

HELD_SHARES = 40310000
"""The broker's code for shares that another order holds, and also for a wash trade."""
UNPROCESSABLE = 42210000
"""Its code for whatever is wrong with an order as it was sent, a price off the tick too."""
PASSED = {
    "sell": "stop price must be less than current price",
    "buy": "stop price must be greater than current price",
}


def is_held(error: BrokerRejected) -> bool:
    """Whether the refusal only says that another order still holds the shares.

    The same code also means a wash trade (the trader has an opposite order open), which no waiting
    mends: that exit is refused.
    """
    return error.code == HELD_SHARES and "insufficient" in str(error).lower()


def is_opposed(error: BrokerRejected) -> bool:
    """Whether the refusal is of a wash trade."""
    return error.code == HELD_SHARES and "wash trade" in str(error).lower()


def is_passed(error: BrokerRejected, side: OrderSide) -> bool:
    """Whether the refusal of a stop on that side says that the last trade was at it or beyond.

    Or nearer than a step: the broker takes none so near.
    """
    return error.code == UNPROCESSABLE and PASSED[side] in str(error).lower()
