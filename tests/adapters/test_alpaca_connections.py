"""Connections to the broker trust whom the machine trusts, and read that once."""

import ssl
import traceback
from pathlib import Path

import pytest

from stopward.adapters.alpaca import Patience, Transport
from stopward.adapters.alpaca.connections import connections
from stopward.errors import BrokerUnavailable
from tests.builders.alpaca import KEYS
from tests.builders.manual_clock import ManualClock
from tests.builders.tls import untrusted_server


def test_whom_to_trust_is_read_once_for_all_pools() -> None:
    found = [
        connections().connection_from_url(url).conn_kw["ssl_context"]
        for url in ("https://api.alpaca.markets", "https://data.alpaca.markets")
    ]
    assert found[0] is found[1]
    assert (found[0].verify_mode, found[0].check_hostname) == (ssl.CERT_REQUIRED, True)
    assert found[0].minimum_version >= ssl.TLSVersion.TLSv1_2
    trusted = ssl.create_default_context()
    assert found[0].get_ca_certs() == trusted.get_ca_certs()


def test_who_asks_without_tls_reads_no_authorities() -> None:
    pool = connections().connection_from_url("http://127.0.0.1:9")
    assert "ssl_context" not in pool.conn_kw


def test_a_broker_whose_certificate_nobody_signed_gets_no_keys(tmp_path: Path) -> None:
    with untrusted_server(tmp_path) as port:
        transport = Transport(
            f"https://localhost:{port}",
            keys=KEYS,
            clock=ManualClock(),
            patience=Patience(attempts=1),
        )
        with pytest.raises(BrokerUnavailable) as caught:
            transport.get("/v2/account", read=lambda answer: answer.json())
        transport.close()
    assert "CERTIFICATE_VERIFY_FAILED" in "".join(traceback.format_exception(caught.value))
