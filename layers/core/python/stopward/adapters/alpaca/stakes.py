"""What is at stake at a broker's URL: real money needs two keys, a stage and a number.

The stage is a parameter of the stack; the number, the account's, is typed beside the broker's
keys. Either alone guards nothing, so that neither a copied stack nor a swapped secret trades an
account that nobody meant.
"""

from urllib.parse import urlsplit

from stopward.adapters.alpaca.keys import Keys
from stopward.adapters.urls import is_this_machine
from stopward.errors import InvalidInput

PAPER_HOST = "paper-api.alpaca.markets"


def refuse_other_stakes(url: str, *, stage: str, keys: Keys) -> None:
    """Raise InvalidInput when a stage must not trade at this URL, or lacks the account's number.

    Live trades anywhere but on paper, and only with a number; other stages trade on paper, or with
    a simulator on this machine.
    """
    host = urlsplit(url).hostname or ""
    if stage == "live":
        if host == PAPER_HOST:
            raise InvalidInput(
                "STOPWARD_STAGE is live and STOPWARD_BROKER_URL the paper account's: "
                "set one of them right"
            )
        if not keys.account_number:
            raise InvalidInput(
                "STOPWARD_STAGE is live: the broker's secret needs account_number (or set "
                "STOPWARD_BROKER_ACCOUNT_NUMBER), the number of the account that may be traded"
            )
    elif host != PAPER_HOST and not is_this_machine(host):
        raise InvalidInput(
            f"STOPWARD_STAGE is {stage}, so STOPWARD_BROKER_URL must be https://{PAPER_HOST}; "
            "real money is guarded in stage live only"
        )
