from __future__ import annotations

import pytest

from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.modules.channels import service as channels
from qiatan.modules.visitors import service as visitors
from qiatan.modules.visitors.contracts import SessionRequest
from tests.modules.files.sending import visitor
from tests.modules.files.uploads import Scene
from tests.modules.files.world import World
from tests.support.doors import Doors
from tests.support.factories import Factories


@pytest.fixture
async def world(resources: Resources, database: Database, factories: Factories, doors: Doors) -> World:
    tenant = await factories.tenant()
    async with database.tenant(tenant.enterprise_id) as tx:
        channel = await channels.create_default(tx)
        session = await visitors.open_session(
            tx, channel, SessionRequest(), token=None, address="192.0.2.1", user_agent=None, throttle=resources.throttle
        )
    async with database.system() as tx:
        visitor = await visitors.resolve_token(tx, session.token)
    assert visitor is not None
    return World(tenant, session.token, visitor, resources, doors)


@pytest.fixture
async def scene(world: World, factories: Factories) -> Scene:
    channel = await factories.channel(world.tenant.enterprise_id)
    http, told = await visitor(world.doors, channel)
    assert told["files"] is True
    return Scene(world, channel, http)
