"""How much comes in a day: of an enterprise's visitors and of its agents, from one address, and of one person's pictures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import pytest
from sqlalchemy import func, select

from qiatan.infra.settings import Settings
from qiatan.infra.throttle import Rate
from qiatan.modules.channels.contracts import Channel
from qiatan.modules.files import jobs, routes, service
from qiatan.modules.files.models import SentRow
from qiatan.modules.files.rules import Quota, limits
from qiatan.modules.visitors import routes as visitor_routes
from tests.modules.files.pictures import png
from tests.modules.files.sending import BYTES, COMPUTER, part, send_up, start, visitor
from tests.modules.files.world import World
from tests.support.clock import FakeClock
from tests.support.factories import Factories

DAY = 24 * 3600
PICTURE = {"file": ("a.png", png(), "image/png")}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A server that takes a thousand bytes a day of an enterprise's visitors, and as many of its agents."""
    return replace(settings, enterprise_uploads=1_000)


@dataclass
class Scene:
    world: World
    channel: Channel
    agent: httpx.AsyncClient

    async def visitor(self) -> httpx.AsyncClient:
        return (await visitor(self.world.doors, self.channel))[0]

    async def visitor_at(self, address: str) -> httpx.AsyncClient:
        stranger = self.world.doors.stranger(address=address, headers={"User-Agent": COMPUTER})
        token = (await stranger.post(f"/widget/{self.channel.key}/session", json={})).json()["token"]
        return self.world.doors.visitor(token, address=address)

    async def counted(self) -> dict[str, int]:
        """Bytes of agents and of visitors."""
        async with self.world.resources.database.tenant(self.world.tenant.enterprise_id) as tx:
            query = (
                select(SentRow.source, func.sum(SentRow.bytes)).where(SentRow.source.in_(("agents", "visitors"))).group_by(SentRow.source)
            )
            return {source: int(size) for source, size in (await tx.session.execute(query)).all()}

    async def kept(self) -> tuple[int, int]:
        """Rows of files, and contents on the disk."""
        return await self.world.rows(), len(self.world.on_disk())


@pytest.fixture
async def scene(world: World, factories: Factories) -> Scene:
    return Scene(world, await factories.channel(world.tenant.enterprise_id), world.doors.agent(world.tenant.admin))


async def _size(world: World) -> int:
    """What the picture takes, with its small one."""
    picture = (await service.prepare_picture(world.visitor, "a.png", png())).picture
    return len(picture.content) + len(picture.thumb or b"")


def _refusal(answer: httpx.Response) -> tuple[int, str, int]:
    return answer.status_code, answer.json()["error"]["code"], int(answer.headers["Retry-After"])


async def test_what_is_only_announced_takes_nothing_from_anybody(scene: Scene) -> None:
    # given strangers who announce ten times what may come, and send nothing of it
    for _ in range(10):
        await start(await scene.visitor(), 1_000)

    # then another visitor and an agent send theirs
    file = await send_up(await scene.visitor(), bytes(600))
    own = await send_up(scene.agent, bytes(1_000), base="/uploads")

    assert (file["size"], own["size"]) == (600, 1_000)
    assert await scene.counted() == {"agents": 1_000, "visitors": 600}


async def test_visitors_who_have_sent_all_they_may_leave_agents_their_share(scene: Scene, clock: FakeClock) -> None:
    # given visitors who have sent nine hundred bytes, and one with an upload of which a hundred have come
    await send_up(await scene.visitor(), bytes(900))
    last = await scene.visitor()
    begun = await start(last, 100)
    clock.advance(hours=1, minutes=30)
    assert (await part(last, begun["id"], 0, bytes(99))).status_code == 200

    # when more comes than is left
    too_large = await last.post("/widget/uploads", json={"name": "a", "size": 2})
    last_byte = await start(await scene.visitor(), 1)
    assert (await part(last, begun["id"], 99, bytes(1))).status_code == 200
    over = await (await scene.visitor()).post("/widget/uploads", json={"name": "a", "size": 1})

    # then it is refused with the time when the oldest no longer counts
    assert _refusal(too_large) == _refusal(over) == (429, "quota_reached", DAY - 90 * 60)
    assert await scene.counted() == {"visitors": 1_000}
    assert last_byte["offset"] == 0

    # and agents send as much of their own, and no more
    assert (await send_up(scene.agent, bytes(1_000), base="/uploads"))["size"] == 1_000
    assert _refusal(await scene.agent.post("/uploads", json={"name": "a", "size": 1})) == (429, "quota_reached", DAY - 30 * 60)

    # and after that time there is room again
    clock.advance(seconds=DAY - 90 * 60)
    assert (await send_up(await scene.visitor(), bytes(900)))["size"] == 900


