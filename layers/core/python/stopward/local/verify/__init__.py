"""`stopward broker verify`: the broker facts that we rely on, checked on a real paper account."""

from stopward.local.verify.check import Check, Result, Verdict
from stopward.local.verify.run import CHECKS, Report, keys_from, table, verify

__all__ = [
    "CHECKS", "Check", "Report", "Result", "Verdict", "keys_from", "table", "verify",
]  # fmt: skip
