"""`stopward broker verify` against the simulator: true of it, false of liars, traceless."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import urllib3

from stopward.adapters.alpaca import Keys
from stopward.domain.identity import Symbol
from stopward.errors import BrokerRejected, InvalidInput
from stopward.local.simulator import KEY, SECRET, Fault, Options, RateLimit, Settling
from stopward.local.verify import CHECKS, Check, keys_from, table, verify
from stopward.local.verify.opening import open_venue, refuse_unsafe
from tests.builders.http import Says, scripted
from tests.builders.simulated_clock import SimulatedClock
from tests.builders.simulator import AAPL, MSFT, a_simulator, at, bars_of, flat

KEYS = Keys(key_id=KEY, secret=SECRET)
NIGHT = at(12 * 60)


def a_market(*, start=None, **options):
    bars = [bar for symbol in (AAPL, MSFT) for bar in bars_of(*flat(100, 390), symbol=symbol)]
    return a_simulator(
        bars=bars, start=start or at(30), rate_limit=RateLimit(per_minute=100_000), **options
    )


def checked(simulator, url, **settings):
    return verify(
        **{
            "keys": KEYS,
            "clock": SimulatedClock(simulator),
            "run_id": "run1",
            "url": url,
            "data_url": url,
            "symbol": "AAPL",
            "other_symbol": "MSFT",
        }
        | settings
    )


def verdicts(report):
    return {result.name: result.verdict for result in report.results}


def the(*names):
    return [check for check in CHECKS if check.name in names]


def is_clean(simulator):
    return not simulator.positions() and not simulator.open_orders(AAPL)


SLOW = Settling(calls=None, after=timedelta(seconds=1))


@pytest.mark.parametrize("settling", [Settling(), Settling(calls=3), SLOW])
def test_every_fact_holds_at_the_simulator(settling):
    simulator = a_market(options=Options(settling=settling))
    with simulator.serve() as url:
        report = checked(simulator, url)
    assert {n: v for n, v in verdicts(report).items() if v != "holds"} == {
        "buy_stop_limit": "not checkable now"
    }
    assert (report.left, report.all_hold) == ("", True)
    assert is_clean(simulator)


def test_pending_states_are_met_where_they_last():
    simulator = a_market(options=Options(settling=SLOW))
    with simulator.serve() as url:
        report = checked(simulator, url, checks=the("pending_replacement", "cancel"))
    seen = {result.name: result.seen for result in report.results}
    assert "in pending_replace: 422" in seen["pending_replacement"]
    assert seen["cancel"] == "204 without a body, then pending_cancel, then canceled"


def test_in_a_closed_market_what_needs_an_open_one_is_not_passed():
    simulator = a_market(start=NIGHT)
    with simulator.serve() as url:
        report = checked(simulator, url)
    found = verdicts(report)
    assert set(found.values()) <= {"holds", "not checkable now"}
    needs_open = {"replacement", "shares_held", "held_stop", "short_position", "fraction_fixed"}
    assert {found[name] for name in needs_open} == {"not checkable now"}
    assert {found[name] for name in ("duplicate_id", "pending_replacement")} == {"holds"}
    assert is_clean(simulator)


def test_every_check_has_a_name_and_a_fact_of_its_own():
    assert len({check.name for check in CHECKS}) == len({check.fact for check in CHECKS}) == 42


# Liars: a proxy that changes what goes in or comes out.


@contextmanager
def liar(simulator, change_request=None, change_answer=None):
    pool = urllib3.PoolManager()
    with simulator.serve() as truth:

        def answer(asked):
            body = json.loads(asked.body) if asked.body else None
            if change_request is not None and body is not None:
                body = change_request(asked, body)
            told = pool.request(
                asked.method,
                f"{truth}{asked.path}",
                fields=asked.query if asked.method in {"GET", "DELETE"} else None,
                body=None if body is None else json.dumps(body).encode(),
                headers={k: v for k, v in asked.headers.items() if k.startswith("APCA")},
                retries=False,
            )
            headers = {k: v for k, v in told.headers.items() if k.startswith("X-Rate")}
            content = json.loads(told.data) if told.data else b""
            says = Says(status=told.status, body=content, headers=headers)
            return says if change_answer is None else change_answer(asked, says)

        with scripted(answer) as server:
            yield server.url
    pool.clear()


def without_client_id(asked, body):
    return {k: v for k, v in body.items() if k != "client_order_id"}


def without_intent(asked, body):
    return {k: v for k, v in body.items() if k != "position_intent"}


def in_whole_shares(asked, body):
    qty = str(body.get("qty", "1"))
    return body | {"qty": "1"} if "." in qty else body


def with_every_row(change):
    def answer(asked, says):
        rows = says.body if isinstance(says.body, list) else [says.body]
        for row in rows:
            if isinstance(row, dict):
                change(row)
        return says

    return answer


def unsigned(row):
    if "qty_available" in row:
        row["qty"] = row["qty"].lstrip("-")


def unchained(row):
    row.pop("replaced_by", None)


def legs_in_force(row):
    for leg in row.get("legs") or []:
        leg["status"] = "new" if leg["status"] == "held" else leg["status"]


def no_facts(row):
    row.pop("held_for_orders", None)


def cancel_done(asked, says):
    return replace(says, status=200) if says.status == 204 else says


def refusals_are_500(asked, says):
    return replace(says, status=400) if says.status == 422 else says


def no_rate_headers(asked, says):
    return replace(says, headers={})


def unknown_is_empty(asked, says):
    return Says(status=200, body={}) if says.status == 404 else says


def late_midnight(asked, says):
    if asked.query.get("timeframe") == "1Day":
        for bars in says.body["bars"].values():
            for bar in bars:
                bar["t"] = bar["t"].replace("T05", "T06")
    return says


def whole_day(asked, says):
    if asked.path.endswith("/clock"):
        says.body["is_open"] = True
    return says


@pytest.mark.parametrize(
    ("request_lie", "answer_lie", "name"),
    [
        (without_client_id, None, "duplicate_id"),
        (without_client_id, None, "id_for_ever"),
        (without_client_id, None, "long_id"),
        (without_client_id, None, "replacement"),
        (without_intent, None, "closing_intent"),
        (in_whole_shares, None, "whole_replacement"),
        (in_whole_shares, None, "fraction_day"),
        (in_whole_shares, None, "fraction_fixed"),
        (None, with_every_row(unsigned), "short_position"),
        (None, with_every_row(unchained), "moved_stop"),
        (None, with_every_row(unchained), "replacement"),
        (None, with_every_row(legs_in_force), "oco"),
        (None, cancel_done, "cancel"),
        (None, refusals_are_500, "cancel_again"),
        (None, refusals_are_500, "duplicate_id"),
        (None, no_rate_headers, "rate_headers"),
        (None, late_midnight, "daily_bars"),
    ],
)
def test_a_broker_that_does_otherwise_is_found_out(request_lie, answer_lie, name):
    simulator = a_market()
    with liar(simulator, request_lie, answer_lie) as url:
        report = checked(simulator, url, checks=the(name))
    assert verdicts(report) == {name: "fails"}
    assert not report.all_hold


@pytest.mark.parametrize(
    ("answer_lie", "name"),
    [(with_every_row(no_facts), "shares_held"), (unknown_is_empty, "read_by_client_id")],
)
def test_an_answer_that_cannot_be_read_is_no_proof_either_way(answer_lie, name):
    simulator = a_market()
    with liar(simulator, None, answer_lie) as url:
        report = checked(simulator, url, checks=the(name))
    assert verdicts(report) == {name: "no answer"}
    assert not report.all_hold


def test_a_clock_out_of_step_with_the_calendar_is_found_out():
    simulator = a_market(start=NIGHT)
    with liar(simulator, None, whole_day) as url:
        report = checked(simulator, url, checks=the("calendar"))
    assert verdicts(report) == {"calendar": "fails"}


# Safety


@pytest.mark.parametrize(
    "url", ["https://api.alpaca.markets", "https://paper-api.alpaca.markets.example", "https://x"]
)
def test_a_live_url_is_refused_before_anything_is_sent(url):
    with pytest.raises(InvalidInput, match=r"to https://paper-api\.alpaca\.markets only"):
        checked(a_market(), url)


def test_an_account_that_is_no_paper_account_is_refused():
    simulator = a_market()
    with (
        simulator.serve() as url,
        open_venue(
            url=url,
            data_url=url,
            keys=KEYS,
            clock=SimulatedClock(simulator),
            run_id="r",
            symbol="AAPL",
            other_symbol="MSFT",
        ) as venue,
    ):
        venue.is_simulated = False
        with pytest.raises(InvalidInput, match="no paper account"):
            refuse_unsafe(venue)


@pytest.mark.parametrize("run_id", ["", "a b", "x" * 17, "a/b"])
def test_a_run_id_that_would_not_fit_is_refused(run_id):
    with pytest.raises(InvalidInput, match="run id"):
        checked(a_market(), "http://127.0.0.1:1", run_id=run_id)


def test_a_symbol_in_use_is_left_alone():
    simulator = a_market()
    simulator.open_position(AAPL, "long", simulator.price(AAPL), simulator.price(AAPL))
    with simulator.serve() as url:
        with pytest.raises(InvalidInput, match="AAPL: has a position or open orders"):
            checked(simulator, url)
        assert {handled.request.method for handled in simulator.log} == {"GET"}


def test_another_position_is_never_touched():
    simulator = a_market()
    simulator.open_position(
        MSFT, "long", simulator.price(MSFT), simulator.price(MSFT), stop=simulator.price(MSFT) / 2
    )
    with simulator.serve() as url:
        checked(simulator, url, checks=the("shares_held", "held_stop"))
    assert [holding.symbol for holding in simulator.positions()] == [MSFT]
    assert [order.status for order in simulator.open_orders(MSFT)] == ["new"]


def test_wrong_keys_end_the_run_before_it_starts():
    simulator = a_market()
    with simulator.serve() as url, pytest.raises(BrokerRejected, match="refused with 403"):
        checked(simulator, url, keys=Keys(key_id="no", secret="no"))


def interrupt(venue):
    venue.hold()
    venue.far_buy()
    raise KeyboardInterrupt


def test_an_interrupted_run_leaves_nothing_behind():
    simulator = a_market()
    stop = Check(name="stop", fact="is interrupted", run=interrupt)
    with simulator.serve() as url, pytest.raises(KeyboardInterrupt):
        checked(simulator, url, checks=[stop])
    assert is_clean(simulator)
    assert simulator.ledger.fills()


@pytest.mark.parametrize("kind", ["timeout_after", "lost_answer", "half_answer", "server_error"])
def test_an_order_whose_answer_was_lost_is_cleaned_up_too(kind):
    simulator = a_market()
    simulator.fault(Fault(kind=kind, method="POST", path="/v2/orders"))
    with simulator.serve() as url:
        report = checked(simulator, url, checks=the("duplicate_id", "sub_penny"))
    assert verdicts(report) == {"duplicate_id": "no answer", "sub_penny": "holds"}
    assert is_clean(simulator)


def test_a_rate_limit_is_waited_for():
    simulator = a_simulator(
        bars=bars_of(*flat(100, 390)), start=at(30), rate_limit=RateLimit(per_minute=8)
    )
    with simulator.serve() as url:
        report = checked(simulator, url, checks=the("duplicate_id", "cancel", "cancel_again"))
    assert set(verdicts(report).values()) == {"holds"}
    assert any(handled.status == 429 for handled in simulator.log)


def test_what_could_not_be_cleaned_up_is_said():
    simulator = a_market()

    def hold_into_the_night(venue):
        venue.hold()
        simulator.advance_to(at(391))
        return "held"

    night = Check(name="night", fact="holds into the night", run=hold_into_the_night)
    with simulator.serve() as url:
        report = checked(simulator, url, checks=[night])
    assert "3 shares of AAPL are being closed" in report.left
    assert not report.all_hold
    assert "LEFT BEHIND: 3 shares of AAPL" in table(report)


def test_on_a_real_clock_nothing_waits_for_the_close():
    simulator = a_market()
    ask = Check(
        name="wait",
        fact="waits",
        run=lambda venue: venue.wait_until(venue.clock.now() + timedelta(hours=1)) or "waited",
    )

    def real(venue):
        venue.is_simulated = False
        return ask.run(venue)

    with simulator.serve() as url:
        report = checked(simulator, url, checks=[replace(ask, run=real)])
    assert verdicts(report) == {"wait": "not checkable now"}


def test_keys_come_from_the_environment_or_their_absence_is_named():
    keys = keys_from({"APCA_API_KEY_ID": " PK ", "APCA_API_SECRET_KEY": "s"})
    assert (keys.key_id, keys.secret) == ("PK", "s")
    with pytest.raises(InvalidInput, match="APCA_API_SECRET_KEY not set"):
        keys_from({"APCA_API_KEY_ID": "PK", "APCA_API_SECRET_KEY": ""})


def test_the_table_shows_each_fact_with_its_evidence_and_a_sum():
    simulator = a_market()
    with simulator.serve() as url:
        report = checked(simulator, url, checks=the("duplicate_id", "buy_stop_limit"))
    lines = table(report).splitlines()
    assert lines[0].split(None, 2)[:2] == ["holds", "duplicate_id"]
    assert lines[1].strip() == "422, code 40010001: client_order_id must be unique"
    assert lines[-1] == "1 holds, 0 fails, 1 not checkable now, 0 no answer"
    assert Symbol("AAPL") not in lines[0]
