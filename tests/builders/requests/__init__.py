"""A valid request for every function of schema api, where tests of access and bad input start.

A new function needs a maker in the table of its subject, which `table` adds to REQUESTS: it gets
the stage (an account with a row in every table) and returns a request that is answered. What must
be true first (a claim, a lease), the maker does by `stage.ask`, or by `stage.run` where only time
or a fault brings it about. The first call must change something, but for those in CHANGES_NOTHING;
a request without an account belongs to OF_NO_ACCOUNT.
"""

from tests.builders.requests.stage import Maker, Request, Stage
from tests.builders.requests.table import CHANGES_NOTHING, HOW_TO_ADD, OF_NO_ACCOUNT, REQUESTS

__all__ = [
    "CHANGES_NOTHING",
    "HOW_TO_ADD",
    "OF_NO_ACCOUNT",
    "REQUESTS",
    "Maker",
    "Request",
    "Stage",
]
