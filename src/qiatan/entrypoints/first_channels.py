"""The channel that every enterprise starts with, from the module above `accounts`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from qiatan.infra.jobs import JobList
from qiatan.infra.resources import Resources
from qiatan.kit.errors import Fault
from qiatan.kit.events import Event
from qiatan.modules.accounts.events import EnterpriseCreated
from qiatan.modules.channels import service as channels

log = structlog.get_logger(__name__)
jobs = JobList("channels")


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
    """Give every enterprise without a channel its first one; asking again changes nothing. However many there are, it costs two queries."""
    async with resources.database.system() as tx:
        lacking = await channels.without_first(tx)
    for enterprise_id in lacking:
        await _open_channel(resources, enterprise_id)


@jobs.periodic("*/5 * * * *")
async def open_forgotten(resources: Resources) -> None:
    """Those of which the process died right after the sign-up need not wait for the next start."""
    await ensure_channels(resources)


async def _open_channel(resources: Resources, enterprise_id: UUID) -> None:
    try:
        async with resources.database.tenant(enterprise_id) as tx:
            await channels.create_default(tx)
    except Fault as fault:
        log.warning("channels.first_not_opened", enterprise_id=str(enterprise_id), code=fault.code)
