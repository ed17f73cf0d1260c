"""Finding a conversation by its customer's name or by what was said."""

from __future__ import annotations

from datetime import timedelta

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_time_cursor, encode_time_cursor
from qiatan.modules.conversations.contracts import ConversationHit, MessageHit, SenderKind
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.conversations.repository import ConversationRepository, SearchRepository
from qiatan.modules.conversations.repository.searching import Candidate, Hit
from qiatan.modules.conversations.rules import like_pattern, search_words, snippet
from qiatan.modules.conversations.service.finding import sight_of
from qiatan.modules.conversations.service.present import present
from qiatan.modules.customers import service as customers

SEARCHED = timedelta(days=180)
STEPS = (200, 800, 3_000, 6_000)
"""How many conversations are looked through at a time: frequent words are found in the first ones."""
HITS_SHOWN = 3


async def search(tx: Tx, actor: AgentActor, *, words: str, after: str | None, limit: int) -> Page[ConversationHit]:
    """Own conversations (served, joined) and colleagues' in scope, begun within 180 days or open, newest first, that contain
    the words.

    At most ten thousand are looked through at a time: `next` may be there with few items or none, and goes on behind them.

    Raises:
        InvalidInput: `q`, or a foreign cursor.
        SearchTooSlow
    """
    require(actor, SERVE)
    wanted, limit = search_words(words), min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after else None
    sight = await sight_of(tx, actor)
    repository = SearchRepository(tx, actor.enterprise_id)
    repository.begin()
    found: list[tuple[Candidate, list[Hit]]] = []
    following = None
    for step in STEPS:
        looked = await repository.candidates(sight, since=tx.now - SEARCHED, after=key, limit=step)
        names = await customers.briefs(tx, {candidate.customer_id for candidate in looked})
        hits = await repository.hits([candidate.id for candidate in looked], like_pattern(wanted), most=HITS_SHOWN)
        found += [
            (candidate, hits.get(candidate.id, []))
            for candidate in looked
            if candidate.id in hits or wanted.lower() in names[candidate.customer_id].name.lower()
        ]
        last = found[limit - 1][0] if len(found) >= limit else looked[-1] if len(looked) == step else None
        key = (last.created_at, last.id) if last is not None else None
        following = encode_time_cursor(*key) if key is not None else None
        if len(found) >= limit or key is None:
            break
    await repository.done()
    return Page(items=await _items(tx, found[:limit], wanted), next=following)


async def _items(tx: Tx, found: list[tuple[Candidate, list[Hit]]], words: str) -> list[ConversationHit]:
    rows = await ConversationRepository(tx, tx.enterprise_id).get_many([candidate.id for candidate, _ in found])
    shown = await present(tx, [rows[candidate.id] for candidate, _ in found])
    return [
        ConversationHit(
            conversation=conversation,
            hits=[
                MessageHit(seq=hit.seq, sender_kind=SenderKind(hit.sender_kind), snippet=snippet(hit.body, words), at=hit.at)
                for hit in hits
            ],
        )
        for conversation, (_, hits) in zip(shown, found, strict=True)
    ]
