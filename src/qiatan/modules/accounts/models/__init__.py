"""Tables of accounts. Private: other modules ask the service."""

from qiatan.modules.accounts.models.factors import OidcIdentityRow, OidcProviderRow, PasskeyRow, RecoveryCodeRow, TotpRow
from qiatan.modules.accounts.models.people import UNUSABLE, AgentRow, AgentScopeGroupRow, EnterpriseRow, GroupMemberRow, GroupRow, RoleRow
from qiatan.modules.accounts.models.preferences import PreferencesRow
from qiatan.modules.accounts.models.security import (
    ApiKeyRow,
    AuditEntryRow,
    AuditHeadRow,
    LoginEntryRow,
    LoginPolicyRoleRow,
    LoginPolicyRow,
    TrustedAddressRow,
)
from qiatan.modules.accounts.models.sessions import ChallengeRow, OneTimeLinkRow, SessionRow

__all__ = [
    "UNUSABLE",
    "AgentRow",
    "AgentScopeGroupRow",
    "ApiKeyRow",
    "AuditEntryRow",
    "AuditHeadRow",
    "ChallengeRow",
    "EnterpriseRow",
    "GroupMemberRow",
    "GroupRow",
    "LoginEntryRow",
    "LoginPolicyRoleRow",
    "LoginPolicyRow",
    "OidcIdentityRow",
    "OidcProviderRow",
    "OneTimeLinkRow",
    "PasskeyRow",
    "PreferencesRow",
    "RecoveryCodeRow",
    "RoleRow",
    "SessionRow",
    "TotpRow",
    "TrustedAddressRow",
]
