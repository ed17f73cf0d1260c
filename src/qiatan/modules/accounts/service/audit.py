"""Writing down who did what, in the transaction that did it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.modules.accounts.contracts import ActorKind
from qiatan.modules.accounts.repository import AuditRepository
from qiatan.modules.accounts.rules.audit import bounded, chain_hash


@dataclass(frozen=True, slots=True)
class Who:
    """Who acted and from where. `id` is the key's for programs, and absent for the command line and the product itself."""

    kind: ActorKind
    id: UUID | None = None
    address: str = ""

    @classmethod
    def of(cls, actor: AgentActor) -> Who:
        return cls(ActorKind.API_KEY if actor.via == "api_key" else ActorKind.AGENT, actor.viewer_id or actor.agent_id, actor.address)


@dataclass(frozen=True, slots=True)
class What:
    """What something was done to: a kind, its id and its name at that time."""

    kind: str
    id: UUID | None
    name: str


@dataclass(slots=True)
class _Pending:
    entries: dict[UUID, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


def record(tx: Tx, who: Who, action: str, what: What | None = None, *, enterprise_id: UUID | None = None, **details: Any) -> None:
    """Note that somebody did something: it is in the log exactly when the transaction commits (security.md A67).

    `action` is named `thing.done`. `details` hold words, whole numbers, truth values, ids, times, lists and objects of these, never
    secrets; a change is given as `field=[before, after]`. Texts beyond 2,000 characters and lists beyond 1,000 items are cut off.
    `enterprise_id` is for system transactions, which are bound to none.
    """
    pending = _pending(tx)
    pending.entries[enterprise_id or tx.enterprise_id].append(
        {
            "at": tx.now,
            "actor_kind": who.kind.value,
            "actor_id": who.id,
            "address": who.address[:64],
            "action": action,
            "subject_kind": what.kind if what else None,
            "subject_id": what.id if what else None,
            "subject_name": what.name[:254] if what else None,
            "details": bounded(details),
        }
    )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What changed, as `details` tell it: `{field: [before, after]}`."""
    return {name: [before.get(name), value] for name, value in after.items() if before.get(name) != value}


def _pending(tx: Tx) -> _Pending:
    pending = tx.memory.get(_Pending)
    if pending is None:
        pending = tx.memory[_Pending] = _Pending()
        # The head's lock puts the enterprise's entries in order; taken last, nothing that is done under it can wait for another lock.
        tx.at_end(lambda: _write(tx, pending))
    assert isinstance(pending, _Pending)
    return pending


async def _write(tx: Tx, pending: _Pending) -> None:
    for enterprise_id in sorted(pending.entries):
        audit = AuditRepository(tx, enterprise_id)
        seq, previous = await audit.lock_head()
        rows = []
        for entry in pending.entries[enterprise_id]:
            seq += 1
            row = {"enterprise_id": enterprise_id, "seq": seq, "previous_hash": previous, **entry}
            previous = row["hash"] = chain_hash(previous, row)
            rows.append(row)
        await audit.append(rows)
