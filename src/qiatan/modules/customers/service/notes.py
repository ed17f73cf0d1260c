"""Notes on customers. Whether the customer may be seen is checked by the caller (conversations)."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_time_cursor, encode_time_cursor
from qiatan.kit.errors import NotAllowed, NotFound, VersionConflict
from qiatan.kit.text import check_text
from qiatan.modules.accounts import service as accounts
from qiatan.modules.customers import permissions
from qiatan.modules.customers.contracts import MAX_NOTES, NOTE_LENGTH, ChangeCustomerNote, CustomerNote, WriteCustomerNote
from qiatan.modules.customers.errors import LimitReached
from qiatan.modules.customers.events import CustomerNotesChanged
from qiatan.modules.customers.models import NoteRow
from qiatan.modules.customers.repository import CustomerRepository, NoteRepository
from qiatan.modules.customers.rules import shown_name


async def notes(tx: Tx, actor: AgentActor, *, customer_id: UUID, after: str | None, limit: int) -> Page[CustomerNote]:
    """The notes on a customer, newest first. Raises InvalidInput (a foreign cursor)."""
    limit = min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after else None
    rows = await NoteRepository(tx, actor.enterprise_id).page(customer_id, after=key, limit=limit + 1)
    names = await accounts.agent_names(tx, {row.agent_id for row in rows})
    following = encode_time_cursor(rows[limit - 1].created_at, rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=[_note(actor, row, names.get(row.agent_id, "")) for row in rows[:limit]], next=following)


async def write_note(tx: Tx, actor: AgentActor, *, customer_id: UUID, body: WriteCustomerNote) -> CustomerNote:
    """Write a note on a customer.

    Raises:
        NotAllowed: the role lacks `customers.edit`.
        InvalidInput: the text is blank, longer than 2,000 characters or not text.
        LimitReached: the customer has 200.
    """
    require(actor, permissions.EDIT)
    text = _text(body.text)
    # The customer's lock keeps two writers from both being the two hundredth.
    if await CustomerRepository(tx, actor.enterprise_id).locked(customer_id) is None:
        raise NotFound
    repository = NoteRepository(tx, actor.enterprise_id)
    if await repository.count(customer_id) >= MAX_NOTES:
        raise LimitReached
    by = await accounts.answering_agent(tx, actor)
    row = await repository.add(new_id(), customer_id, by, text, tx.now)
    _announce(tx, customer_id)
    return await _named(tx, actor, row)


async def change_note(tx: Tx, actor: AgentActor, *, customer_id: UUID, note_id: UUID, body: ChangeCustomerNote) -> CustomerNote:
    """Rewrite an own note; a colleague's with `customers.edit_notes`.

    Raises:
        NotAllowed, InvalidInput (the text), NotFound, VersionConflict: nothing was changed.
    """
    require(actor, permissions.EDIT)
    text = _text(body.text)
    row = await _editable(tx, actor, customer_id, note_id)
    if row.version != body.version:
        raise VersionConflict
    row.text, row.changed_at, row.version = text, tx.now, row.version + 1
    await tx.session.flush()
    _announce(tx, customer_id)
    return await _named(tx, actor, row)


async def delete_note(tx: Tx, actor: AgentActor, *, customer_id: UUID, note_id: UUID) -> None:
    """Delete an own note; a colleague's with `customers.edit_notes`. Raises NotAllowed, NotFound."""
    require(actor, permissions.EDIT)
    row = await _editable(tx, actor, customer_id, note_id)
    await NoteRepository(tx, actor.enterprise_id).delete(row)
    _announce(tx, customer_id)
    named = {found.id: shown_name(found.id, found.name) for found in await CustomerRepository(tx, tx.enterprise_id).names({customer_id})}
    subject = accounts.What("customer", customer_id, named.get(customer_id, ""))
    accounts.record(tx, accounts.Who.of(actor), "customer_note.deleted", subject, written_by=row.agent_id, written_at=row.created_at)


async def _editable(tx: Tx, actor: AgentActor, customer_id: UUID, note_id: UUID) -> NoteRow:
    row = await NoteRepository(tx, actor.enterprise_id).locked(customer_id, note_id)
    if row is None:
        raise NotFound
    if row.agent_id != await accounts.answering_agent(tx, actor) and not actor.may(permissions.EDIT_NOTES):
        raise NotAllowed("Somebody else wrote this note. Ask your leader to change it.")
    return row


async def _named(tx: Tx, actor: AgentActor, row: NoteRow) -> CustomerNote:
    return _note(actor, row, (await accounts.agent_names(tx, {row.agent_id})).get(row.agent_id, ""))


def _announce(tx: Tx, customer_id: UUID) -> None:
    tx.emit(CustomerNotesChanged(enterprise_id=tx.enterprise_id, customer_id=customer_id))


def _text(text: str) -> str:
    return check_text(text.replace("\r\n", "\n").strip(), field="text", limit=NOTE_LENGTH)


def _note(actor: AgentActor, row: NoteRow, author: str) -> CustomerNote:
    return CustomerNote(
        id=row.id,
        author_id=row.agent_id,
        author_name=author,
        mine=row.agent_id == actor.agent_id,
        text=row.text,
        created_at=row.created_at,
        changed_at=row.changed_at,
        version=row.version,
    )
