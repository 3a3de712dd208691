"""The database's URL: read before it is used, safe on its way, and never repeated in a message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from stopward.adapters.urls import HIDDEN, is_this_machine
from stopward.errors import InvalidInput

ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
"""Values of sslmode that never fall back to plain text."""
LAST_PORT = 65535
ODD = frozenset("@/?#%\\\"' ")
"""What no host name holds; there it is the rest of a password that was not percent-encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrl:
    """A URL that libpq can read, and whose connection nobody can listen to.

    options: the server settings that the URL itself asks for; empty when it asks for none.
    """

    text: str = field(repr=False)
    options: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    def scrub(self, words: str) -> str:
        """Return the words of libpq with each secret of the URL hidden."""
        for secret in self.secrets:
            words = words.replace(secret, HIDDEN)
        return words


def read_database_url(text: str) -> DatabaseUrl:
    """Return a URL (or libpq's `key=value` text) that can be used, with its secrets marked.

    Raises InvalidInput, without a word of the URL, when it cannot be read, when its parts look like
    those of a password with bare special characters, and when it leads to another machine without
    sslmode=require, verify-ca or verify-full.
    """
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(text).items()}
    except psycopg.ProgrammingError:
        # libpq repeats what it could not read, and that may be half a password.
        raise InvalidInput(
            "database URL: cannot be read, expected postgresql://user:password@host:port/database; "
            "percent-encode special characters of the password (% is %25, @ is %40, / is %2F)"
        ) from None
    addresses = _addresses(parts)
    _check_parts(addresses, parts)
    is_here = "service" not in parts and all(map(_is_here, addresses))
    if not is_here and parts.get("sslmode") not in ENCRYPTED:
        raise InvalidInput(
            "database URL: leads to another machine and its sslmode is not require, verify-ca or "
            "verify-full, so that password and orders might travel in plain text; "
            "add ?sslmode=require (&sslmode=require after another parameter)"
        )
    return DatabaseUrl(text=text, options=parts.get("options", ""), secrets=_secrets(text, parts))


def _addresses(parts: Mapping[str, str]) -> list[str]:
    # Where libpq really connects to: hostaddr counts before host; PGHOST stands in for both.
    named = parts.get("hostaddr") or parts.get("host") or _default("hostaddr") or _default("host")
    return named.split(",")


def _default(keyword: str) -> str:
    for option in pq.Conninfo.get_defaults():
        if option.keyword == keyword.encode() and option.val is not None:
            return option.val.decode()
    return ""


def _check_parts(addresses: list[str], parts: Mapping[str, str]) -> None:
    ports = [port for port in parts.get("port", "").split(",") if port]
    fine = (
        all(_is_socket(address) or ODD.isdisjoint(address) for address in addresses)
        and all(p.isascii() and p.isdecimal() and 0 < int(p) <= LAST_PORT for p in ports)
        and "@" not in parts.get("dbname", "")
    )
    if not fine:
        raise InvalidInput(
            "database URL: host, port or database are none; percent-encode special characters of "
            "the password (@ is %40, / is %2F, # is %23)"
        )


def _is_here(address: str) -> bool:
    return not address or _is_socket(address) or is_this_machine(address)


def _is_socket(address: str) -> bool:
    # A folder, or a name in Linux' abstract namespace.
    return address.startswith(("/", "@/"))


def _secrets(text: str, parts: Mapping[str, str]) -> tuple[str, ...]:
    values = [text]
    for name in ("password", "sslpassword"):
        if value := parts.get(name):
            values += [value, quote(value, safe="")]
    # The longest first, or the part of one would leave the rest of another.
    return tuple(sorted(set(values), key=len, reverse=True))
