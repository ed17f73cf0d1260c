"""How many connections this process takes: what its file descriptors allow, and one enterprise's part of them.

Without a ceiling the last descriptors go to sockets, and then neither a file nor the database can be opened any more, for anybody.
"""

from __future__ import annotations

import resource
from uuid import UUID

import structlog

from qiatan.infra import metrics
from qiatan.kit.errors import TooMany

log = structlog.get_logger(__name__)

WANTED_DESCRIPTORS = 1_000_000
RESERVED_DESCRIPTORS = 512
"""For what is no socket of a client: requests, the database, files, and what the machine opens by itself."""
KEPT_DESCRIPTORS = 128
"""Of those, what not even requests may use: the database, files, and what the machine opens by itself."""
RETRY_SECONDS = 30


class Crowded(TooMany):
    """This server has no place for another connection. The page tries again by itself; if this lasts, ask its operator for more room."""


def descriptors() -> int:
    """How many descriptors this process may have, after asking for as many as it can be given."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY:
        return WANTED_DESCRIPTORS
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError) as error:
            log.warning("descriptors.not_raised", soft=soft, wanted=wanted, error=str(error))
            return soft
    return max(soft, wanted)


class Ceiling:
    """Counts connections. `most`: in all; `of_each`: visitors of one enterprise, and as many of its agents, whom visitors cannot keep out;
    `with_requests`: connections of any kind, those of requests too (None: they are not bounded)."""

    def __init__(self, most: int, of_each: int, with_requests: int | None = None) -> None:
        self.most, self._of_each, self._with_requests = most, of_each, with_requests
        self._of: dict[tuple[UUID, bool], int] = {}
        self.refused = 0
        """How many were sent away since the start."""

    @classmethod
    def for_descriptors(cls, allowed: int, of_each: int) -> Ceiling:
        return cls(allowed - min(RESERVED_DESCRIPTORS, allowed // 4), of_each, allowed - min(KEPT_DESCRIPTORS, allowed // 8))

    def is_reached(self, connections: int) -> bool:
        """Whether there is no place for one more beside so many."""
        reached = connections >= self.most
        if reached:
            self._refuse()
        return reached

    def is_passed(self, connections: int) -> bool:
        """Whether so many, of every kind, are more than there may be."""
        passed = self._with_requests is not None and connections > self._with_requests
        if passed:
            self._refuse()
        return passed

    def enter(self, enterprise_id: UUID, *, agent: bool) -> None:
        """Count a connection of an enterprise; `leave` has to follow.

        Raises:
            Crowded: it has as many as an enterprise may.
        """
        count = self._of.get((enterprise_id, agent), 0)
        if count >= self._of_each:
            self._refuse()
            raise Crowded(retry_after=RETRY_SECONDS)
        self._of[enterprise_id, agent] = count + 1

    def _refuse(self) -> None:
        self.refused += 1
        metrics.TURNED_AWAY.add("connections")

    def leave(self, enterprise_id: UUID, *, agent: bool) -> None:
        left = self._of[enterprise_id, agent] - 1
        if left:
            self._of[enterprise_id, agent] = left
        else:
            del self._of[enterprise_id, agent]
