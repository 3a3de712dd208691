"""What people and set-up do to the database: accounts, rules, market facts, tags, halt, flatten."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from math import isnan
from uuid import UUID

from stopward.adapters import rows
from stopward.adapters.functions import Functions
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.market import Instrument, Session
from stopward.domain.position import Position
from stopward.domain.session_claims import SessionSource, SessionsPut, SessionStretch
from stopward.domain.snapshot import Mode


class Administration:
    """Writes that a person decides; each is one transaction and may be repeated.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the rule's name
    (`unknown_account` when the account was never opened).
    """

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def open_account(
        self,
        account_id: AccountId,
        *,
        name: str,
        mode: Mode | None = None,
        exchange: str | None = None,
        equity_prior_close: Decimal | None = None,
    ) -> None:
        """Open an account, or change its name, mode, exchange and equity; halt and rules stay.

        None keeps what an open account has; a new one observes, at XNYS, its equity unknown.
        """
        self._call(
            "open_account",
            account_id=account_id,
            name=name,
            mode=mode,
            exchange=exchange,
            equity_prior_close=_money(equity_prior_close),
        )

    def put_rules(self, account_id: AccountId, rules_toml: str | None, *, rules_hash: str) -> None:
        """Make a rules file the account's. rules_hash: `RuleBook.hash` of that text, no other:
        decisions carry it, and find their rules by it.

        Another text under a known hash is refused (`settings_versions_append_only`); None puts the
        text in force again that is stored under the hash.
        """
        self._call("put_rules", account_id=account_id, rules_toml=rules_toml, rules_hash=rules_hash)

    def put_equity(self, account_id: AccountId, equity_prior_close: Decimal) -> None:
        """Store the equity of the prior close, in dollars; it counts until the next close."""
        self._call(
            "put_equity", account_id=account_id, equity_prior_close=_money(equity_prior_close)
        )

    def put_fleet(self, account_id: AccountId, fleet: str | None) -> None:
        """Put an account into the fleet of a stage; None takes it out of any.

        Refused (`accounts_fleet_is_stage`, `accounts_fleet_id_is_name`) for a name that is no
        stage's, and for an id that cannot be part of the name of a secret.
        """
        self._call("put_fleet", account_id=account_id, fleet=fleet)

    def put_sessions(
        self,
        sessions: Iterable[Session],
        *,
        source: SessionSource = "person",
        complete: SessionStretch | None = None,
    ) -> SessionsPut:
        """Store what a source says of sessions; a person's word counts at once.

        Else the hours common to the broker and the calendar count, and a disagreement warns.
        complete: days for which the list is whole, so that a day not listed has no session;
        refused with `put_sessions_implausible` when that closes more than five known sessions.
        """
        answer = self._functions.call(
            "put_sessions",
            "request",
            {
                "sessions": [rows.write(session) for session in sessions],
                "source": source,
                "complete": None if complete is None else rows.write(complete),
            },
        )
        return rows.read(SessionsPut, answer)

    def forget_sessions(self, exchange: str, days: Iterable[str]) -> None:
        """Take back what a person said of some days; the calendars count again."""
        self._call("forget_sessions", exchange=exchange, days=list(days))

    def put_instruments(self, instruments: Iterable[Instrument]) -> None:
        """Store how symbols trade."""
        self._call("put_instruments", instruments=[rows.write(each) for each in instruments])

    def put_usual_volume(self, symbol: Symbol, volumes: Sequence[float]) -> None:
        """Store the mean volume of each minute from the open on; nan leaves one as it is."""
        self._call(
            "put_usual_volumes",
            symbol=symbol,
            volumes=[None if isnan(volume) else volume for volume in volumes],
        )

    def put_positions(self, account_id: AccountId, positions: Iterable[Position]) -> None:
        """Put positions under guard that a person declares.

        What is put again changes nothing. One that is known otherwise is refused by the rule
        `positions_pkey`, and then none is written.
        """
        written = [rows.write(position) for position in positions]
        self._call("put_positions", account_id=account_id, positions=written)

    def add_member(self, account_id: AccountId, user_id: UUID) -> None:
        """Let a person read an account; user_id: what auth.uid() answers for the person."""
        self._call("add_member", account_id=account_id, user_id=str(user_id))

    def remove_member(self, account_id: AccountId, user_id: UUID) -> None:
        """Let a person read an account no longer; who is no member stays none."""
        self._call("remove_member", account_id=account_id, user_id=str(user_id))

    def tag_symbol(self, account_id: AccountId, symbol: Symbol, tag: str) -> None:
        """Tag a symbol; `hands-off` means never touch."""
        self._call("tag_symbol", account_id=account_id, symbol=symbol, tag=tag)

    def untag_symbol(self, account_id: AccountId, symbol: Symbol, tag: str) -> None:
        """Take a tag off a symbol."""
        self._call("untag_symbol", account_id=account_id, symbol=symbol, tag=tag)

    def halt(self, account_id: AccountId, *, reason: str) -> None:
        """Stop the rules of an account; arming goes on."""
        self._call("halt", account_id=account_id, reason=reason)

    def resume(self, account_id: AccountId) -> None:
        """End a halt, and a flatten."""
        self._call("resume", account_id=account_id)

    def request_flatten(self, account_id: AccountId, *, at: datetime) -> None:
        """Ask to close everything, until `resume`; a second request keeps the time of the first."""
        self._call("request_flatten", account_id=account_id, at=at.isoformat())

    def keep_partitions(self, *, first_day: str | None = None, months: int = 3) -> None:
        """Make the journal's partitions from a day (YYYY-MM-DD; None is today) on."""
        self._call("keep_partitions", months=months, **{"from": first_day})

    def _call(self, function: str, **request: rows.JsonValue) -> None:
        self._functions.call(function, "request", request)


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")
