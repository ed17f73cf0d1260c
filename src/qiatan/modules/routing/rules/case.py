"""What a decision looks at: the agents, the visitor, and what stands around both."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from uuid import UUID

from qiatan.modules.routing.contracts.decisions import WhyNot, Wish
from qiatan.modules.routing.contracts.hours import Outside
from qiatan.modules.routing.contracts.presence import PresenceStatus

NOBODY: frozenset[UUID] = frozenset()

_ONLINE = PresenceStatus.ONLINE
_UNSUITED = {PresenceStatus.AWAY: WhyNot.AWAY, PresenceStatus.BUSY: WhyNot.BUSY, PresenceStatus.OFFLINE: WhyNot.OFFLINE}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An enabled account whose role may serve. `maximum` 0 receives none; `received` counts the past 12 hours, transfers included (F28)."""

    agent_id: UUID
    name: str
    status: PresenceStatus
    connected: bool
    open: int
    maximum: int
    group_ids: frozenset[UUID]
    received: int = 0


def serving(candidate: Candidate) -> bool:
    """Online, connected, and allowed any conversation at all: worth waiting for, also when full."""
    return candidate.status is _ONLINE and candidate.connected and candidate.maximum > 0


def has_place(candidate: Candidate) -> bool:
    """Serving, and below the maximum."""
    return candidate.status is _ONLINE and candidate.connected and candidate.open < candidate.maximum


def obstacle(candidate: Candidate, excluded: frozenset[UUID] = NOBODY) -> WhyNot | None:
    """Why the candidate cannot be given a conversation; None when nothing is in the way."""
    if candidate.agent_id in excluded:
        return WhyNot.EXCLUDED
    if not candidate.connected:
        return WhyNot.OFFLINE
    if candidate.status is not _ONLINE:
        return _UNSUITED[candidate.status]
    if candidate.maximum == 0:
        return WhyNot.NONE_ALLOWED
    return WhyNot.FULL if candidate.open >= candidate.maximum else None


@dataclass(frozen=True, slots=True)
class Case:
    """The visitor of one conversation. `now` is aware and in the enterprise's zone; who is in `excluded` never gets it."""

    landing_page: str | None
    current_page: str | None
    region: str | None
    search_engine: str | None
    search_keyword: str | None
    channel_id: UUID | None
    device: str | None
    language: str | None
    tags: frozenset[str]
    metadata: Mapping[str, str]
    now: datetime
    wish: Wish | None = None
    last_agent_id: UUID | None = None
    excluded: frozenset[UUID] = NOBODY


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`groups`: names of all groups that exist. `pointers`: who got the last one by rotation, by target key (see `base.pointer_key`)."""

    open_now: bool
    closed_groups: frozenset[UUID]
    outside: Outside
    queue_enabled: bool
    queue_has_room: bool
    groups: Mapping[UUID, str]
    pointers: Mapping[str, UUID] = field(default_factory=dict)

    def moved(self, pointer: tuple[str, UUID] | None) -> Surroundings:
        """The surroundings after a choice with this pointer."""
        return self if pointer is None else replace(self, pointers={**self.pointers, pointer[0]: pointer[1]})


class Roster:
    """The candidates in the order of the settings: who is not in `order` comes last, by id, which is the time they came (UUIDv7).

    A roster never changes; `with_load` gives another one and shares what stays the same.
    """

    __slots__ = ("_by_group", "_free", "_places", "_rank", "candidates")

    def __init__(self, candidates: Sequence[Candidate], order: Sequence[UUID] = ()) -> None:
        rank: dict[UUID, int] = {}
        for agent_id in order:
            rank.setdefault(agent_id, len(rank))
        self._rank = rank
        ordered = sorted(candidates, key=lambda candidate: self.place_of(candidate.agent_id))
        self.candidates: Sequence[Candidate] = ordered
        self._places = {candidate.agent_id: place for place, candidate in enumerate(ordered)}
        by_group: dict[UUID, list[int]] = {}
        for place, candidate in enumerate(ordered):
            for group_id in candidate.group_ids:
                by_group.setdefault(group_id, []).append(place)
        self._by_group = by_group
        self._free = [place for place, candidate in enumerate(ordered) if has_place(candidate)]

    def __len__(self) -> int:
        return len(self.candidates)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)

    def __contains__(self, agent_id: object) -> bool:
        return agent_id in self._places

    def get(self, agent_id: UUID) -> Candidate | None:
        place = self._places.get(agent_id)
        return None if place is None else self.candidates[place]

    def of_group(self, group_id: UUID) -> list[Candidate]:
        """The members in order."""
        return [self.candidates[place] for place in self._by_group.get(group_id, ())]

    def pool(self, agent_ids: Sequence[UUID] = (), group_ids: Sequence[UUID] = ()) -> list[Candidate]:
        """These agents and the members of these groups, each once, in order. Unknown ones are left out."""
        places = {self._places[agent_id] for agent_id in agent_ids if agent_id in self._places}
        places.update(chain.from_iterable(self._by_group.get(group_id, ()) for group_id in group_ids))
        return [self.candidates[place] for place in sorted(places)]

    def free(self) -> list[Candidate]:
        """Everybody who has a place, in order."""
        candidates = self.candidates
        return [candidates[place] for place in self._free]

    @property
    def has_room(self) -> bool:
        """Whether anybody has a place."""
        return bool(self._free)

    def place_of(self, agent_id: UUID) -> tuple[int, int]:
        """Where an agent stands, or would stand, in the order: comparable for everybody, also for who has left or was disabled."""
        return self._rank.get(agent_id, len(self._rank)), agent_id.int

    def number_of(self, agent_id: UUID) -> int:
        """The place from 1 among the candidates; 0 for somebody who is not among them."""
        return self._places.get(agent_id, -1) + 1

    def with_load(self, agent_id: UUID, change: int) -> Roster:
        """The roster after the agent got (`change` > 0, counted as received, too) or ended conversations."""
        place = self._places[agent_id]
        former = self.candidates[place]
        return self._with(place, replace(former, open=former.open + change, received=former.received + max(change, 0)))

    def with_states(self, changed: Sequence[Candidate]) -> Roster:
        """The roster with new states of those who are in it already, and in the same groups."""
        if not changed:
            return self
        if len(changed) == 1:
            return self.with_candidate(changed[0])
        candidates = list(self.candidates)
        for candidate in changed:
            candidates[self._places[candidate.agent_id]] = candidate
        return self._like(candidates, [place for place, candidate in enumerate(candidates) if has_place(candidate)])

    def with_candidate(self, candidate: Candidate) -> Roster:
        """The roster with a new state of somebody who is in it already, and in the same groups."""
        return self._with(self._places[candidate.agent_id], candidate)

    def _with(self, place: int, candidate: Candidate) -> Roster:
        changed = list(self.candidates)
        had_place, changed[place] = has_place(changed[place]), candidate
        free = self._free
        if had_place != has_place(candidate):
            at = bisect_left(free, place)
            free = [*free[:at], *free[at + 1 :]] if had_place else [*free[:at], place, *free[at:]]
        return self._like(changed, free)

    def _like(self, candidates: Sequence[Candidate], free: list[int]) -> Roster:
        other = Roster.__new__(Roster)
        other._rank, other._places, other._by_group = self._rank, self._places, self._by_group  # noqa: SLF001 - another one of the same class
        other.candidates, other._free = candidates, free  # noqa: SLF001 - as above
        return other
