"""A request that is refused: PostgREST's status, code, message, details and hint.

Source: PostgREST 14, "Errors": its codes, and which HTTP status a SQLSTATE answers with.
"""

import json
from typing import Final

import psycopg

CONNECTION_LOST: Final = "PGRST001"
STATUSES: Final = {
    "08": 503, "09": 500, "0L": 403, "0P": 403, "25006": 405, "25": 500, "28": 403, "2D": 500,
    "38": 500, "39": 500, "3B": 500, "40": 500, "42883": 404, "42P01": 404, "42P17": 500,
    "53400": 500, "53": 503, "54": 500, "55": 500, "57": 500, "58": 500, "F0": 500, "HV": 500,
    "P0001": 400, "P0": 500, "XX": 500, "23503": 409, "23505": 409,
}  # fmt: skip
"""By SQLSTATE, else by its class; everything else is 400, but for 42501."""
NO_RIGHT: Final = "42501"
BAD_REQUEST: Final = 400


class Refused(Exception):
    """An answer that is an error. details, hint: None when there is nothing to add."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.hint = hint

    @property
    def body(self) -> str:
        """The error as PostgREST's JSON."""
        return json.dumps(
            {
                "code": self.code,
                "details": self.details,
                "hint": self.hint,
                "message": self.message,
            }
        )


def unreadable(what: str, was: str) -> Refused:
    """Refuse a part of the query string that does not follow the grammar."""
    return Refused(BAD_REQUEST, "PGRST100", f"{what} was {was!r}, which cannot be read")


def not_offered(what: str) -> Refused:
    """Refuse what PostgREST can do and the gateway cannot."""
    return Refused(
        BAD_REQUEST, "PGRST127", "Feature not implemented", details=f"{what}: not offered locally"
    )


def refused_by_postgres(error: psycopg.Error, *, anonymous: bool) -> Refused:
    """Return what Postgres refused; anonymous: asked without a person or a secret key."""
    state = error.sqlstate
    if state is None:
        return Refused(503, CONNECTION_LOST, "Could not connect with the database")
    if state == NO_RIGHT:
        status = 401 if anonymous else 403
    else:
        status = STATUSES.get(state, STATUSES.get(state[:2], BAD_REQUEST))
    said = error.diag
    return Refused(
        status,
        state,
        said.message_primary or str(error),
        details=said.message_detail,
        hint=said.message_hint,
    )
