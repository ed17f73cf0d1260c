"""From where somebody may sign in: the decision, and how addresses and ranges of them are read."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qiatan.modules.accounts.contracts import LoginReason
from qiatan.modules.accounts.rules.login import (
    BadAddress,
    Decision,
    LoginRules,
    decide,
    plain_address,
    read_address,
    read_range,
    region_in,
)

CHOSEN = UUID(int=1)
OTHER = UUID(int=2)
RULES = LoginRules(
    enabled=True,
    role_ids=frozenset({CHOSEN}),
    regions=frozenset({"CN/广东省", "CN/四川省/成都市", "SG"}),
    trusted=(read_range("203.0.113.0/24"), read_range("2001:db8::1", "2001:db8::ff")),
)

fours = st.integers(0, 2**32 - 1).map(IPv4Address)
sixes = st.integers(0, 2**128 - 1).map(IPv6Address).filter(lambda address: address.ipv4_mapped is None)
addresses = st.one_of(fours, sixes)
part = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=6)
codes = st.lists(part, min_size=1, max_size=3).map("/".join)


def _asked(address: str, region: str, *, role_id: UUID = CHOSEN, is_admin: bool = False, rules: LoginRules = RULES) -> Decision:
    return decide(rules, role_id=role_id, is_admin=is_admin, address=address, region=region)


@pytest.mark.parametrize(
    ("address", "region", "allowed", "reason"),
    [
        ("203.0.113.9", "", True, LoginReason.TRUSTED_ADDRESS),
        ("203.0.113.9", "US", True, LoginReason.TRUSTED_ADDRESS),
        ("203.0.113.9", "CN/广东省/深圳市", True, LoginReason.TRUSTED_ADDRESS),
        ("::ffff:203.0.113.9", "", True, LoginReason.TRUSTED_ADDRESS),
        ("2001:db8::10", "", True, LoginReason.TRUSTED_ADDRESS),
        ("2001:db8::100", "", False, LoginReason.REGION_UNKNOWN),
        ("198.51.100.1", "CN/广东省/深圳市", True, LoginReason.ALLOWED_REGION),
        ("198.51.100.1", "CN/广东省", True, LoginReason.ALLOWED_REGION),
        ("198.51.100.1", "CN/四川省/成都市", True, LoginReason.ALLOWED_REGION),
        ("198.51.100.1", "CN/四川省/绵阳市", False, LoginReason.REGION_DENIED),
        ("198.51.100.1", "CN/四川省", False, LoginReason.REGION_DENIED),
        ("198.51.100.1", "CN", False, LoginReason.REGION_DENIED),
        ("198.51.100.1", "SG", True, LoginReason.ALLOWED_REGION),
        ("198.51.100.1", "", False, LoginReason.REGION_UNKNOWN),
        ("unknown", "", False, LoginReason.REGION_UNKNOWN),
        ("", "", False, LoginReason.REGION_UNKNOWN),
    ],
)
def test_a_restricted_role_is_let_in_by_address_or_region(address: str, region: str, allowed: bool, reason: LoginReason) -> None:
    decision = _asked(address, region)
    assert (decision.allowed, decision.reason) == (allowed, reason)


def test_the_entry_that_let_somebody_in_is_named() -> None:
    assert _asked("203.0.113.9", "").trusted == 0
    assert _asked("2001:db8::10", "").trusted == 1
    assert _asked("198.51.100.1", "SG").trusted is None


@given(address=addresses, region=codes)
def test_administrators_and_other_roles_are_free_wherever_they_are(address: IPv4Address | IPv6Address, region: str) -> None:
    assert _asked(str(address), region, is_admin=True) == Decision(True, LoginReason.ADMIN_FREE)
    assert _asked(str(address), region, role_id=OTHER) == Decision(True, LoginReason.ROLE_FREE)
    off = LoginRules(False, RULES.role_ids, RULES.regions, RULES.trusted)
    assert _asked(str(address), region, rules=off) == Decision(True, LoginReason.NOT_RESTRICTED)
    assert _asked(str(address), region, is_admin=True, rules=off) == Decision(True, LoginReason.NOT_RESTRICTED)


def test_an_administrators_role_that_was_selected_all_the_same_is_free() -> None:
    assert _asked("198.51.100.1", "", is_admin=True).reason is LoginReason.ADMIN_FREE


@given(address=addresses, region=st.one_of(st.just(""), codes), regions=st.frozensets(codes))
def test_a_trusted_address_always_passes(address: IPv4Address | IPv6Address, region: str, regions: frozenset[str]) -> None:
    rules = LoginRules(True, frozenset({CHOSEN}), regions, (read_range(str(address)),))
    assert _asked(str(address), region, rules=rules) == Decision(True, LoginReason.TRUSTED_ADDRESS, 0)


@given(address=addresses, region=codes, regions=st.frozensets(codes, max_size=4))
def test_without_trusted_addresses_the_region_alone_decides(
    address: IPv4Address | IPv6Address, region: str, regions: frozenset[str]
) -> None:
    rules = LoginRules(True, frozenset({CHOSEN}), regions)
    covered = any(f"{region}/".startswith(f"{allowed}/") for allowed in regions)
    expected = LoginReason.ALLOWED_REGION if covered else LoginReason.REGION_DENIED
    assert _asked(str(address), region, rules=rules) == Decision(covered, expected)
    assert _asked(str(address), "", rules=rules) == Decision(False, LoginReason.REGION_UNKNOWN)


@given(code=codes, inside=st.lists(part, max_size=2))
def test_a_region_covers_what_lies_in_it_and_nothing_that_only_begins_like_it(code: str, inside: list[str]) -> None:
    assert region_in("/".join([code, *inside]), {code})
    assert not region_in(f"{code}x", {code})
    assert not region_in(code, {f"{code}/x"})


@given(ends=st.one_of(st.tuples(fours, fours), st.tuples(sixes, sixes)), other=addresses)
def test_a_range_holds_exactly_its_addresses(ends: tuple[IPv4Address, IPv4Address], other: IPv4Address | IPv6Address) -> None:
    low, high = sorted(ends)
    held = read_range(str(low), str(high))
    assert held.holds(low)
    assert held.holds(high)
    assert held.holds(other) == (other.version == low.version and int(low) <= int(other) <= int(high))
    if int(low) > 0:
        assert not held.holds(type(low)(int(low) - 1))
    if int(high) < 2**low.max_prefixlen - 1:
        assert not held.holds(type(high)(int(high) + 1))


@given(address=addresses, bits=st.integers(0, 128))
def test_a_network_is_the_range_from_its_first_to_its_last_address(address: IPv4Address | IPv6Address, bits: int) -> None:
    kind = IPv4Network if address.version == 4 else IPv6Network
    network = kind((int(address), min(bits, address.max_prefixlen)), strict=False)
    # Written as IPv6, these are IPv4 addresses: a range that begins before them ends in another family.
    assume(isinstance(network, IPv4Network) or not network.overlaps(IPv6Network("::ffff:0:0/96")))
    written, ranged = read_range(str(network)), read_range(str(network[0]), str(network[-1]))
    assert (written.low, written.high) == (ranged.low, ranged.high)
    assert written.holds(address)
    assert (written.first, written.last) == (str(network), None)


@given(address=addresses)
def test_a_range_reads_back_as_it_is_stored(address: IPv4Address | IPv6Address) -> None:
    for held in (read_range(str(address)), read_range(f"{address}/{address.max_prefixlen}")):
        again = read_range(held.first, held.last)
        assert (again, again.low, again.high) == (held, address, address)


@pytest.mark.parametrize(
    ("first", "last", "stored"),
    [
        (" 192.0.2.1 ", None, ("192.0.2.1", None)),
        ("192.0.2.1", "", ("192.0.2.1", None)),
        ("192.0.2.1", "192.0.2.1", ("192.0.2.1", None)),
        ("192.0.2.1", " 192.0.2.9 ", ("192.0.2.1", "192.0.2.9")),
        ("10.0.0.0/255.0.0.0", None, ("10.0.0.0/8", None)),
        ("2001:0DB8::0001", None, ("2001:db8::1", None)),
        ("2001:DB8::/32", None, ("2001:db8::/32", None)),
        ("::ffff:192.0.2.1", None, ("192.0.2.1", None)),
        ("::ffff:192.0.2.1", "192.0.2.9", ("192.0.2.1", "192.0.2.9")),
        ("::ffff:192.0.2.0/120", None, ("192.0.2.0/24", None)),
        ("::ffff:192.0.2.1/128", None, ("192.0.2.1/32", None)),
        ("0.0.0.0/0", None, ("0.0.0.0/0", None)),
    ],
)
def test_addresses_are_stored_in_one_form(first: str, last: str | None, stored: tuple[str, str | None]) -> None:
    held = read_range(first, last)
    assert (held.first, held.last) == stored


@pytest.mark.parametrize(
    ("first", "last", "box", "said"),
    [
        ("", None, "first", "an address like"),
        ("192.0.2", None, "first", "an address like"),
        ("192.0.2.256", None, "first", "an address like"),
        ("192.0.2.01", None, "first", "an address like"),
        ("office", None, "first", "an address like"),
        ("fe80::1%eth0", None, "first", "an address like"),
        ("192.0.2.1 - 192.0.2.9", None, "first", "an address like"),
        ("192.0.2.1/33", None, "first", "a network like"),
        ("192.0.2.1/", None, "first", "a network like"),
        ("/8", None, "first", "a network like"),
        ("10.1.2.3/8", None, "first", "10.0.0.0/8"),
        ("2001:db8::5/64", None, "first", "2001:db8::/64"),
        ("::ffff:192.0.2.5/120", None, "first", "192.0.2.0/24"),
        ("10.0.0.0/8", "10.0.0.9", "last", "second box empty"),
        ("10.0.0.1", "10.0.0.0/8", "last", "first box alone"),
        ("10.0.0.1", "soon", "last", "an address like"),
        ("10.0.0.9", "10.0.0.1", "last", "upside down"),
        ("2001:db8::9", "2001:db8::1", "last", "upside down"),
        ("10.0.0.1", "2001:db8::1", "last", "same kind"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_box_and_a_remedy(first: str, last: str | None, box: str, said: str) -> None:
    with pytest.raises(BadAddress, match=said) as refused:
        read_range(first, last)
    assert refused.value.part == box


@given(address=fours)
def test_an_ipv4_address_in_ipv6_clothes_is_the_ipv4_address(address: IPv4Address) -> None:
    assert read_address(f"::ffff:{address}") == address
    assert plain_address(f"::ffff:{address}") == str(address)
    assert read_range(str(address)).holds(ip_address(address))


@given(text=st.text(max_size=70))
def test_any_text_is_read_or_refused_but_never_crashes(text: str) -> None:
    plain_address(text)
    try:
        held = read_range(text)
    except BadAddress:
        return
    assert read_range(held.first, held.last) == held
