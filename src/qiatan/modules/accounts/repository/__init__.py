"""Every query of accounts. Private to the module."""

from qiatan.modules.accounts.repository.agents import AgentRecord, AgentRepository, role_facts
from qiatan.modules.accounts.repository.audit import AuditRepository
from qiatan.modules.accounts.repository.enterprises import EnterpriseRepository, enterprise_ids, enterprises_named, insert_enterprise
from qiatan.modules.accounts.repository.groups import GroupRecord, GroupRepository
from qiatan.modules.accounts.repository.roles import RoleRecord, RoleRepository
from qiatan.modules.accounts.repository.sessions import (
    SessionRepository,
    avatar_shown,
    find_account,
    find_link,
    find_session,
    living_sessions,
    purge,
)

__all__ = [
    "AgentRecord",
    "AgentRepository",
    "AuditRepository",
    "EnterpriseRepository",
    "GroupRecord",
    "GroupRepository",
    "RoleRecord",
    "RoleRepository",
    "SessionRepository",
    "avatar_shown",
    "enterprise_ids",
    "enterprises_named",
    "find_account",
    "find_link",
    "find_session",
    "insert_enterprise",
    "living_sessions",
    "purge",
    "role_facts",
]
