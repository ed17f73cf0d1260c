"""Permission points of accounts, and what scope means for its objects.

An agent is in scope when it is the actor, a member of a group the actor's scope names, or anybody where scope is `all`; so is an entry
of the login log, by its agent. A group is in scope when the scope names it or is `all`. The enterprise, its roles, its security
settings, its keys and its audit log concern everybody: to change roles and keys the scope must be `all`, as they reach everybody.
"""

from __future__ import annotations

from qiatan.kit.access import ANALYSING, EVERYBODY, HEADS, LEADING, Point

VIEW_ENTERPRISE = Point("enterprise.view", "See the enterprise's name and settings", everyday=True, templates=EVERYBODY)
EDIT_ENTERPRISE = Point("enterprise.edit", "Change the enterprise's name and settings")

VIEW_AGENTS = Point("agents.view", "See accounts, groups and roles", templates=LEADING | ANALYSING)
CREATE_AGENTS = Point("agents.create", "Invite colleagues", templates=HEADS)
EDIT_AGENTS = Point("agents.edit", "Change, disable and reset accounts", templates=HEADS)
ASSIGN_ROLES = Point("agents.role", "Give accounts another role", templates=HEADS)
SET_SCOPES = Point("agents.scope", "Set how far accounts' rights reach, and which visitors they see", templates=HEADS)
VIEW_AS = Point("agents.view_as", "Look at the product as a colleague, without changing anything", templates=HEADS, personal=True)

EDIT_GROUPS = Point("groups.edit", "Make, change and delete groups", templates=HEADS)
EDIT_ROLES = Point("roles.edit", "Make, change and delete roles")

VIEW_SECURITY = Point("security.view", "See the sign-in rules and the identity provider")
EDIT_SECURITY = Point("security.edit", "Change the sign-in rules and the identity provider", personal=True)
VIEW_LOGINS = Point("security.logins", "See and export the login log", templates=LEADING)

VIEW_AUDIT = Point("audit.view", "See the audit log")
EXPORT_AUDIT = Point("audit.export", "Export the audit log")
MANAGE_KEYS = Point("api_keys.manage", "Make and revoke API keys", personal=True)

POINTS = (
    VIEW_ENTERPRISE,
    EDIT_ENTERPRISE,
    VIEW_AGENTS,
    CREATE_AGENTS,
    EDIT_AGENTS,
    ASSIGN_ROLES,
    SET_SCOPES,
    VIEW_AS,
    EDIT_GROUPS,
    EDIT_ROLES,
    VIEW_SECURITY,
    EDIT_SECURITY,
    VIEW_LOGINS,
    VIEW_AUDIT,
    EXPORT_AUDIT,
    MANAGE_KEYS,
)
