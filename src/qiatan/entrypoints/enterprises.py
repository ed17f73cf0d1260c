"""What a new enterprise gets from the modules above `accounts`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.entrypoints.users import DemoAccess
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, Scope, ScopeKind
from qiatan.kit.errors import Fault
from qiatan.kit.events import Event
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.events import EnterpriseCreated
from qiatan.modules.channels import service as channels
from qiatan.modules.channels.contracts import ChannelChange

_DEMO_LOOK = {
    "color": "#2f6b5e",
    "title": "松间器物",
    "greeting": "您好，这里是松间器物，想看哪一样都可以问我。",
    "offline_text": "店里现在没有人。写下来，我们回来就答复您。",
}

log = structlog.get_logger(__name__)


def open_channel_for_new(resources: Resources) -> Callable[[Sequence[Event]], None]:
    """A listener that gives each new enterprise its first web channel at once; `ensure_channels` heals what a crash left out."""
    running: set[asyncio.Task[None]] = set()

    def react(events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, EnterpriseCreated):
                task = asyncio.create_task(_open_channel(resources, event.enterprise_id))
                running.add(task)
                task.add_done_callback(running.discard)

    return react


async def ensure_channels(resources: Resources) -> None:
    """Give every enterprise without a channel its first one; asking again changes nothing."""
    async with resources.database.system() as tx:
        enterprises = await accounts.enterprise_ids(tx)
    for enterprise_id in enterprises:
        await _open_channel(resources, enterprise_id)


async def _open_channel(resources: Resources, enterprise_id: UUID) -> None:
    try:
        async with resources.database.tenant(enterprise_id) as tx:
            await channels.create_default(tx)
    except Fault as fault:
        log.warning("channels.first_not_opened", enterprise_id=str(enterprise_id), code=fault.code)


async def dress_demo(resources: Resources, access: DemoAccess) -> None:
    """Give the demo shop's widget the colours and words of the shop."""
    async with resources.database.tenant(access.enterprise_id) as tx:
        channel = await channels.create_default(tx)
        owner = AgentActor(
            enterprise_id=access.enterprise_id,
            agent_id=access.agent_id,
            session_id=access.agent_id,
            points=frozenset(point.name for point in CATALOGUE),
            scope=Scope(ScopeKind.ALL),
        )
        change = ChannelChange.model_validate({"version": channel.version, "settings": _DEMO_LOOK})
        await channels.change(tx, owner, channel_id=channel.id, change=change)


async def first_channel_key(resources: Resources) -> str | None:
    """The web channel of the oldest enterprise: the one the demo shop uses."""
    async with resources.database.system() as tx:
        enterprises = await accounts.enterprise_ids(tx)
    if not enterprises:
        return None
    async with resources.database.tenant(enterprises[0]) as tx:
        return (await channels.create_default(tx)).key
