"""From where somebody may sign in (F02): the decision, and how addresses and ranges of them are read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from uuid import UUID

from qiatan.modules.accounts.contracts import LoginReason

Address = IPv4Address | IPv6Address
_MAPPED = IPv6Network("::ffff:0:0/96")


class BadAddress(ValueError):
    """A trusted address cannot be meant like this. `part` is the box it is about; the message says the remedy."""

    def __init__(self, part: str, message: str) -> None:
        self.part = part
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class TrustedRange:
    """Addresses of one family from `low` to `high`, both included. `first` and `last` are how it is written and stored."""

    low: Address
    high: Address
    first: str
    last: str | None

    def holds(self, address: Address) -> bool:
        return address.version == self.low.version and int(self.low) <= int(address) <= int(self.high)


@dataclass(frozen=True, slots=True)
class LoginRules:
    """The login restriction of an enterprise. `regions` are codes like `CN/广东省`; what lies in one is allowed too."""

    enabled: bool = False
    role_ids: frozenset[UUID] = frozenset()
    regions: frozenset[str] = frozenset()
    trusted: tuple[TrustedRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """`trusted` is the position of the entry that let the address in."""

    allowed: bool
    reason: LoginReason
    trusted: int | None = None


def decide(rules: LoginRules, *, role_id: UUID, is_admin: bool, address: str, region: str) -> Decision:
    """Whether a member of a role may be signed in at an address; `region` is the code of where that is, empty when unknown.

    The order is that of F02: the enterprise's administrators and roles that were not selected are free, a trusted address heals
    what the region data has wrong, and what cannot be placed is not let in.
    """
    if not rules.enabled:
        return Decision(True, LoginReason.NOT_RESTRICTED)
    if is_admin:
        return Decision(True, LoginReason.ADMIN_FREE)
    if role_id not in rules.role_ids:
        return Decision(True, LoginReason.ROLE_FREE)
    trusted = _trusted_by(rules.trusted, address)
    if trusted is not None:
        return Decision(True, LoginReason.TRUSTED_ADDRESS, trusted)
    if region == "":
        return Decision(False, LoginReason.REGION_UNKNOWN)
    if region_in(region, rules.regions):
        return Decision(True, LoginReason.ALLOWED_REGION)
    return Decision(False, LoginReason.REGION_DENIED)


def region_in(code: str, regions: Collection[str]) -> bool:
    """Whether a place is one of these or lies in one of them: `CN/广东省` covers `CN/广东省/深圳市`."""
    parts = code.split("/")
    return any("/".join(parts[:length]) in regions for length in range(1, len(parts) + 1))


def read_address(text: str) -> Address | None:
    """One address; an IPv4 address in IPv6 clothes (::ffff:192.0.2.1) is the IPv4 address. None for what is no address."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # With a zone it says something within one machine only.
        return None if address.scope_id is not None else address.ipv4_mapped or address
    return address


def plain_address(text: str) -> str:
    """The usual form of an address; other text (`unknown`) stays as it is."""
    address = read_address(text)
    return text if address is None else str(address)


def read_range(first: str, last: str | None = None) -> TrustedRange:
    """The addresses that two boxes mean: one address, a network (10.0.0.0/8), or from `first` to `last`.

    Raises:
        BadAddress: naming the box and the remedy.
    """
    first, last = first.strip(), (last or "").strip()
    if "/" in first:
        if last:
            raise BadAddress("last", "A network has an end already. Leave the second box empty, or write two addresses.")
        network = _network(first)
        return TrustedRange(network[0], network[-1], str(network), None)
    low = _address("first", first)
    if not last:
        return TrustedRange(low, low, str(low), None)
    if "/" in last:
        raise BadAddress("last", "Write a network into the first box alone, or two addresses.")
    high = _address("last", last)
    if low.version != high.version:
        raise BadAddress("last", f"{low} is IPv{low.version} and {high} is IPv{high.version}. Write two addresses of the same kind.")
    if int(high) < int(low):
        raise BadAddress("last", f"The range is upside down: {high} comes before {low}. Exchange them.")
    return TrustedRange(low, high, str(low), str(high) if high != low else None)


@lru_cache(maxsize=4096)
def stored_range(first: str, last: str | None) -> TrustedRange:
    """A range as it is stored; known ones are not read anew at every request."""
    return read_range(first, last)


def _trusted_by(trusted: tuple[TrustedRange, ...], text: str) -> int | None:
    address = read_address(text)
    if address is None:
        return None
    return next((position for position, entry in enumerate(trusted) if entry.holds(address)), None)


def _address(part: str, text: str) -> Address:
    address = read_address(text)
    if address is None:
        raise BadAddress(part, "Write an address like 192.0.2.1 or 2001:db8::1.")
    return address


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise BadAddress("first", "Write a network like 10.0.0.0/8 or 2001:db8::/32.") from None
    written = read_address(text.partition("/")[0])
    if isinstance(meant, IPv6Network) and meant.prefixlen >= _MAPPED.prefixlen and meant.subnet_of(_MAPPED):
        meant = IPv4Network((int(meant.network_address) & 0xFFFFFFFF, meant.prefixlen - _MAPPED.prefixlen))
    if written is None:
        raise BadAddress("first", "Write a network without a zone (the part behind %).")
    if written != meant.network_address:
        raise BadAddress("first", f"{text} begins within a network. If you mean all of it, write {meant}.")
    return meant
