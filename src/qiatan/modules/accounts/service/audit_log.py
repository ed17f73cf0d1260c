"""Reading the audit log, and finding out whether it is whole."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from qiatan.infra.db import Database, Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_cursor, encode_cursor
from qiatan.kit.errors import InvalidInput
from qiatan.modules.accounts import permissions
from qiatan.modules.accounts.contracts import ActorKind, AuditActor, AuditEntry, AuditSubject
from qiatan.modules.accounts.models import AuditEntryRow
from qiatan.modules.accounts.repository import AuditFilters, AuditRepository, drifted_head
from qiatan.modules.accounts.rules.audit import GENESIS, flaw_of
from qiatan.modules.accounts.service.audit import Who, record

MAX_EXPORTED = 100_000
EXPORT_HEADER = ("seq", "at", "actor_kind", "actor_id", "actor", "address", "action", "subject_kind", "subject_id", "subject", "details")
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What walking a chain found. `flaw` is None when it is whole; `seq` and `hash` are its head's."""

    entries: int
    seq: int
    hash: bytes
    flaw: str | None = None


async def audit_page(tx: Tx, actor: AgentActor, *, filters: AuditFilters, after: str | None, limit: int) -> Page[AuditEntry]:
    """What was done, newest first.

    Raises:
        NotAllowed: the role lacks `audit.view`.
        InvalidInput: a foreign cursor.
    """
    require(actor, permissions.VIEW_AUDIT)
    limit = min(limit, MAX_PAGE)
    audit = AuditRepository(tx, actor.enterprise_id)
    rows = await audit.page(filters, before=_before(after), limit=limit + 1)
    more = encode_cursor(rows[limit - 1].seq) if len(rows) > limit else None
    return Page(items=await _entries(audit, rows[:limit]), next=more)


async def start_audit_export(tx: Tx, actor: AgentActor, *, filters: AuditFilters) -> int:
    """Note that the log is exported. Returns the number of the newest entry that the export shows (this one is not in it).

    Raises:
        NotAllowed: the role lacks `audit.export`.
    """
    require(actor, permissions.EXPORT_AUDIT)
    newest = (await AuditRepository(tx, actor.enterprise_id).ends())[0]
    asked = {name: value for name, value in filters._asdict().items() if value is not None}
    record(tx, Who.of(actor), "audit.exported", filters=asked)
    return newest


async def exported_rows(database: Database, enterprise_id: UUID, *, filters: AuditFilters, newest: int) -> AsyncIterator[Sequence[str]]:
    """The lines of an export, newest first, at most 100,000; read a thousand at a time, each in a short transaction."""
    before, left = newest + 1, MAX_EXPORTED
    while left > 0:
        async with database.tenant(enterprise_id) as tx:
            audit = AuditRepository(tx, enterprise_id)
            rows = await audit.page(filters, before=before, limit=min(_BATCH, left))
            entries = await _entries(audit, rows)
        for entry in entries:
            yield _line(entry)
        if len(rows) < _BATCH:
            return
        before, left = rows[-1].seq, left - len(rows)


async def verify_chain(database: Database, enterprise_id: UUID, *, noted: tuple[int, bytes] | None = None) -> ChainReport:
    """Walk the whole chain and compute every hash anew. For whoever runs the installation.

    `noted` is a (number, hash) that was the head earlier: whoever can change the database could write a whole new chain, but not one
    that still contains a hash somebody has written down elsewhere.
    """
    async with database.system() as tx:
        head, head_hash, newest = await AuditRepository(tx, enterprise_id).ends()
    seq, previous = 0, GENESIS
    found: bytes | None = None
    while seq < newest:
        async with database.system() as tx:
            rows = await AuditRepository(tx, enterprise_id).stretch(after=seq, up_to=newest, limit=_BATCH)
        for row in rows:
            flaw = flaw_of(row, seq=seq + 1, previous=previous)
            if flaw is not None:
                return ChainReport(seq, head, head_hash, flaw)
            seq, previous = row["seq"], row["hash"]
            if noted is not None and noted[0] == seq:
                found = previous
    report = ChainReport(seq, head, head_hash)
    if newest < head:
        return ChainReport(seq, head, head_hash, f"the entries after {seq} are missing: the last one was {head}")
    if newest > head or not hmac.compare_digest(previous, head_hash):
        return ChainReport(seq, head, head_hash, f"the head says {head}, which is not the end of the chain ({seq})")
    if noted is not None and (found is None or not hmac.compare_digest(found, noted[1])):
        return ChainReport(seq, head, head_hash, f"the head noted earlier ({noted[0]}) is not in this chain: it was written anew")
    return report


def _before(after: str | None) -> int | None:
    if after is None:
        return None
    seq = decode_cursor(after, 1)[0]
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq < 2**63:
        raise InvalidInput.of("after", "invalid", "This cursor is not ours. Start from the first page.")
    return seq


async def _entries(audit: AuditRepository, rows: Sequence[AuditEntryRow]) -> list[AuditEntry]:
    ids = {row.actor_id for row in rows if row.actor_id is not None}
    names = await audit.names(ids) if ids else {}
    return [_entry(row, names.get(row.actor_id, "") if row.actor_id is not None else "") for row in rows]


def _entry(row: AuditEntryRow, actor_name: str) -> AuditEntry:
    subject = AuditSubject(kind=row.subject_kind, id=row.subject_id, name=row.subject_name or "") if row.subject_kind is not None else None
    return AuditEntry(
        seq=row.seq,
        at=row.at,
        actor=AuditActor(kind=ActorKind(row.actor_kind), id=row.actor_id, name=actor_name),
        address=row.address,
        action=row.action,
        subject=subject,
        details=row.details,
    )


def _line(entry: AuditEntry) -> Sequence[str]:
    subject = entry.subject
    return (
        str(entry.seq),
        entry.at.isoformat(),
        entry.actor.kind.value,
        str(entry.actor.id or ""),
        entry.actor.name,
        entry.address,
        entry.action,
        subject.kind if subject else "",
        str(subject.id or "") if subject else "",
        subject.name if subject else "",
        json.dumps(entry.details, ensure_ascii=False, sort_keys=True) if entry.details else "",
    )


async def count_audit_drift(tx: Tx, enterprise_id: UUID) -> int:
    """1 where the head of an enterprise's chain names another number than its newest entry has; must be 0 (`qiatan audit verify` walks it)."""
    return int(await drifted_head(tx, enterprise_id))
