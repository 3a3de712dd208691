"""Whose account the broker's keys open, where somebody said whose it must be."""

from stopward.errors import OtherAccount
from stopward.ports import Broker


def refuse_other_account(broker: Broker, *, named: str) -> None:
    """Raise OtherAccount unless the broker says that this is the account that was named.

    Whole numbers are kept out of logs and alarms.
    """
    number = broker.account().number
    if number != named:
        raise OtherAccount(
            f"the broker's keys open account ...{number[-3:]}, and the one that was named is "
            f"...{named[-3:]}: nothing is looked at, nothing is sent"
        )
