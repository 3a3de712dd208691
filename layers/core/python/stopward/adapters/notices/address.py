"""Where a notice may go: a public address over https, or this machine where that is allowed.

The name is resolved once, each of its addresses must do, and the connection is made to one that was
checked: an answer that changes between the check and the call (DNS rebinding) changes nothing.
"""

import socket
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from stopward.errors import InvalidInput, Unavailable

PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A checked place: connect to `ip`, and speak to `host`."""

    scheme: str
    host: str
    ip: str
    port: int
    path: str


def resolve(url: str, *, may_be_loopback: bool) -> Target:
    """Return the place that a URL leads to.

    Raises InvalidInput when it may not be gone to (no https, a user name in it, a private,
    link-local or otherwise not public address), Unavailable when the name leads nowhere now. No
    message repeats the URL: its path may be the key to a chat.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        # Its own text would repeat the address.
        raise InvalidInput("the address is no URL") from None
    if not host or parts.scheme not in PORTS or parts.username is not None:
        raise InvalidInput("the address is no plain https URL")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInput("the address holds blanks, or what is not ASCII")
    for ip in (addresses := _addresses(host, port)):
        is_loopback = ip_address(ip).is_loopback
        if not is_loopback and parts.scheme != "https":
            raise InvalidInput(f"{host}: https is needed")
        if not (may_be_loopback if is_loopback else is_public(ip)):
            raise InvalidInput(f"{host}: leads to an address that is not public")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme=parts.scheme, host=host, ip=addresses[0], port=port, path=path)


def is_public(ip: str) -> bool:
    """Tell whether an address is one of the open internet, an IPv4 one in IPv6 clothes included."""
    address = ip_address(ip)
    if address.version == 6:
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_public(str(inner))
        if address.teredo is not None or ip.startswith("64:ff9b:"):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _addresses(host: str, port: int) -> list[str]:
    # IPv4 first: where a function runs, IPv6 often leads nowhere.
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Unavailable(f"{host}: the name leads nowhere") from error
    return [str(each[4][0]) for each in sorted(found, key=lambda each: each[0] != socket.AF_INET)]
