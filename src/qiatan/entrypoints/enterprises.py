"""What a new enterprise gets from the modules above `accounts`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from qiatan.infra.resources import Resources
from qiatan.kit.errors import Fault
from qiatan.kit.events import Event
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.events import EnterpriseCreated
from qiatan.modules.channels import service as channels

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


async def first_channel_key(resources: Resources) -> str | None:
    """The web channel of the oldest enterprise: the one the demo shop uses."""
    async with resources.database.system() as tx:
        enterprises = await accounts.enterprise_ids(tx)
    if not enterprises:
        return None
    async with resources.database.tenant(enterprises[0]) as tx:
        return (await channels.create_default(tx)).key
