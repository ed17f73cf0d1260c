"""Every query of accounts. Private to the module."""

from qiatan.modules.accounts.repository.agents import AgentRecord, AgentRepository, role_facts
from qiatan.modules.accounts.repository.api_keys import ApiKeyRepository, find_api_key
from qiatan.modules.accounts.repository.audit import AuditFilters, AuditRepository, drifted_head
from qiatan.modules.accounts.repository.challenges import ChallengeRepository, find_challenge, take_challenge
from qiatan.modules.accounts.repository.enterprises import (
    EnterpriseRepository,
    enterprise_ids,
    enterprises_named,
    insert_enterprise,
    showing_typed,
)
from qiatan.modules.accounts.repository.factors import FactorRepository, find_passkey
from qiatan.modules.accounts.repository.groups import GroupRecord, GroupRepository
from qiatan.modules.accounts.repository.links import LinkRepository, OpenLink, find_link
from qiatan.modules.accounts.repository.login import (
    LivingSession,
    LoginFilter,
    LoginRepository,
    PolicyRecord,
    forget_logins,
    policies_of,
)
from qiatan.modules.accounts.repository.oidc import OidcRepository
from qiatan.modules.accounts.repository.roles import RoleRecord, RoleRepository
from qiatan.modules.accounts.repository.sessions import (
    FoundSession,
    SessionRepository,
    account_name,
    avatar_shown,
    came_from,
    enterprise_came_from,
    find_account,
    find_session,
    living_sessions,
    purge,
)

__all__ = [
    "AgentRecord",
    "AgentRepository",
    "ApiKeyRepository",
    "AuditFilters",
    "AuditRepository",
    "ChallengeRepository",
    "EnterpriseRepository",
    "FactorRepository",
    "FoundSession",
    "GroupRecord",
    "GroupRepository",
    "LinkRepository",
    "LivingSession",
    "LoginFilter",
    "LoginRepository",
    "OidcRepository",
    "OpenLink",
    "PolicyRecord",
    "RoleRecord",
    "RoleRepository",
    "SessionRepository",
    "account_name",
    "avatar_shown",
    "came_from",
    "drifted_head",
    "enterprise_came_from",
    "enterprise_ids",
    "enterprises_named",
    "find_account",
    "find_api_key",
    "find_challenge",
    "find_link",
    "find_passkey",
    "find_session",
    "forget_logins",
    "insert_enterprise",
    "living_sessions",
    "policies_of",
    "purge",
    "role_facts",
    "showing_typed",
    "take_challenge",
]
