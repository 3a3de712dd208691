"""What PostgREST's refusals mean: the same errors, with the same rules, as over a connection.

Source: PostgREST 14, "Errors" (its codes and its translation of SQLSTATEs).
"""

import re
from typing import Final

from stopward.adapters.repeating import TRY_AGAIN, in_words
from stopward.errors import DatabaseRejected, DatabaseUnavailable

SQLSTATE = re.compile(r"[0-9A-Z]{5}")
RULE = re.compile(r"[a-z_][a-z0-9_]*")
CONSTRAINT = re.compile(r'constraint "([^"]+)"')
"""Where Postgres' message names what was violated; PostgREST has no field for it."""
INTEGRITY = "23"
RAISED = "P0001"
NO_CONNECTION = frozenset({"PGRST000", "PGRST001", "PGRST002", "PGRST003"})
NOT_AUTHORISED = "28000"
"""SQLSTATE of a key that is not known; psycopg has it from the server."""
SAME_AS: Final = {
    "PGRST106": "3F000",
    "PGRST202": "42883",
    "PGRST203": "42725",
    "PGRST204": "42703",
    "PGRST205": "42P01",
    "PGRST300": NOT_AUTHORISED,
    "PGRST301": NOT_AUTHORISED,
    "PGRST302": NOT_AUTHORISED,
    "PGRST303": NOT_AUTHORISED,
}
"""What PostgREST finds before Postgres does, and the SQLSTATE Postgres would have said."""
UNAUTHORISED, FORBIDDEN = 401, 403


def refusal(
    what: str, *, status: int, code: str | None, message: str, details: object
) -> DatabaseUnavailable | DatabaseRejected:
    """Return the error of an answer that is none of ours: no 2xx.

    code, message, details: as PostgREST's body has them; of another body, the status as code.
    `message` must be scrubbed of secrets.
    """
    told = f"{what}: {in_words(code, message)}"
    if code is not None and SQLSTATE.fullmatch(code):
        if code.startswith(TRY_AGAIN):
            return DatabaseUnavailable(told)
        return DatabaseRejected(told, rule=_rule(code, message, details))
    if code is not None and code.startswith("PGRST") and code not in NO_CONNECTION:
        return DatabaseRejected(f"{told} ({code})", rule=SAME_AS.get(code, code))
    if code not in NO_CONNECTION and status in (UNAUTHORISED, FORBIDDEN):
        return DatabaseRejected(
            f"{told} (HTTP {status}): is it this project's secret key?", rule=NOT_AUTHORISED
        )
    return DatabaseUnavailable(f"{told} (HTTP {status})")


def _rule(code: str, message: str, details: object) -> str:
    if code == RAISED and isinstance(details, str) and RULE.fullmatch(details):
        return details
    if code.startswith(INTEGRITY) and (named := CONSTRAINT.findall(message)):
        return str(named[-1])
    return code
