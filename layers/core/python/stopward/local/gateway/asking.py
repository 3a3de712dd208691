"""How an answer is wanted: the headers Accept, Prefer and the two profiles.

Source: PostgREST, "Prefer Header", "Media Type Handlers", "Schemas".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stopward.local.gateway.refused import Refused

SCHEMA: Final = "api"
ONE_ROW: Final = "application/vnd.pgrst.object+json"
ROWS: Final = frozenset(
    {"*/*", "application/*", "application/json", "application/vnd.pgrst.array+json"}
)
DESCRIPTION: Final = "application/openapi+json"
OF_NO_MATTER: Final = re.compile(r";\s*(?:q|charset)=[\w.-]+", re.IGNORECASE)
COUNTS: Final = frozenset({"count=exact", "count=planned", "count=estimated"})
"""All are counted exactly: that is the best plan and the best estimate."""
WITHOUT_EFFECT: Final = frozenset(
    {
        "return=representation", "return=minimal", "return=headers-only", "handling=lenient",
        "handling=strict", "tx=commit",
    }
)  # fmt: skip
"""What changes nothing about a read or a call of a function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """one_row: the answer is one object, else an error. counted: with the number of all rows."""

    one_row: bool
    counted: bool


def read_wanted(headers: Mapping[str, str], *, method: str) -> Wanted:
    """Return how an answer is wanted; header names are lower case. Raises Refused."""
    profile = "accept-profile" if method in ("GET", "HEAD") else "content-profile"
    schema = headers.get(profile, SCHEMA)
    if schema != SCHEMA:
        raise Refused(
            406,
            "PGRST106",
            f"Invalid schema: {schema}",
            hint=f"Only the following schemas are exposed: {SCHEMA}",
        )
    if method == "POST":
        _check_content(headers.get("content-type", "application/json"))
    preferences = {each.strip() for each in headers.get("prefer", "").split(",") if each.strip()}
    if unknown := preferences - COUNTS - WITHOUT_EFFECT:
        raise Refused(
            400,
            "PGRST122",
            "Invalid preferences given",
            details=f"Invalid preferences: {', '.join(sorted(unknown))}",
        )
    return Wanted(
        one_row=_kind(headers.get("accept", "*/*")) == ONE_ROW,
        counted=bool(preferences & COUNTS),
    )


def _kind(accept: str) -> str:
    # The first that there is; weights only ever name JSON and everything else.
    for each in accept.split(","):
        kind = OF_NO_MATTER.sub("", each).strip()
        if kind in ROWS or kind in (ONE_ROW, DESCRIPTION):
            return kind
    raise Refused(
        406, "PGRST107", "None of these media types are available", details=f"was {accept}"
    )


def _check_content(kind: str) -> None:
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "PGRST102", f"Content-Type not acceptable: {kind}")
