"""Every query of accounts. Private to the module."""

from qiatan.modules.accounts.repository.agents import AgentRecord, AgentRepository
from qiatan.modules.accounts.repository.enterprises import EnterpriseRepository, enterprise_ids, enterprises_named, insert_enterprise
from qiatan.modules.accounts.repository.groups import GroupRecord, GroupRepository
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
    "EnterpriseRepository",
    "GroupRecord",
    "GroupRepository",
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
]
