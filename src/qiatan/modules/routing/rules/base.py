"""The five base rules (F28): one of those who can be given a conversation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from uuid import UUID

from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.settings import BaseRule
from qiatan.modules.routing.rules.case import NOBODY, Candidate, Roster

Pick = Callable[[int], int]
"""A number from 0 to below the argument, by chance or by whatever the caller wants."""

ENTERPRISE_KEY = "enterprise"
WISH_KEY = "wish"

_ONLINE = PresenceStatus.ONLINE
_OPEN = attrgetter("open")
_RECEIVED = attrgetter("received")


def group_key(group_id: UUID) -> str:
    """Under which a group's rotation is remembered."""
    return f"group:{group_id}"


def rule_key(rule_id: UUID) -> str:
    """Under which the rotation among an advanced rule's targets is remembered."""
    return f"rule:{rule_id}"


def assignable(pool: Sequence[Candidate], excluded: frozenset[UUID] = NOBODY) -> list[Candidate]:
    """Those of the pool who can be given a conversation, in its order."""
    free = [one for one in pool if one.open < one.maximum and one.connected and one.status is _ONLINE]
    return [one for one in free if one.agent_id not in excluded] if excluded else free


def choose(rule: BaseRule, free: Sequence[Candidate], roster: Roster, pointer: UUID | None, pick: Pick) -> Candidate | None:
    """One of `free`, which is in the roster's order; None when it is empty.

    Rotation goes on after the place of who got the last one. That place is defined by the order alone, so it does not matter whether
    they are still there: after joining, leaving or reordering, everybody free is reached once in the next round.
    """
    if not free:
        return None
    match rule:
        case BaseRule.ROTATE:
            if pointer is None:
                return free[0]
            after = bisect_right(free, roster.place_of(pointer), key=lambda one: roster.place_of(one.agent_id))
            return free[after % len(free)]
        case BaseRule.PRIORITY:
            return free[0]
        case BaseRule.LOAD:
            return min(free, key=_OPEN)
        case BaseRule.FILL_UP:
            return min(free, key=_RECEIVED)
        case BaseRule.RANDOM:
            return free[pick(len(free))]


def figure(rule: BaseRule, candidate: Candidate, roster: Roster) -> int | None:
    """What the rule compares of a candidate; None where chance decides."""
    match rule:
        case BaseRule.LOAD:
            return candidate.open
        case BaseRule.FILL_UP:
            return candidate.received
        case BaseRule.RANDOM:
            return None
        case _:
            return roster.number_of(candidate.agent_id)
