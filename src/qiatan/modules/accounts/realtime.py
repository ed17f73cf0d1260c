"""Events as frames for open pages, and the end of sockets whose session ended or whose rights changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from qiatan.infra.realtime.connection import CLOSE_RESTART, CLOSE_UNAUTHORISED, Connection
from qiatan.infra.realtime.doors import ByeFrame, ChangedFrame, encode
from qiatan.infra.realtime.hub import Hub
from qiatan.kit.access import AgentActor
from qiatan.kit.events import Event
from qiatan.modules.accounts import permissions, rules
from qiatan.modules.accounts.events import AgentChanged, EnterpriseChanged, GroupChanged, LoginPolicyChanged, RoleChanged, SessionsEnded

_CLOSE = {"signed_out": CLOSE_UNAUTHORISED, "replaced": CLOSE_RESTART}
_BYE = {
    "signed_out": encode(ByeFrame("signed_out", "This session has ended. Sign in again.")),
    "replaced": encode(ByeFrame("replaced", "Your rights have changed. Connect again.")),
}


def publish(hub: Hub, events: Sequence[Event]) -> None:
    """Tell who may see it what changed, and only then close sockets: nothing follows a `bye`."""
    for event in events:
        _tell(hub, event)
    for event in events:
        if isinstance(event, SessionsEnded):
            _close(hub, event)
        elif isinstance(event, RoleChanged):
            for agent_id in event.members:
                _close(hub, SessionsEnded(enterprise_id=event.enterprise_id, agent_id=agent_id, reason="replaced"))


def _tell(hub: Hub, event: Event) -> None:
    if isinstance(event, EnterpriseChanged):
        frame = _changed("enterprise", event.enterprise_id, event.version)
        hub.publish([(f"point:{permissions.VIEW_ENTERPRISE.name}", event.enterprise_id)], frame)
    elif isinstance(event, AgentChanged):
        hub.publish([("agent", event.agent_id)], _changed("me", event.agent_id, event.version))
        frame = _changed("agent", event.agent_id, event.version)
        for connection, actor in _viewers(hub, event.enterprise_id):
            if rules.agent_in_scope(actor, event.agent_id, event.group_ids):
                connection.push(frame)
    elif isinstance(event, GroupChanged):
        frame = _changed("group", event.group_id, event.version)
        for connection, actor in _viewers(hub, event.enterprise_id):
            if rules.group_in_scope(actor, event.group_id):
                connection.push(frame)
    elif isinstance(event, RoleChanged):
        frame = _changed("role", event.role_id, event.version)
        hub.publish([(f"point:{permissions.VIEW_AGENTS.name}", event.enterprise_id)], frame)
    elif isinstance(event, LoginPolicyChanged):
        frame = _changed("security", event.enterprise_id, event.version)
        hub.publish([(f"point:{permissions.VIEW_SECURITY.name}", event.enterprise_id)], frame)


def _viewers(hub: Hub, enterprise_id: UUID) -> list[tuple[Connection, AgentActor]]:
    listeners = hub.listeners((f"point:{permissions.VIEW_AGENTS.name}", enterprise_id))
    return [(listener, listener.actor) for listener in listeners if isinstance(listener.actor, AgentActor)]


def _close(hub: Hub, event: SessionsEnded) -> None:
    for connection in hub.listeners(("agent", event.agent_id)) | hub.listeners(("viewer", event.agent_id)):
        actor = connection.actor
        if not isinstance(actor, AgentActor):
            continue
        if actor.via == "view" and actor.agent_id == event.agent_id:
            # Whoever looks as this agent looks again, if there is still something to see.
            if event.only is None:
                _say_goodbye(connection, "replaced")
        elif actor.session_id != event.besides and event.only in (None, actor.session_id):
            _say_goodbye(connection, event.reason)


def _say_goodbye(connection: Connection, reason: Literal["signed_out", "replaced"]) -> None:
    connection.push(_BYE[reason])
    connection.flush()
    connection.close(_CLOSE[reason], reason)


def _changed(kind: str, changed: UUID, version: int) -> bytes:
    return encode(ChangedFrame(kind, changed, version))
