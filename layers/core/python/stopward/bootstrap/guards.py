"""Wire what guards: an account each minute, or a fleet by messages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from stopward.bootstrap import parts
from stopward.start import at_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from urllib3 import PoolManager

    from stopward.adapters.alpaca import Keys
    from stopward.domain.identity import AccountId
    from stopward.domain.pulses import GuardKind
    from stopward.ports import Clock, Store
    from stopward.services.dispatch import Dispatcher
    from stopward.services.fleet import FleetGuard
    from stopward.services.guard import Guard, Summary
    from stopward.settings import Settings

BUSY_SECONDS: Final = 2.0
"""How long a guard that wakes by itself asks again for a busy lease, or one of two starves."""


@dataclass(slots=True, kw_only=True)
class MinuteGuard:
    """A guard with its pulses: what a scheduled function runs each minute.

    kind: which of the guards of the account. wire: builds the guard from the settings; called again
    when the broker refused our keys, for a secret may have been rotated under a process that lives
    on.
    """

    settings: Settings
    kind: GuardKind
    wire: Callable[[], Guard]
    guard: Guard

    def run(
        self,
        scheduled_at: datetime,
        remaining_seconds: Callable[[], float],
        *,
        invocation: str,
    ) -> Summary:
        """Run the pulses of the minute that was scheduled; return their sum."""
        from stopward.services.guard import run_minute

        if self.guard.keys_refused:
            self.guard = self.wire()
        return run_minute(
            partial(self.guard.tick, invocation=invocation),
            kind=self.kind,
            scheduled_at=scheduled_at,
            clock=self.guard.clock,
            pulse_seconds=self.settings.pulse_seconds,
            remaining_seconds=remaining_seconds,
            margin_seconds=self.settings.tick_margin_seconds,
            on_failure=self.guard.on_failure,
        )


@at_start
def minute_guard(
    *,
    source: str,
    on_failure: Callable[[str, Exception], None],
    environment: Mapping[str, str] | None = None,
) -> MinuteGuard:
    """Wire one scheduled guard from the environment; connections open at their first use.

    source: which of GUARDS.
    """
    from stopward.adapters.functions import FunctionStore
    from stopward.adapters.secrets import secrets_client
    from stopward.domain.identity import AccountId
    from stopward.domain.pulses import GUARDS

    settings = parts.settings_of(environment).require_broker()
    kind, clock = GUARDS[source], parts.clock_of(settings, source)
    client_of = cache(secrets_client)
    store = FunctionStore(parts.functions(settings, client_of=client_of))

    def wire() -> Guard:
        return _guard(
            kind,
            settings=settings,
            account_id=AccountId(settings.account_id),
            keys=parts.keys_of(settings, client_of),
            store=store,
            clock=clock,
            on_failure=on_failure,
        )

    return MinuteGuard(settings=settings, kind=kind, wire=wire, guard=wire())


@at_start
def fleet_guard(
    *,
    on_failure: Callable[[str, Exception], None],
    environment: Mapping[str, str] | None = None,
) -> FleetGuard:
    """Wire what guards every account of a fleet, over one database and shared connections."""
    from stopward.adapters.alpaca.connections import connections
    from stopward.adapters.functions import FunctionStore
    from stopward.adapters.secrets import account_secret, broker_keys, secrets_client
    from stopward.services.fleet import FleetGuard

    settings = parts.settings_of(environment).require_fleet()
    client_of = cache(secrets_client)
    clock, store = (
        parts.clock_of(settings, "tick_accounts"),
        FunctionStore(parts.functions(settings, client_of=client_of)),
    )
    pools = connections(), connections()

    def wire(account_id: AccountId) -> Callable[[GuardKind], Guard]:
        return partial(
            _guard,
            settings=settings,
            account_id=account_id,
            keys=broker_keys(account_secret(settings.fleet, account_id), client_of=client_of),
            store=store,
            clock=clock,
            on_failure=on_failure,
            pools=pools,
            # Whoever has the lease does the work: nobody is paid to wait for it.
            busy_seconds=0.0,
        )

    return FleetGuard(wire=wire, clock=clock, margin_seconds=settings.tick_margin_seconds)


@at_start
def tick_dispatcher(
    *,
    on_failure: Callable[[str, Exception], None],
    environment: Mapping[str, str] | None = None,
) -> Dispatcher:
    """Wire what sends the pulses of a fleet to its queue."""
    from stopward.adapters.fleet import FunctionFleet
    from stopward.adapters.pulses_sqs import SqsPulses
    from stopward.services.dispatch import Dispatcher

    settings = parts.settings_of(environment).require_queue()
    return Dispatcher(
        fleet=FunctionFleet(parts.functions(settings), stage=settings.fleet),
        queue=SqsPulses(settings.tick_queue_url),
        clock=parts.clock_of(settings, "dispatch_ticks"),
        pulse_seconds=settings.pulse_seconds,
        margin_seconds=settings.tick_margin_seconds,
        on_failure=on_failure,
    )


def _guard(
    kind: GuardKind,
    *,
    settings: Settings,
    account_id: AccountId,
    keys: Keys,
    store: Store,
    clock: Clock,
    on_failure: Callable[[str, Exception], None],
    pools: tuple[PoolManager | None, PoolManager | None] = (None, None),
    busy_seconds: float = BUSY_SECONDS,
) -> Guard:
    from stopward.adapters.alpaca import AlpacaBroker, AlpacaMarketData, Transport
    from stopward.adapters.alpaca.stakes import refuse_other_stakes
    from stopward.services.guard import Guard, GuardSettings

    refuse_other_stakes(settings.broker_url, stage=settings.stage, keys=keys)
    # pools: connections to the broker's trading API and to its market data; None are its own.
    trading, data = (
        Transport(url, keys=keys, clock=clock, pool=pool)
        for url, pool in zip((settings.broker_url, settings.market_data_url), pools, strict=True)
    )
    return Guard(
        store=store,
        broker=AlpacaBroker(trading),
        market_data=AlpacaMarketData(data, feed=settings.market_data_feed),
        clock=clock,
        settings=GuardSettings(
            account_id=account_id,
            source=kind.source,
            mask=kind.mask,
            lease_seconds=settings.lease_seconds,
            busy_seconds=busy_seconds,
            account_number=keys.account_number,
        ),
        on_failure=on_failure,
    )
