"""A morning at an enterprise, so that the screens show what people see: conversations, names, a picture, somebody waiting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from qiatan.infra.clock import new_id
from tests.journeys.house import House, Member, client_of
from tests.journeys.people import picture

_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Mobile/15E148 Safari/604.1"
_DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


@dataclass(frozen=True)
class Words:
    """One language's words of the story."""

    enterprise: str
    admin: str
    colleagues: tuple[str, str]
    groups: tuple[str, str]
    page: str
    channel: str
    settings: dict[str, Any]
    mine: tuple[tuple[str, str], ...]
    waiting: tuple[tuple[str, str], ...]
    theirs: tuple[tuple[str, str], ...]
    customer: str
    before: tuple[str, str]
    talk: tuple[tuple[str, str], ...]


CHINESE = Words(
    enterprise="松间器物",
    admin="沈知夏",
    colleagues=("顾南乔", "许砚"),
    groups=("售前", "售后"),
    page="粗陶手冲壶 雾灰，松间器物",
    channel="官网",
    settings={"color": "#2f6b5e", "title": "松间客服", "greeting": "您好，器物、订单、门店的事都可以问我们。"},
    mine=(
        ("陈禾", "发票抬头可以改成公司的吗？"),
        ("何亦舟", "亚麻餐垫能机洗吗"),
        ("方静姝", "收到了，釉色比照片还好看，谢谢"),
        ("周屿", "马克杯 350 ml 的，配的杯垫单卖吗？想再要两个"),
    ),
    waiting=(("蒋辞", "收到的杯子口沿裂了一条缝，怎么处理"), ("苗苗", "平江路的门店周一开吗？")),
    theirs=(("钟意", "马克杯能进洗碗机吗"),),
    customer="林小满",
    before=("你们的壶是哪里烧的？", "在宜兴的小窑烧的，一窑四十只。"),
    talk=(
        ("customer", "你好，雾灰的手冲壶还有现货吗？"),
        ("agent", "有的，还有六只。现在拍下，今天下午四点前就能发出。"),
        ("picture", ""),
        ("customer", "我家这只旧的壶嘴偏粗，新款也是这样吗？"),
        ("agent", "看到了。新款的壶嘴收得更细，水线稳，手冲会顺手很多。"),
        ("agent", "釉色以实物为准，每一只的深浅略有不同。"),
        ("customer", "那就要雾灰的。要送人，可以配礼盒吗？"),
        ("agent", "可以的，礼盒不另收费，我给您备注上。"),
        ("customer", "太好了，送到苏州工业园区，周五之前能到吗？"),
    ),
)

ENGLISH = Words(
    enterprise="Pine & Clay",
    admin="Ann Lee",
    colleagues=("Tom Brook", "Mia Stone"),
    groups=("Sales", "After-sales"),
    page="Pour-over kettle, fog grey",
    channel="Web shop",
    settings={
        "color": "#3357cc",
        "title": "Pine & Clay",
        "greeting": "Hello! Ask us about pots, orders and the shop.",
        "offline_text": "Nobody is here right now. Leave a message and we will answer soon.",
        "launcher_text": "Chat with us",
    },
    mine=(
        ("Lena Novak", "Do you ship to Vienna?"),
        ("Omar Haddad", "Can the linen mats go into the washing machine?"),
        ("Grace Kim", "It arrived, the glaze is even nicer than in the pictures. Thank you"),
    ),
    waiting=(("Jon Aker", "The rim of my mug has a crack, what can I do?"),),
    theirs=(("Ines Duarte", "Is the mug safe for the dishwasher?"),),
    customer="Nora Field",
    before=("Where are your kettles fired?", "In a small kiln in Yixing, forty at a time."),
    talk=(
        ("customer", "Hi, is the fog grey kettle in stock?"),
        ("agent", "It is, six of them. Order now and it leaves today before four."),
        ("picture", ""),
        ("customer", "The spout of my old one is rather wide. Is the new one like that?"),
        ("agent", "The new spout is finer, the pour is steady."),
        ("customer", "Then I take the grey one. It is a present, do you have a gift box?"),
    ),
)


