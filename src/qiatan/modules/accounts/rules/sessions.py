"""How long sessions, links and challenges live, and whom an address speaks for."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

SESSION_IDLE = timedelta(days=30)
SESSION_LONGEST = timedelta(days=90)
SEEN_EVERY = timedelta(minutes=5)
INVITATION_LIVES = timedelta(days=7)
SIGN_IN_LINK_LIVES = timedelta(minutes=15)
RESET_LINK_LIVES = timedelta(hours=1)
CHALLENGE_LIVES = timedelta(minutes=10)
VIEW_LIVES = timedelta(minutes=30)
# What stands for the password where there is none: having proved oneself to the identity provider a moment ago.
RECENT_SIGN_IN = timedelta(minutes=10)

MAX_SESSIONS_OF_AGENT = 50


def session_expiry(created_at: datetime, seen_at: datetime) -> datetime:
    """When a session ends that was last used at `seen_at`: after a time of silence, or at its greatest age."""
    return min(seen_at + SESSION_IDLE, created_at + SESSION_LONGEST)


def address_group(address: str) -> str:
    """Whom an address speaks for when tries are counted: itself, or its /64 (what one IPv6 customer gets, to change within at will)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Network((parsed, 64), strict=False))
    return address
