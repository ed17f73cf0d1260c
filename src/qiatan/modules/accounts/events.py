"""What accounts tell the others."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from qiatan.kit.events import Event


class EnterpriseCreated(Event):
    """A new enterprise signed up (or was made on the command line)."""

    type: Literal["accounts.enterprise_created.v1"] = "accounts.enterprise_created.v1"


class EnterpriseChanged(Event):
    """Its name or settings changed."""

    type: Literal["accounts.enterprise_changed.v1"] = "accounts.enterprise_changed.v1"
    version: int


class AgentChanged(Event):
    """An account was invited or changed.

    `serving`: whether it may sign in, and so serve if its role says so. `role_changed`: what it may do is another matter now.
    `group_ids`: the groups it is or was in, which say whose scope it touches.
    """

    type: Literal["accounts.agent_changed.v1"] = "accounts.agent_changed.v1"
    agent_id: UUID
    version: int
    serving: bool
    role_changed: bool = False
    group_ids: tuple[UUID, ...] = ()


class GroupChanged(Event):
    """A group was made, changed or deleted."""

    type: Literal["accounts.group_changed.v1"] = "accounts.group_changed.v1"
    group_id: UUID
    version: int


class RoleChanged(Event):
    """A role was made, changed or deleted. `members`: whose rights changed by it, so that their sockets have to be opened anew."""

    type: Literal["accounts.role_changed.v1"] = "accounts.role_changed.v1"
    role_id: UUID
    version: int
    members: tuple[UUID, ...] = ()


class LoginPolicyChanged(Event):
    """From where people may sign in was changed: sessions that no longer pass have to end."""

    type: Literal["accounts.login_policy_changed.v1"] = "accounts.login_policy_changed.v1"
    version: int


class PreferencesChanged(Event):
    """An agent saved their preferences: their other open pages read them anew."""

    type: Literal["accounts.preferences_changed.v1"] = "accounts.preferences_changed.v1"
    agent_id: UUID
    version: int


class SessionsEnded(Event):
    """An agent's open sockets must close.

    `only` names the one session it is about; else it is all of them, except `besides`. `signed_out`: the sessions are gone.
    `replaced`: they live on with other rights, so the sockets have to be opened anew.
    """

    type: Literal["accounts.sessions_ended.v1"] = "accounts.sessions_ended.v1"
    agent_id: UUID
    only: UUID | None = None
    besides: UUID | None = None
    reason: Literal["signed_out", "replaced"]
