"""The project's URL and secret key: read before they are used, and never repeated in a message."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from stopward.adapters.urls import HIDDEN, is_this_machine
from stopward.errors import InvalidInput

KEY_PREFIX = "sb_"
"""Publishable and secret keys; what does not begin so is one of the JWTs that came before."""
PUBLISHABLE = "sb_publishable_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project whose answers nobody else can give or read.

    url: without a trailing slash. is_here: it is served by this machine.
    """

    url: str
    key: str = field(repr=False)
    is_here: bool

    def headers(self) -> dict[str, str]:
        """Return what shows who asks.

        Only a key that is a JWT is a bearer token too: by Supabase's own word, PostgREST rejects
        any other as one.
        """
        bearer = {} if self.key.startswith(KEY_PREFIX) else {"Authorization": f"Bearer {self.key}"}
        return {"apiKey": self.key} | bearer

    def scrub(self, words: str) -> str:
        """Return words with the key hidden."""
        return words.replace(self.key, HIDDEN)


def read_project(url: str, key: str) -> Project:
    """Return a project that can be asked.

    Raises InvalidInput for a URL that is none, that has more than scheme, host and port, or that
    leads to another machine without TLS; and for a key that is none, or a publishable one.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    fine = (
        parts.scheme in ("http", "https")
        and host
        and port != 0
        and "@" not in parts.netloc
        and parts.path in ("", "/")
        and not (parts.query or parts.fragment)
        and url.isascii()
        and url.isprintable()
        and " " not in url
    )
    if not fine or host is None:
        raise InvalidInput(
            "Supabase URL: cannot be read, expected https://PROJECT.supabase.co and nothing behind"
        )
    is_here = is_this_machine(host)
    if parts.scheme != "https" and not is_here:
        raise InvalidInput("Supabase URL: leads to another machine, so it must begin with https://")
    _check_key(key)
    return Project(url=f"{parts.scheme}://{parts.netloc}", key=key, is_here=is_here)


def _check_key(key: str) -> None:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInput("Supabase key: is empty or holds blanks, expected sb_secret_...")
    if key.startswith(PUBLISHABLE):
        raise InvalidInput("Supabase key: is the publishable one, expected sb_secret_...")
