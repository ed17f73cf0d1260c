"""Every query of accounts. Private to the module."""

from qiatan.modules.accounts.repository.agents import AgentRecord, AgentRepository
from qiatan.modules.accounts.repository.enterprises import EnterpriseRepository, enterprise_ids, insert_enterprise
from qiatan.modules.accounts.repository.groups import GroupRecord, GroupRepository
from qiatan.modules.accounts.repository.sessions import SessionRepository, avatar_shown, find_account, find_link, find_session, purge

__all__ = [
    "AgentRecord",
    "AgentRepository",
    "EnterpriseRepository",
    "GroupRecord",
    "GroupRepository",
    "SessionRepository",
    "avatar_shown",
    "enterprise_ids",
    "find_account",
    "find_link",
    "find_session",
    "insert_enterprise",
    "purge",
]