class Caller:
    """A visitor at the API, for the conversations in the background."""

    def __init__(self, house: House, client: httpx.AsyncClient) -> None:
        self._house = house
        self._client = client

    @classmethod
    async def come(cls, house: House, *, page: str, phone: bool = False) -> Caller:
        client = client_of(house.server)
        client.headers["User-Agent"] = _PHONE if phone else _DESKTOP
        body = {
            "page_url": "https://shop.example.com/kettle",
            "page_title": page,
            "referrer": "https://www.example.com/search?q=kettle",
            "language": "zh-CN",
            "timezone": "Asia/Shanghai",
            "screen": "390x844" if phone else "1440x900",
        }
        answer = await client.post(f"/widget/{house.key}/session", json=body)
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return cls(house, client)

    async def say(self, text: str) -> str:
        """Write; the conversation's id."""
        return await self._send({"kind": "text", "text": text})

    async def show(self) -> str:
        """Send a picture; the conversation's id."""
        shown = picture()
        answer = await self._client.post("/widget/files", files={"file": (shown["name"], shown["buffer"], shown["mimeType"])})
        assert answer.status_code == 201, answer.text
        return await self._send({"kind": "picture", "file_id": answer.json()["id"]})

    async def read(self, conversation: str, seq: int) -> None:
        """Have seen everything up to here."""
        answer = await self._client.put(f"/widget/conversations/{conversation}/read", json={"seq": seq})
        assert answer.status_code == 204, answer.text

    async def _send(self, body: dict[str, Any]) -> str:
        answer = await self._client.post("/widget/messages", json={"client_message_id": str(new_id()), **body})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["conversation_id"])

    async def close(self) -> None:
        await self._client.aclose()


async def tell(house: House, words: Words) -> str:
    """Let the morning happen, nobody being online yet; the id of the conversation to look at.

    The administrator ends up with no free place, so that who waits goes on waiting when they come online.
    """
    admin = house.admin
    await house.dress(**words.settings)
    await admin.change(f"/channels/{house.channel['id']}", name=words.channel)
    first, second = [await house.hire(name) for name in words.colleagues]
    for name, members in zip(words.groups, ([admin.id, first.id], [second.id]), strict=True):
        await admin.post("/groups", {"name": name, "member_ids": members})
    for views, owner in ((words.waiting, None), (words.theirs, first), (words.mine, admin)):
        for number, (name, text) in enumerate(views):
            await _ask(house, words, name, text, owner=owner, phone=number % 2 == 1)
    main = await _talk(house, words)
    taken = sum(1 for one in await admin.conversations())
    await admin.change(f"/agents/{admin.id}", max_conversations=taken)
    return main


async def _ask(house: House, words: Words, name: str, text: str, *, owner: Member | None, phone: bool) -> None:
    caller = await Caller.come(house, page=words.page, phone=phone)
    conversation = await caller.say(text)
    await caller.close()
    if owner is not None:
        await owner.post(f"/conversations/{conversation}/take")
    await _name(owner or house.admin, conversation, name)


async def _talk(house: House, words: Words) -> str:
    admin = house.admin
    caller = await Caller.come(house, page=words.page)
    question, answer = words.before
    earlier = await caller.say(question)
    await admin.post(f"/conversations/{earlier}/take")
    await _name(admin, earlier, words.customer)
    await _answer(admin, earlier, answer)
    await admin.post(f"/conversations/{earlier}/end")
    main = ""
    for who, text in words.talk:
        if who == "agent":
            await _answer(admin, main, text)
            await caller.read(main, await _head(admin, main))
            continue
        is_first = main == ""
        main = await caller.show() if who == "picture" else await caller.say(text)
        if is_first:
            await admin.post(f"/conversations/{main}/take")
    await caller.close()
    return main


async def _answer(agent: Member, conversation: str, text: str) -> None:
    """Read what there is, then write."""
    read = await agent.client.put(f"/conversations/{conversation}/read", json={"seq": await _head(agent, conversation)})
    assert read.status_code == 204, read.text
    await agent.post(f"/conversations/{conversation}/messages", {"client_message_id": str(new_id()), "kind": "text", "text": text})


async def _head(agent: Member, conversation: str) -> int:
    return int((await agent.get(f"/conversations/{conversation}"))["head"])


async def _name(agent: Member, conversation: str, name: str) -> None:
    context = await agent.get(f"/conversations/{conversation}/context")
    answer = await agent.client.patch(
        f"/conversations/{conversation}/customer", json={"name": name, "version": context["customer"]["version"]}
    )
    assert answer.status_code == 200, answer.text
