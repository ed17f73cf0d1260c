"""Digests: a short proof of what somebody should see, compared with what their page shows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.modules.conversations.contracts import MAX_OPEN_SHOWN
from qiatan.modules.conversations.repository.system import Person, digest_rows


def digest_of(shown: Iterable[tuple[UUID, int, int]]) -> str:
    """First 16 hex digits of sha-256 over `id:head:version` lines sorted by id; of more than `subscribed` names, those it names."""
    lines = [f"{conversation_id}:{head}:{version}" for conversation_id, head, version in sorted(shown)[:MAX_OPEN_SHOWN]]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


async def digests(tx: Tx, agents: Sequence[Person], customers: Sequence[Person]) -> dict[UUID, str]:
    """The digest of each given agent and customer. Needs a transaction of the system role: it serves many enterprises' heartbeats."""
    shown: dict[UUID, list[tuple[UUID, int, int]]] = {person: [] for _, person in [*agents, *customers]}
    for owner, conversation_id, head, version in await digest_rows(tx, agents, customers):
        shown[owner].append((conversation_id, head, version))
    return {owner: digest_of(rows) for owner, rows in shown.items()}