async def test_a_part_that_is_too_much_is_not_read_and_the_upload_stays(scene: Scene, clock: FakeClock) -> None:
    # given an upload that was begun while there was room
    late = await scene.visitor()
    begun = await start(late, 10)
    await send_up(await scene.visitor(), bytes(1_000))
    before, touched = await scene.kept(), False

    async def body() -> AsyncIterator[bytes]:
        nonlocal touched
        touched = True
        yield bytes(10)

    # when its part comes
    refused = await late.patch(f"/widget/uploads/{begun['id']}?offset=0", content=body(), headers=BYTES)

    # then nothing is taken of it, and it goes on the next day
    assert (_refusal(refused), touched) == ((429, "quota_reached", DAY), False)
    assert (await scene.kept(), await scene.counted()) == (before, {"visitors": 1_000})
    assert (await late.get(f"/widget/uploads/{begun['id']}")).json()["offset"] == 0


async def test_parts_of_one_moment_do_not_pass_the_limit_beside_each_other(scene: Scene) -> None:
    # given three uploads of which one fits
    senders = [await scene.visitor() for _ in range(3)]
    uploads = [await start(sender, 600) for sender in senders]

    answers = await asyncio.gather(*(part(sender, upload["id"], 0, bytes(600)) for sender, upload in zip(senders, uploads, strict=True)))

    assert sorted(answer.status_code for answer in answers) == [200, 429, 429]
    assert await scene.counted() == {"visitors": 600}
    assert [path.stat().st_size for path in scene.world.on_disk()] == [600]


