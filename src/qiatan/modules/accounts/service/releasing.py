"""Accounts that were never joined, given up: an address belongs to whoever proves it, not to whoever invites it first (decision 0004)."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.modules.accounts import repository
from qiatan.modules.accounts.contracts import ActorKind
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, EnterpriseRepository, GroupRepository
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.groups import supervisors_see_others
from qiatan.modules.accounts.service.mapping import agent_changed, group_changed


async def release_address(tx: Tx, email: str, *, to: UUID | None = None) -> bool:
    """Delete the pending account that holds an address, in a system transaction; whether there was one. That of the enterprise `to` stays.

    Its enterprise finds in its audit log that it went because the address is used elsewhere, and not by whom.
    """
    held = await repository.find_account(tx, email)
    if held is None or held.row.enterprise_id == to:
        return False
    # As everybody does who changes accounts: first the enterprise, then the account.
    await EnterpriseRepository(tx, held.row.enterprise_id).lock()
    held = await repository.find_account(tx, email, lock=True)
    if held is None or not held.pending:
        return False
    await delete_pending(tx, held, Who(ActorKind.SYSTEM), elsewhere=True)
    return True


async def delete_pending(tx: Tx, held: AgentRecord, who: Who, *, elsewhere: bool) -> None:
    """Delete an account that is pending. The caller holds the enterprise's lock and the account's."""
    enterprise_id, agent_id = held.row.enterprise_id, held.row.id
    what, email = What("agent", agent_id, held.row.name), held.row.email
    held.row.version += 1
    await tx.session.flush()
    tx.emit(agent_changed(held))
    groups = GroupRepository(tx, enterprise_id)
    for group_id, version in await groups.touch(held.group_ids):
        tx.emit(group_changed(enterprise_id, group_id, version))
    await supervisors_see_others(tx, enterprise_id, held.group_ids)
    await AgentRepository(tx, enterprise_id).delete_pending(agent_id)
    record(tx, who, "agent.invitation_withdrawn", what, enterprise_id=enterprise_id, email=email, elsewhere=elsewhere)
