"""Whom a page, a chat link or a form names for its visitor's next conversation (F28, F34)."""

from __future__ import annotations

from qiatan.infra.db import Tx
from qiatan.kit.access import VisitorActor
from qiatan.modules.routing.contracts.decisions import Wish
from qiatan.modules.routing.repository.wishes import WishRepository
from qiatan.modules.routing.service.case import WISH_LIVES, read_wish


async def set_wish(tx: Tx, actor: VisitorActor, wish: Wish) -> None:
    """Keep whom the next conversation is for. Who is unknown is kept, too: the decision falls back and says so.

    A form's answer with a target replaces the page's, one without leaves it; its fallback counts either way, whichever came first.
    """
    wishes = WishRepository(tx, actor.enterprise_id)
    former = read_wish(await wishes.get(actor.customer_id, actor.channel_id, since=tx.now - WISH_LIVES))
    kept = wish if former is None else combined(former, wish)
    await wishes.put(actor.customer_id, actor.channel_id, kept.model_dump(mode="json"), tx.now)


def combined(former: Wish, new: Wish) -> Wish:
    """What holds of two wishes for one conversation: of one source, the new one; else the form's, with the page's target if it has none."""
    if (former.source == "form") == (new.source == "form"):
        return new
    answer, page = (former, new) if former.source == "form" else (new, former)
    if answer.agents or answer.groups:
        return answer
    return answer.model_copy(update={"agents": page.agents, "groups": page.groups})
