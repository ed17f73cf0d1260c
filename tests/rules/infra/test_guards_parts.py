"""Origins, addresses, rates: what the doors decide by."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from qiatan.infra.http.address import client_address
from qiatan.infra.http.origin import origin_allowed
from qiatan.infra.throttle import MAX_KEYS, Rate, Throttle
from qiatan.kit.errors import TooMany

PROXY = (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("https://talk.example", True),
        ("http://10.1.1.1:8000", True),
        ("https://talk.example.evil.test", False),
        ("https://talk.example:444", False),
        ("https://eviltalk.example", False),
        ("https://talk.example@evil.test", False),
        ("https://", False),
        ("//10.1.1.1:8000", False),
        ("javascript://10.1.1.1:8000", False),
        ("null", False),
        ("", False),
    ],
)
def test_origins_are_compared_whole(origin: str | None, allowed: bool) -> None:
    headers = [(b"host", b"10.1.1.1:8000")] + ([(b"origin", origin.encode())] if origin is not None else [])

    assert origin_allowed(headers, "https://talk.example") is allowed


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        (None, "203.0.113.9", "unknown"),
    ],
)
def test_addresses_are_believed_from_trusted_proxies_only(peer: str | None, forwarded: str, address: str) -> None:
    assert client_address(peer, [(b"x-forwarded-for", forwarded.encode())], PROXY) == address
    if peer is not None:
        assert client_address(peer, [(b"x-forwarded-for", forwarded.encode())], ()) == peer


def test_a_burst_and_then_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("qiatan.infra.throttle.time.monotonic", lambda: now)
    throttle, rate = Throttle(), Rate(burst=2, per_minute=60)

    assert [throttle.wait("a", rate), throttle.wait("a", rate), throttle.wait("a", rate), throttle.wait("b", rate)] == [0, 0, 1, 0]
    with pytest.raises(TooMany) as refused:
        throttle.check("a", rate)
    assert refused.value.retry_after == 2
    now += 1
    assert throttle.wait("a", rate) == 0
    now += 3600
    assert [throttle.wait("a", rate) > 0 for _ in range(3)] == [False, False, True]
    throttle.forget("a")
    assert throttle.wait("a", rate) == 0


def test_what_is_remembered_is_bounded() -> None:
    throttle, rate = Throttle(), Rate(burst=1, per_minute=1)

    for number in range(MAX_KEYS + 10):
        throttle.wait(str(number), rate)

    assert len(throttle._buckets) == MAX_KEYS
    assert throttle.wait(str(MAX_KEYS + 5), rate) > 0