async def test_one_address_takes_a_share_of_what_visitors_may_send(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    # given that one address may send an eighth, or what one visitor may
    monkeypatch.setattr(limits, "OF_VISITOR", Quota(unfinished=10, bytes=100))
    house, neighbour = await scene.visitor_at("2001:db8::1"), await scene.visitor_at("2001:db8::2")
    await send_up(house, bytes(100))

    # when somebody else comes from the same address
    begun = await start(neighbour, 30)
    fits = await part(neighbour, begun["id"], 0, bytes(25))
    over = await part(neighbour, begun["id"], 25, bytes(1))

    # then the share is theirs together, and others' is not touched
    assert (fits.status_code, _refusal(over)) == (200, (429, "quota_reached", DAY))
    assert await scene.counted() == {"visitors": 125}
    assert (await send_up(await scene.visitor_at("2001:db8:0:1::1"), bytes(125)))["size"] == 125


async def test_a_visitors_pictures_of_a_day_are_bounded(scene: Scene, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a visitor who may send two pictures but for a byte
    size = await _size(scene.world)
    monkeypatch.setattr(limits, "PICTURES_OF_VISITOR", 2 * size - 1)
    guest = await scene.visitor()
    assert (await guest.post("/widget/files", files=PICTURE)).status_code == 201

    # when the second one comes
    refused = await guest.post("/widget/files", files=PICTURE)

    # then it is refused, and nothing of it is kept or counted
    assert _refusal(refused) == (429, "quota_reached", DAY)
    assert (await scene.kept(), await scene.counted()) == ((1, 2), {"visitors": size})

    # and others send theirs, and so does this one on the next day
    assert (await (await scene.visitor()).post("/widget/files", files=PICTURE)).status_code == 201
    assert (await scene.agent.post("/files", files=PICTURE)).status_code == 201
    clock.advance(seconds=DAY)
    assert (await guest.post("/widget/files", files=PICTURE)).status_code == 201


@pytest.mark.parametrize("by_visitor", [True, False])
async def test_a_picture_of_who_may_send_no_more_is_not_read(scene: Scene, monkeypatch: pytest.MonkeyPatch, *, by_visitor: bool) -> None:
    size = await _size(scene.world)
    monkeypatch.setattr(limits, "PICTURES_OF_VISITOR", size)
    monkeypatch.setattr(limits, "PICTURES_OF_AGENT", size)
    http, door = (await scene.visitor(), "/widget/files") if by_visitor else (scene.agent, "/files")
    assert (await http.post(door, files=PICTURE)).status_code == 201
    touched = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal touched
        touched = True
        yield b"--x\r\n"

    refused = await http.post(door, content=body(), headers={"Content-Type": "multipart/form-data; boundary=x"})

    assert (_refusal(refused), touched) == ((429, "quota_reached", DAY), False)
    assert await scene.kept() == (1, 2)


async def test_pictures_of_one_moment_do_not_pass_the_limit_beside_each_other(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    size = await _size(scene.world)
    monkeypatch.setattr(limits, "PICTURES_OF_VISITOR", 2 * size - 1)
    guest = await scene.visitor()

    answers = await asyncio.gather(*(guest.post("/widget/files", files=PICTURE) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [201, 429, 429]
    assert (await scene.kept(), await scene.counted()) == ((1, 2), {"visitors": size})


async def test_pictures_are_part_of_what_visitors_may_send(scene: Scene) -> None:
    size = await _size(scene.world)
    await (await scene.visitor()).post("/widget/files", files=PICTURE)
    fits = await (await scene.visitor()).post("/widget/uploads", json={"name": "a", "size": 1_000 - size})

    over = await (await scene.visitor()).post("/widget/uploads", json={"name": "a", "size": 1_001 - size})

    assert (fits.status_code, _refusal(over)) == (201, (429, "quota_reached", DAY))


async def test_what_came_a_day_ago_is_forgotten(scene: Scene, clock: FakeClock) -> None:
    await send_up(await scene.visitor(), bytes(10))
    clock.advance(seconds=DAY - 1)
    await jobs.purge_expired.run(scene.world.resources)
    before = await scene.counted()
    clock.advance(seconds=1)
    await jobs.purge_expired.run(scene.world.resources)

    assert (before, await scene.counted()) == ({"visitors": 10}, {})


async def test_one_address_sends_so_many_pictures_and_begins_so_many_files(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    # given an address of which two of each are taken at once
    monkeypatch.setattr(routes, "OF_ADDRESS", Rate(burst=2, per_minute=1))
    monkeypatch.setattr(visitor_routes, "UPLOADS_OF_ADDRESS", Rate(burst=2, per_minute=1))
    people = [await scene.visitor_at("198.51.100.7") for _ in range(3)]

    # when three people come from there
    pictures = [(await one.post("/widget/files", files=PICTURE)).status_code for one in people]
    files = [(await one.post("/widget/uploads", json={"name": "a", "size": 3})).status_code for one in people]

    # then the third waits, and who comes from elsewhere does not
    assert (pictures, files) == ([201, 201, 429], [201, 201, 429])
    assert await scene.kept() == (2, 4)
    elsewhere = await scene.visitor_at("198.51.100.8")
    assert (await elsewhere.post("/widget/files", files=PICTURE)).status_code == 201
    assert (await elsewhere.post("/widget/uploads", json={"name": "a", "size": 3})).status_code == 201


async def test_who_begins_several_at_once_has_no_more_than_ten_on_their_way(scene: Scene) -> None:
    guest = await scene.visitor()
    for _ in range(9):
        await start(guest, 3)

    answers = await asyncio.gather(*(guest.post("/widget/uploads", json={"name": "a", "size": 3}) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 429, 429, 429]
