"""Use cases of accounts, and what other modules may ask."""

from qiatan.modules.accounts.service.agents import agents_page, change_agent, see_agent
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.enterprise import add_agent, change_enterprise, found_enterprise, see_enterprise, sign_up
from qiatan.modules.accounts.service.groups import change_group, create_group, delete_group, groups_page
from qiatan.modules.accounts.service.hashing import hash_password
from qiatan.modules.accounts.service.invitations import accept_invitation, invite, invite_again, look_up_invitation
from qiatan.modules.accounts.service.lookups import (
    briefs,
    enterprise_ids,
    enterprises_named,
    first_admin,
    get_agent,
    get_enterprise,
    member_ids,
    role_named,
    serving_agents,
)
from qiatan.modules.accounts.service.passwords import change_password, reset_password
from qiatan.modules.accounts.service.profile import change_me, me, remove_avatar, require_shown, set_avatar
from qiatan.modules.accounts.service.sessions import (
    Caller,
    SignedIn,
    create_sign_in_link,
    living_sessions,
    resolve_session,
    sign_in,
    sign_in_by_link,
    sign_out,
)

__all__ = [
    "Caller",
    "SignedIn",
    "What",
    "Who",
    "accept_invitation",
    "add_agent",
    "agents_page",
    "briefs",
    "change_agent",
    "change_enterprise",
    "change_group",
    "change_me",
    "change_password",
    "create_group",
    "create_sign_in_link",
    "delete_group",
    "enterprise_ids",
    "enterprises_named",
    "first_admin",
    "found_enterprise",
    "get_agent",
    "get_enterprise",
    "groups_page",
    "hash_password",
    "invite",
    "invite_again",
    "living_sessions",
    "look_up_invitation",
    "me",
    "member_ids",
    "record",
    "remove_avatar",
    "require_shown",
    "reset_password",
    "resolve_session",
    "role_named",
    "see_agent",
    "see_enterprise",
    "serving_agents",
    "set_avatar",
    "sign_in",
    "sign_in_by_link",
    "sign_out",
    "sign_up",
]
