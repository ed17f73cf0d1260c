"""Subscribing a browser, and calling it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from qiatan.infra.db import Tx
from qiatan.infra.http_out import HttpOut, OutboundError
from qiatan.infra.resources import Resources
from qiatan.infra.web_push import Outcome, Subscription, WebPush, are_keys
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import InvalidInput, NotSignedIn
from qiatan.kit.text import shorten, storable
from qiatan.modules.accounts import service as accounts
from qiatan.modules.customers import service as customers
from qiatan.modules.push import jobs
from qiatan.modules.push.contracts import Notice, PushState, SavePush
from qiatan.modules.push.repository import SubscriptionRepository

log = structlog.get_logger(__name__)

TEXT_LENGTH = 160
NEWS_FOR = timedelta(minutes=15)
"""After that a call is no news any more: it is not tried again, and a push service need not keep it."""
_PURPOSE = "push.payload"


def pusher(resources: Resources) -> WebPush:
    """What pushes for this installation."""
    contact = resources.settings.public_url
    if resources.settings.mail_from is not None:
        contact = f"mailto:{resources.settings.mail_from.address}"
    return WebPush(resources.http, resources.sealer, contact)


async def state(tx: Tx, actor: AgentActor, push: WebPush) -> PushState:
    """Whether the browser of this session is called, and what it subscribes with."""
    row = await SubscriptionRepository(tx, actor.enterprise_id).get(actor.session_id)
    return PushState(public_key=push.public_key, endpoint=row.endpoint if row is not None else None)


async def check_endpoint(endpoint: str, http: HttpOut) -> None:
    """Look at where a browser wants to be called, before any transaction: its name is resolved.

    Raises:
        InvalidInput: it is no https address, or it may not be called from here (security.md D22).
    """
    again = "Switch notifications off and on again in this browser; if that does not help, it uses a push service that cannot be used here."
    try:
        parts = urlsplit(endpoint)
        # An own push service inside the network may be meant: whoever runs the installation says so.
        secure = parts.scheme == "https" or (parts.scheme == "http" and http.allows(parts.hostname or ""))
    except ValueError:
        secure = False
    if not secure or not storable(endpoint):
        raise InvalidInput.of("endpoint", "invalid", f"A push service has an https address. {again}")
    try:
        await http.check(endpoint)
    except OutboundError:
        raise InvalidInput.of("endpoint", "invalid", f"This push service cannot be called. {again}") from None


async def subscribe(tx: Tx, actor: AgentActor, command: SavePush, push: WebPush) -> PushState:
    """Call the browser of this session from now on, as long as the session lives. `endpoint` was looked at (`check_endpoint`).

    Raises:
        InvalidInput: the keys are none of a browser.
        NotSignedIn: the session has ended meanwhile.
    """
    if not are_keys(command.keys.p256dh, command.keys.auth):
        raise InvalidInput.of("keys", "invalid", "These are not the keys of a browser's subscription: subscribe anew.")
    if not await accounts.sessions_not_ended(tx, [actor.session_id]):
        raise NotSignedIn
    await SubscriptionRepository(tx, actor.enterprise_id).save(
        actor.session_id,
        agent_id=actor.agent_id,
        endpoint=command.endpoint,
        p256dh=command.keys.p256dh,
        auth=command.keys.auth,
        created_at=tx.now,
    )
    return await state(tx, actor, push)


async def unsubscribe(tx: Tx, actor: AgentActor) -> None:
    """Call the browser of this session no longer. It is no error when it was not called."""
    await SubscriptionRepository(tx, actor.enterprise_id).delete(actor.session_id)


async def call(tx: Tx, resources: Resources, notices: Sequence[Notice]) -> None:
    """Leave a job for each browser that is to be called now: none in quiet hours, none whose session has ended.

    The job holds what is pushed in sealed form, as the arguments of jobs that fail are logged.
    """
    repository = SubscriptionRepository(tx, tx.enterprise_id)
    subscribed = await repository.of_agents({notice.agent_id for notice in notices})
    living = await accounts.sessions_not_ended(tx, [session_id for _, session_id in subscribed]) if subscribed else frozenset()
    browsers = [(agent_id, session_id) for agent_id, session_id in subscribed if session_id in living]
    if not browsers:
        return
    preferences = await accounts.preferences_of(tx, tx.enterprise_id, {agent_id for agent_id, _ in browsers})
    local = tx.now.astimezone(ZoneInfo((await accounts.get_enterprise(tx)).timezone))
    locales = {agent_id: (await accounts.get_agent(tx, agent_id)).locale for agent_id in preferences}
    names = await _names(tx, [notice.customer_id for notice in notices if notice.name is None and notice.customer_id is not None])
    for notice in notices:
        wishes = preferences.get(notice.agent_id)
        if wishes is None or accounts.is_quiet(wishes.quiet_hours, local):
            continue
        payload = _payload(notice, names, locale=locales[notice.agent_id], with_text=wishes.push_preview)
        sealed = base64.b64encode(resources.sealer.seal(payload, purpose=_PURPOSE)).decode()
        for agent_id, session_id in browsers:
            if agent_id == notice.agent_id:
                await tx.defer(
                    jobs.deliver,
                    enterprise_id=str(tx.enterprise_id),
                    session_id=str(session_id),
                    topic=_topic(notice.conversation_id),
                    sealed=sealed,
                    at=notice.at.isoformat(),
                )


async def _names(tx: Tx, customer_ids: Collection[UUID]) -> dict[UUID, str]:
    return {customer_id: brief.name for customer_id, brief in (await customers.briefs(tx, customer_ids)).items()} if customer_ids else {}


def _payload(notice: Notice, names: dict[UUID, str], *, locale: str, with_text: bool) -> bytes:
    name = notice.name if notice.name is not None else names.get(notice.customer_id, "") if notice.customer_id is not None else ""
    told = {
        "locale": locale,
        "kind": notice.kind,
        "conversation_id": str(notice.conversation_id),
        "name": name,
        "text": shorten(notice.text, TEXT_LENGTH) if with_text else "",
    }
    return json.dumps(told, ensure_ascii=False).encode()


def _topic(conversation_id: UUID) -> str:
    """One word of at most 32 characters for a conversation, which tells the push service nothing."""
    return hashlib.sha256(b"push|" + conversation_id.bytes).hexdigest()[:32]


@jobs.deliver.kept_by
async def _deliver(resources: Resources, *, enterprise_id: str, session_id: str, topic: str, sealed: str, at: str) -> None:
    """Call one browser. One that takes nothing any more is forgotten; old news is dropped."""
    now = resources.clock.now()
    if now - datetime.fromisoformat(at) > NEWS_FOR:
        log.info("push.too_late", session_id=session_id)
        return
    async with resources.database.tenant(UUID(enterprise_id)) as tx:
        row = await SubscriptionRepository(tx, tx.enterprise_id).get(UUID(session_id))
        if row is None or not await accounts.sessions_not_ended(tx, [row.session_id]):
            return
        to = Subscription(row.endpoint, row.p256dh, row.auth)
    payload = resources.sealer.open(base64.b64decode(sealed), purpose=_PURPOSE)
    outcome = await pusher(resources).send(to, payload, topic=topic, ttl=NEWS_FOR, now=now)
    if outcome is Outcome.GONE:
        async with resources.database.tenant(UUID(enterprise_id)) as tx:
            await SubscriptionRepository(tx, tx.enterprise_id).delete(UUID(session_id), endpoint=to.endpoint)
    elif outcome is Outcome.LATER:
        raise PushServiceAway


class PushServiceAway(Exception):
    """A push service did not take a call; the job is tried again."""
