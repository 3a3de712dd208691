"""Alpaca's API keys, which never show in a repr, a log or an error."""

from dataclasses import dataclass, field

from stopward.adapters.urls import HIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """One account's key pair; `str` and `repr` show neither half.

    account_number: the broker's number of the account that they must open; empty when not said.
    """

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    account_number: str = ""

    def headers(self) -> dict[str, str]:
        """Return the headers that authenticate a request."""
        return {"APCA-API-KEY-ID": self.key_id, "APCA-API-SECRET-KEY": self.secret}

    def scrub(self, text: str) -> str:
        """Return `text` with both halves hidden, for servers that echo what they were sent."""
        for half in (self.secret, self.key_id):
            if half:
                text = text.replace(half, HIDDEN)
        return text
