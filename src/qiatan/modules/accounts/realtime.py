"""Events as frames for open pages, and the end of sockets whose session ended or whose rights changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal
from uuid import UUID

from qiatan.infra.realtime.connection import CLOSE_RESTART, CLOSE_UNAUTHORISED, Connection
from qiatan.infra.realtime.doors import ByeFrame, ChangedFrame, encode
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.realtime.returning import time_away
from qiatan.kit.access import AgentActor
from qiatan.kit.events import Event
from qiatan.modules.accounts import permissions, rules
from qiatan.modules.accounts.events import (
    AgentChanged,
    EnterpriseChanged,
    GroupChanged,
    LoginPolicyChanged,
    PreferencesChanged,
    RoleChanged,
    SessionsEnded,
)

# Beyond this many changed agents at once, whoever looks at lists hears of a group instead and loads them anew: a frame for each would
# cost changes times listeners, and more than a queue of frames holds.
MANY_AGENTS = 100

_Reason = Literal["signed_out", "replaced"]

_CLOSE = {"signed_out": CLOSE_UNAUTHORISED, "replaced": CLOSE_RESTART}
_SAID = {"signed_out": "This session has ended. Sign in again.", "replaced": "Your rights have changed. Connect again."}


def publish(hub: Hub, events: Sequence[Event]) -> None:
    """Tell who may see it what changed, and only then close sockets: nothing follows a `bye`."""
    changed = [event for event in events if isinstance(event, AgentChanged)]
    many = len(changed) > MANY_AGENTS
    for event in events:
        _tell(hub, event, many=many)
    if many:
        for enterprise_id in {event.enterprise_id for event in changed}:
            _tell_of_many(hub, enterprise_id, [event for event in changed if event.enterprise_id == enterprise_id], events)
    _say_goodbye([one for event in events for ended in _ends(event) for one in _closed_by(hub, ended)])


def _ends(event: Event) -> Iterator[SessionsEnded]:
    """What an event ends: sessions, or nothing."""
    if isinstance(event, SessionsEnded):
        yield event
    elif isinstance(event, RoleChanged):
        for agent_id in event.members:
            yield SessionsEnded(enterprise_id=event.enterprise_id, agent_id=agent_id, reason="replaced")


def _tell(hub: Hub, event: Event, *, many: bool) -> None:
    if isinstance(event, EnterpriseChanged):
        frame = _changed("enterprise", event.enterprise_id, event.version)
        hub.publish([(f"point:{permissions.VIEW_ENTERPRISE.name}", event.enterprise_id)], frame)
    elif isinstance(event, AgentChanged):
        hub.publish([("agent", event.agent_id)], _changed("me", event.agent_id, event.version))
        if not many:
            _tell_viewers(hub, event)
    elif isinstance(event, GroupChanged):
        frame = _changed("group", event.group_id, event.version)
        for connection, actor in _viewers(hub, event.enterprise_id):
            if rules.group_in_scope(actor, event.group_id):
                connection.push(frame)
    elif isinstance(event, RoleChanged):
        frame = _changed("role", event.role_id, event.version)
        hub.publish([(f"point:{permissions.VIEW_AGENTS.name}", event.enterprise_id)], frame)
    elif isinstance(event, PreferencesChanged):
        hub.publish([("agent", event.agent_id)], _changed("preferences", event.agent_id, event.version))
    elif isinstance(event, LoginPolicyChanged):
        frame = _changed("security", event.enterprise_id, event.version)
        hub.publish([(f"point:{permissions.VIEW_SECURITY.name}", event.enterprise_id)], frame)


def _tell_viewers(hub: Hub, event: AgentChanged) -> None:
    frame = _changed("agent", event.agent_id, event.version)
    for connection, actor in _viewers(hub, event.enterprise_id):
        if rules.agent_in_scope(actor, event.agent_id, event.group_ids):
            connection.push(frame)


def _tell_of_many(hub: Hub, enterprise_id: UUID, changed: Sequence[AgentChanged], events: Sequence[Event]) -> None:
    """One frame for each who may see some of these agents: about a group of theirs, unless a changed group is told to them anyway."""
    told = {event.group_id for event in events if isinstance(event, GroupChanged) and event.enterprise_id == enterprise_id}
    versions = {event.agent_id: event.version for event in changed}
    touched = sorted({group_id for event in changed for group_id in event.group_ids})
    for connection, actor in _viewers(hub, enterprise_id):
        if any(rules.group_in_scope(actor, group_id) for group_id in told):
            continue
        group_id = next((group_id for group_id in touched if rules.group_in_scope(actor, group_id)), None)
        if group_id is not None:
            # It did not change itself, so it has no new version to tell.
            connection.push(_changed("group", group_id, 0))
        elif actor.agent_id in versions:
            connection.push(_changed("agent", actor.agent_id, versions[actor.agent_id]))


def _viewers(hub: Hub, enterprise_id: UUID) -> list[tuple[Connection, AgentActor]]:
    listeners = hub.listeners((f"point:{permissions.VIEW_AGENTS.name}", enterprise_id))
    return [(listener, listener.actor) for listener in listeners if isinstance(listener.actor, AgentActor)]


def _closed_by(hub: Hub, event: SessionsEnded) -> Iterator[tuple[Connection, _Reason]]:
    """The sockets that end with these sessions, and why."""
    for connection in hub.listeners(("agent", event.agent_id)) | hub.listeners(("viewer", event.agent_id)):
        actor = connection.actor
        if not isinstance(actor, AgentActor):
            continue
        if actor.via == "view" and actor.agent_id == event.agent_id:
            # Whoever looks as this agent looks again, if there is still something to see.
            if event.only is None:
                yield connection, "replaced"
        elif actor.session_id != event.besides and event.only in (None, actor.session_id):
            yield connection, event.reason


def _say_goodbye(closed: Sequence[tuple[Connection, _Reason]]) -> None:
    """Close them. Whose rights changed comes back at once: of a thousand with the same role, each at a moment of its own."""
    within = time_away(sum(reason == "replaced" for _, reason in closed))
    for connection, reason in closed:
        if connection.closed:
            continue  # another of these events was about it, too
        connection.push(encode(ByeFrame(reason, _SAID[reason], within or None if reason == "replaced" else None)))
        connection.flush()
        connection.close(_CLOSE[reason], reason)


def _changed(kind: str, changed: UUID, version: int) -> bytes:
    return encode(ChangedFrame(kind, changed, version))
