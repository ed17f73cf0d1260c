"""What each kind of caller is answered, said once more and independently of the program: points first, then scope, then the thing's state."""

from __future__ import annotations

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.http.guards import Guard, Requires
from qiatan.kit.access import ScopeKind
from tests.support.access import points_of
from tests.support.routes import Route

PERSONAL = frozenset(point.name for point in CATALOGUE if point.personal)

WHOLE_SCOPE = {
    "create_group",
    "create_role",
    "change_role",
    "delete_role",
    "list_api_keys",
    "create_api_key",
    "revoke_api_key",
    "change_login_policy",
    "change_oidc",
    "delete_oidc",
    "invite_agent",
    "save_conversation_rules",
    "save_blacklist_rules",
    "save_assignment",
    "save_queue_settings",
    "save_transfer_settings",
    "save_hours",
    "mend_counters",
}
"""What reaches the whole enterprise: 403 for who has the point and a narrower scope. (An invitation into no group lies outside one.)"""

TOUCHES_AN_ACCOUNT = {"invite_agent", "change_agent", "reset_second_factor", "reset_agent_password", "view_as_agent", "delete_group"}
"""403 for who lacks a point that the account (of the group, its member) has, or would have."""

OF_EVERYBODY = {
    "create_reply",
    "change_reply",
    "delete_reply",
    "order_replies",
    "import_replies",
    "create_reply_group",
    "change_reply_group",
    "delete_reply_group",
    "order_reply_groups",
}
"""What the world's calls would change of the enterprise's quick replies, for which one's own point is not enough."""

STATE = {
    "invite_agent_again": 409,  # has joined
    "withdraw_invitation": 409,
    "send_message": 409,  # somebody else serves it
    "withdraw_message": 409,
    "edit_message": 403,  # somebody else wrote it
    "end_conversation": 409,
    "invite_evaluation": 409,
    "take_conversation": 409,
    "get_upload": 404,  # nobody else's
    "add_upload_part": 404,
    "cancel_upload": 404,
    "finish_upload": 404,
    "confirm_totp": 401,  # nothing was begun
    "add_passkey": 401,
    "remove_totp": 404,
    "rename_passkey": 404,  # a colleague's
    "remove_passkey": 404,
    "make_recovery_codes": 404,
    "end_own_session": 404,
    "transfer_conversation": 409,  # somebody else serves it
    "accept_transfer_offer": 404,  # somebody else is asked
    "refuse_transfer_offer": 404,
    "withdraw_transfer_offer": 404,
    "try_oidc": 502,  # its provider is on this machine, where nothing may be asked
}
"""The rightful caller's answer where it is not success, because of how the world is."""


def expected(route: Route, points: frozenset[str], scope: ScopeKind) -> int:
    """The status for somebody of the world's enterprise who is neither its server nor the asker of anything in it."""
    guard: Guard = route.guards[0]
    path = route.path or ""
    if isinstance(guard, Requires):
        if guard.point.name not in points:
            return 403
        if route.name in WHOLE_SCOPE and scope is not ScopeKind.ALL:
            return 403
        if ("{agent_id}" in path or "{group_id}" in path) and scope is ScopeKind.SELF:
            return 404
        if route.name == "list_decisions" and "conversations.serve" not in points:
            return 403  # who sees no conversation does not see why it went where it did
        if ("{conversation_id}" in path or "{customer_id}" in path) and not sees_colleagues(points, scope):
            return 404
        refused = _refused_besides(route, points)
        if refused is not None:
            return refused
    return STATE.get(route.name, route.success)


def _refused_besides(route: Route, points: frozenset[str]) -> int | None:
    """What is asked for beyond the route's own point and sight of the thing."""
    if "{note_id}" in (route.path or "") and "customers.edit_notes" not in points:
        return 403  # a colleague wrote it
    if route.name == "write_note" and "conversations.join" not in points:
        return 409  # neither takes part nor may join
    if route.name in OF_EVERYBODY and "replies.edit" not in points:
        return 403
    if route.name in TOUCHES_AN_ACCOUNT and not points_of("agent") <= points:
        return 403
    return None


def sees_colleagues(points: frozenset[str], scope: ScopeKind) -> bool:
    """Whether the conversation that a colleague serves can be seen."""
    return "conversations.view_colleagues" in points and scope is not ScopeKind.SELF


def expected_frame(kind: str, points: frozenset[str], scope: ScopeKind) -> str:
    """The type of the answer, or the code of the refusal; `typing` and `read` are not answered when all is well."""
    if kind == "ping":
        return "pong"
    if "conversations.serve" not in points:
        return "not_allowed"
    if kind == "subscribe mine":
        return "subscribed"
    if kind == "subscribe queue":
        return "subscribed" if "conversations.take" in points else "not_allowed"
    if kind == "subscribe colleagues":
        return "subscribed" if "conversations.view_colleagues" in points else "not_allowed"
    if not sees_colleagues(points, scope):
        return "not_found"
    return {"subscribe conversation": "subscribed", "send": "not_yours", "withdraw": "too_late", "edit": "not_allowed"}[kind]
