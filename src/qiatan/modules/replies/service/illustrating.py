"""Pictures for entries."""

from __future__ import annotations

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import NotAllowed
from qiatan.modules.pictures import service as pictures
from qiatan.modules.replies.contracts import ReplyPicture
from qiatan.modules.replies.permissions import EDIT, EDIT_OWN


def require_some_edit(actor: AgentActor) -> None:
    """Whoever may write entries of any owner may bring pictures for them. Raises NotAllowed."""
    if not (actor.may(EDIT) or actor.may(EDIT_OWN)):
        raise NotAllowed


async def add_picture(tx: Tx, actor: AgentActor, *, prepared: pictures.Prepared) -> ReplyPicture:
    """Keep a picture that is stored already until it is put into an entry; after a day without one it goes.

    Raises:
        NotAllowed: the role lacks both `replies.edit` and `replies.edit_own`.
    """
    require_some_edit(actor)
    kept = await pictures.keep(tx, uploader_id=actor.agent_id, prepared=prepared)
    return ReplyPicture(id=kept.id, width=kept.width, height=kept.height)
