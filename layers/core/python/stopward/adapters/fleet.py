"""The fleet over functions of schema api, whoever carries the calls."""

from datetime import datetime
from typing import cast

from stopward.adapters.functions import Functions
from stopward.domain.identity import AccountId
from stopward.domain.pulses import Roster
from stopward.errors import InvalidState


class FunctionFleet:
    """The accounts that a stage guards. stage: as `put_fleet` was told it."""

    def __init__(self, functions: Functions, *, stage: str) -> None:
        self._functions = functions
        self._stage = stage

    def roster(self, *, silent_before: datetime) -> Roster:
        """Return the accounts, and which of them have no tick since then.

        Raises InvalidState for an answer that cannot be read.
        """
        answer = self._functions.call(
            "list_fleet",
            "request",
            {"fleet": self._stage, "silent_before": silent_before.isoformat()},
        )
        try:
            return Roster(
                accounts=_ids(answer["accounts"]),
                silent=int(cast("int", answer["silent"])),
                longest_silent=_ids(answer["longest_silent"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidState(f"list_fleet: the answer cannot be read: {error!r}") from error


def _ids(listed: object) -> tuple[AccountId, ...]:
    return tuple(AccountId(str(each)) for each in cast("list[object]", listed))
