"""Use cases of accounts, and what other modules may ask."""

from qiatan.modules.accounts.repository import AuditFilters, LoginFilter
from qiatan.modules.accounts.service.agents import agents_page, change_agent, reset_second_factor, see_agent
from qiatan.modules.accounts.service.api_keys import api_keys_page, create_api_key, looks_like_key, resolve_api_key, revoke_api_key
from qiatan.modules.accounts.service.audit import What, Who, differences, record
from qiatan.modules.accounts.service.audit_log import (
    EXPORT_HEADER,
    ChainReport,
    audit_page,
    exported_rows,
    start_audit_export,
    verify_chain,
)
from qiatan.modules.accounts.service.authority import answering_agent, require_whole_scope
from qiatan.modules.accounts.service.break_glass import enable_account, link_for, open_login, remove_second_factors
from qiatan.modules.accounts.service.current import OpenSocket, living_sessions, resolve_session
from qiatan.modules.accounts.service.enterprise import add_agent, change_enterprise, found_enterprise, see_enterprise, sign_up
from qiatan.modules.accounts.service.groups import change_group, create_group, delete_group, groups_page
from qiatan.modules.accounts.service.hashing import hash_password
from qiatan.modules.accounts.service.invitations import accept_invitation, invite, invite_again, look_up_invitation
from qiatan.modules.accounts.service.login_log import login_log_page, login_log_rows, start_login_log_export
from qiatan.modules.accounts.service.login_policy import (
    change_login_policy,
    preview_login_policy,
    regions,
    see_login_policy,
    try_address,
)
from qiatan.modules.accounts.service.lookups import (
    agent_names,
    briefs,
    enterprise_ids,
    enterprises_named,
    first_admin,
    get_agent,
    get_enterprise,
    group_names,
    member_ids,
    role_named,
    serving_agent,
    serving_agents,
)
from qiatan.modules.accounts.service.oidc import change_oidc, delete_oidc, see_oidc, try_oidc
from qiatan.modules.accounts.service.oidc_sign_in import OidcDoor, finish_oidc, shown_oidc, start_oidc
from qiatan.modules.accounts.service.own_passkeys import add_passkey, begin_passkey, remove_passkey, rename_passkey
from qiatan.modules.accounts.service.own_security import Proof, own_security, prove_owner
from qiatan.modules.accounts.service.own_sessions import end_other_sessions, end_own_session, own_sessions
from qiatan.modules.accounts.service.passkeys import Site, encode_challenge, issue_challenge, request_options
from qiatan.modules.accounts.service.passwords import ask_reset, change_password, finish_reset, look_up_reset, reset_password, send_reset
from qiatan.modules.accounts.service.places import unknown_regions
from qiatan.modules.accounts.service.profile import change_me, me, remove_avatar, require_shown, set_avatar
from qiatan.modules.accounts.service.recovery import new_recovery_codes
from qiatan.modules.accounts.service.roles import (
    change_role,
    create_role,
    delete_role,
    point_catalogue,
    role_templates,
    roles_page,
    see_role,
)
from qiatan.modules.accounts.service.sessions import Caller, SignedIn, create_sign_in_link, sign_out
from qiatan.modules.accounts.service.sight import see_sight
from qiatan.modules.accounts.service.sign_in import (
    Denied,
    Outcome,
    SecondFactorNeeded,
    came_before,
    give_second_factor,
    proceed,
    settled,
    sign_in,
    sign_in_by_link,
    sign_in_by_passkey,
)
from qiatan.modules.accounts.service.totp import begin_totp, confirm_totp, remove_totp
from qiatan.modules.accounts.service.view_as import resolve_view, see_viewer, view_as

__all__ = [
    "EXPORT_HEADER",
    "AuditFilters",
    "Caller",
    "ChainReport",
    "Denied",
    "LoginFilter",
    "OidcDoor",
    "OpenSocket",
    "Outcome",
    "Proof",
    "SecondFactorNeeded",
    "SignedIn",
    "Site",
    "What",
    "Who",
    "accept_invitation",
    "add_agent",
    "add_passkey",
    "agent_names",
    "agents_page",
    "answering_agent",
    "api_keys_page",
    "ask_reset",
    "audit_page",
    "begin_passkey",
    "begin_totp",
    "briefs",
    "came_before",
    "change_agent",
    "change_enterprise",
    "change_group",
    "change_login_policy",
    "change_me",
    "change_oidc",
    "change_password",
    "change_role",
    "confirm_totp",
    "create_api_key",
    "create_group",
    "create_role",
    "create_sign_in_link",
    "delete_group",
    "delete_oidc",
    "delete_role",
    "differences",
    "enable_account",
    "encode_challenge",
    "end_other_sessions",
    "end_own_session",
    "enterprise_ids",
    "enterprises_named",
    "exported_rows",
    "finish_oidc",
    "finish_reset",
    "first_admin",
    "found_enterprise",
    "get_agent",
    "get_enterprise",
    "give_second_factor",
    "group_names",
    "groups_page",
    "hash_password",
    "invite",
    "invite_again",
    "issue_challenge",
    "link_for",
    "living_sessions",
    "login_log_page",
    "login_log_rows",
    "look_up_invitation",
    "look_up_reset",
    "looks_like_key",
    "me",
    "member_ids",
    "new_recovery_codes",
    "open_login",
    "own_security",
    "own_sessions",
    "point_catalogue",
    "preview_login_policy",
    "proceed",
    "prove_owner",
    "record",
    "regions",
    "remove_avatar",
    "remove_passkey",
    "remove_second_factors",
    "remove_totp",
    "rename_passkey",
    "request_options",
    "require_shown",
    "require_whole_scope",
    "reset_password",
    "reset_second_factor",
    "resolve_api_key",
    "resolve_session",
    "resolve_view",
    "revoke_api_key",
    "role_named",
    "role_templates",
    "roles_page",
    "see_agent",
    "see_enterprise",
    "see_login_policy",
    "see_oidc",
    "see_role",
    "see_sight",
    "see_viewer",
    "send_reset",
    "serving_agent",
    "serving_agents",
    "set_avatar",
    "settled",
    "shown_oidc",
    "sign_in",
    "sign_in_by_link",
    "sign_in_by_passkey",
    "sign_out",
    "sign_up",
    "start_audit_export",
    "start_login_log_export",
    "start_oidc",
    "try_address",
    "try_oidc",
    "unknown_regions",
    "verify_chain",
    "view_as",
]
