"""How much of the server one enterprise, and one address, may use: what an operator may set, and the questions asked at the doors.

A limit of a rate is counted in the memory of each process: with N processes it is at most multiplied by N. They guard the server
against floods and neighbours against each other; what is promised (places, order, quotas) is counted in the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final
from uuid import UUID

from qiatan.infra.setup_error import SettingsError
from qiatan.infra.throttle import Rate
from qiatan.kit.addresses import address_group

if TYPE_CHECKING:
    from qiatan.infra.resources import Resources

_MOST: Final = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Each field tells its environment variable, its unit and its default; all are whole numbers from 1 to 100000000."""

    messages: int = 60_000
    """ENTERPRISE_RATE: messages that all visitors, agents and programs of an enterprise may send in a minute. Default 60000."""

    conversations: int = 3_000
    """ENTERPRISE_CONVERSATIONS: conversations that may begin in an enterprise in a minute. Default 3000."""

    visitors: int = 12_000
    """ENTERPRISE_VISITORS: new visitors an enterprise may have in a minute. Default 12000."""

    connections: int = 20_000
    """ENTERPRISE_CONNECTIONS: sockets and polling clients of an enterprise's visitors that may be open at once, and as many of its agents,
    in each process. Default 20000."""

    requests: int = 12
    """ENTERPRISE_REQUESTS: HTTP requests of an enterprise's agents, and of its visitors, that are worked on at once, in each process.

    More wait in turn. Default 12.
    """

    all_requests: int = 48
    """REQUESTS: HTTP requests that are worked on at once, in each process. Default 48."""

    address_conversations: int = 120
    """ADDRESS_CONVERSATIONS: conversations that may be begun from one address in a minute. Default 120."""

    letters: int = 200
    """ENTERPRISE_LETTERS: invitations and password links that an enterprise may have mailed within a day, counted by all processes together.

    Default 200.
    """

    @classmethod
    def from_env(cls, source: Mapping[str, str]) -> Limits:
        """Raises `SettingsError` naming the variable."""
        given: dict[str, int] = {}
        for field in fields(cls):
            name = VARIABLES[field.name]
            text = source.get(name, "").strip()
            if not text:
                continue
            if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST):
                raise SettingsError(f"{name}: {text!r} is not a limit: use a whole number from 1 to {_MOST}")
            given[field.name] = int(text)
        return cls(**given)


VARIABLES: Final = {
    "messages": "ENTERPRISE_RATE",
    "conversations": "ENTERPRISE_CONVERSATIONS",
    "visitors": "ENTERPRISE_VISITORS",
    "connections": "ENTERPRISE_CONNECTIONS",
    "requests": "ENTERPRISE_REQUESTS",
    "all_requests": "REQUESTS",
    "address_conversations": "ADDRESS_CONVERSATIONS",
    "letters": "ENTERPRISE_LETTERS",
}


def rate_of(per_minute: int) -> Rate:
    """So many a minute, of five seconds at once: what others feel is the burst."""
    return Rate(burst=max(20, per_minute // 12), per_minute=per_minute)


def message_sent(resources: Resources, enterprise_id: UUID) -> None:
    """Raises TooMany: the enterprise sends more than an enterprise may."""
    resources.throttle.check(message_key(enterprise_id), rate_of(resources.settings.limits.messages))


def message_key(enterprise_id: UUID) -> str:
    """By what an enterprise's messages are counted."""
    return f"enterprise.message:{enterprise_id}"


def conversation_begins(resources: Resources, enterprise_id: UUID, address: str) -> None:
    """Raises TooMany: from this address, or in this enterprise, too many conversations begin."""
    limits = resources.settings.limits
    # The address first: one that floods must not use up what is its enterprise's.
    resources.throttle.check(
        f"address.conversation:{address_group(address)}", Rate(limits.address_conversations * 2, limits.address_conversations)
    )
    resources.throttle.check(f"enterprise.conversation:{enterprise_id}", rate_of(limits.conversations))


def visitor_comes(resources: Resources, enterprise_id: UUID) -> None:
    """Raises TooMany: the enterprise has more new visitors than an enterprise may."""
    resources.throttle.check(f"enterprise.visitor:{enterprise_id}", rate_of(resources.settings.limits.visitors))
