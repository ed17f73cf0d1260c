"""What the demo shop has on its shelves from the first moment: quick replies, tags, fields of its own. In Chinese, and for guests from abroad."""

from __future__ import annotations

from typing import Any

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.rich_text import RichDocument
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.contracts import FieldKind, NewCustomerField, NewTag, NewTagGroup, TagColor, TagKind
from qiatan.modules.replies import service as replies
from qiatan.modules.replies.contracts import NewReply, NewReplyGroup, ReplyOwner

Block = dict[str, Any]


def _text(*spans: str | dict[str, Any]) -> Block:
    return {"kind": "paragraph", "spans": [{"text": span} if isinstance(span, str) else span for span in spans]}


def _list(*items: tuple[str | dict[str, Any], ...], ordered: bool = True) -> Block:
    return {
        "kind": "list",
        "ordered": ordered,
        "items": [[{"text": span} if isinstance(span, str) else span for span in item] for item in items],
    }


def _bold(text: str) -> dict[str, Any]:
    return {"text": text, "bold": True}


_REPLIES: dict[str, tuple[tuple[str, tuple[Block, ...]], ...]] = {
    "常用": (
        ("问候", (_text("{{customer.name}}您好，我是{{agent.name}}，想看哪一样都可以问我。"),)),
        ("请稍等", (_text("好的，我去库房看一下，两分钟内答复您。"),)),
        ("还在吗", (_text("您还在吗？没看到您的消息，有需要随时再找我，{{enterprise.name}}一直在。"),)),
        ("感谢", (_text("谢谢您的耐心，祝您用得顺手。"),)),
    ),
    "商品与尺寸": (
        ("马克杯尺寸", (_text("粗陶马克杯口径 8.5 厘米，高 9 厘米，盛八分满约 320 毫升。"),)),
        ("手冲壶容量", (_text("手冲壶满水 600 毫升，冲一到两人份正好，壶嘴可以断水。"),)),
        (
            "釉色差别",
            (
                _text("同一窑的釉色也会有深浅，这是手工的样子："),
                _list(
                    (_bold("釉下青"), "：偏冷，边缘有积釉"),
                    (_bold("雾灰"), "：哑光，最耐看"),
                    (_bold("米白"), "：偏暖，易配木色"),
                    ordered=False,
                ),
            ),
        ),
    ),
    "物流与售后": (
        ("发货时间", (_text("16:00 前拍下当天发出，之后的第二天发，江浙沪一般次日到。"),)),
        (
            "换新流程（免寄回）",
            (
                _text("给您添麻烦了，换新分三步："),
                _list(("核对地址和电话",), (_bold("16:00 前"), "确认，当天发出"), ("单号发到您的手机",)),
                _text("旧杯", _bold("不用寄回"), "，可以留着作花插。"),
            ),
        ),
        ("七天无理由", (_text("签收次日起 7 天内不影响二次销售都可以退换，来回运费各付一程。"),)),
    ),
    "English": (
        ("Greeting", (_text("Hello {{customer.name}}, this is {{agent.name}}. Ask me about anything in the shop."),)),
        ("One moment", (_text("Let me check the shelf for you. I will be back within two minutes."),)),
        (
            "Shipping abroad",
            (
                _text("We ship worldwide from Shanghai:"),
                _list((_bold("Asia"), ": 3 to 6 days"), (_bold("Europe and America"), ": 7 to 12 days"), ordered=False),
                _text("You will get the tracking number as soon as the parcel leaves."),
            ),
        ),
        ("Thank you", (_text("Thank you for your patience. Enjoy your cup!"),)),
    ),
}
_TAGS: tuple[tuple[TagKind, str, tuple[tuple[str, TagColor], ...]], ...] = (
    (TagKind.CUSTOMER, "关系", (("回头客", TagColor.BLUE), ("批发", TagColor.PURPLE), ("送礼", TagColor.GREEN))),
    (TagKind.CUSTOMER, "偏好", (("手冲", TagColor.GRAY), ("哑光釉", TagColor.GRAY))),
    (
        TagKind.CONVERSATION,
        "事由",
        (("尺寸", TagColor.BLUE), ("物流", TagColor.GRAY), ("破损换新", TagColor.RED), ("建议", TagColor.GREEN)),
    ),
)
_FIELDS = (
    NewCustomerField(name="会员等级", kind=FieldKind.CHOICE, options=["普通", "银卡", "金卡"]),
    NewCustomerField(name="累计消费", kind=FieldKind.NUMBER),
    NewCustomerField(name="常用器型", kind=FieldKind.TEXT),
    NewCustomerField(name="生日", kind=FieldKind.DATE),
)


async def furnish(tx: Tx, owner: AgentActor) -> None:
    """Fill the shelves of a demo shop that was made in this transaction."""
    for name, entries in _REPLIES.items():
        group = await replies.create_group(tx, owner, NewReplyGroup(owner=ReplyOwner.ENTERPRISE, name=name))
        for title, blocks in entries:
            document = RichDocument.model_validate({"blocks": blocks})
            await replies.create(tx, owner, NewReply(owner=ReplyOwner.ENTERPRISE, group_id=group.id, title=title, document=document))
    for kind, name, tags in _TAGS:
        made = await customers.create_tag_group(tx, owner, NewTagGroup(kind=kind, name=name))
        for tag, color in tags:
            await customers.create_tag(tx, owner, NewTag(kind=kind, name=tag, color=color, group_id=made.id))
    for field in _FIELDS:
        await customers.create_field(tx, owner, field)
