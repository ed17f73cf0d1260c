"""Use cases on visitors."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.infra.throttle import Rate, Throttle
from qiatan.kit.access import VisitorActor
from qiatan.kit.addresses import UNKNOWN, address_group, kept_address
from qiatan.kit.errors import NotAllowed, NotFound
from qiatan.modules.channels import service as channels
from qiatan.modules.channels.contracts import Channel
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.errors import Blocked
from qiatan.modules.files import service as files
from qiatan.modules.files.contracts import NewUpload, Upload
from qiatan.modules.visitors import rules
from qiatan.modules.visitors.contracts import Device, PageRequest, Session, SessionRequest, Visit, VisitPage
from qiatan.modules.visitors.events import VisitChanged
from qiatan.modules.visitors.models import TokenRow, VisitRow
from qiatan.modules.visitors.repository import TokenDirectory, TokenRepository, VisitRepository

# By address, behind which may be an office, or the customers of a mobile network; what an enterprise may have in all is counted apart.
NEW_IDENTITIES = Rate(burst=600, per_minute=300)


async def resolve_token(tx: Tx, token: str, *, address: str = "") -> VisitorActor | None:
    """Who speaks with this token from this address, in one query. Needs a system transaction.

    None for anything that is not a living token of a channel that is switched on.

    Raises:
        Blocked: the customer is on the blacklist, or comes from the address of somebody on it where that counts (F17).
    """
    if not rules.looks_like_token(token):
        return None
    found = await TokenDirectory(tx).living(_hash(token), tx.now, _group(address))
    if found is None:
        return None
    row, shut_out = found
    if shut_out:
        raise Blocked
    return VisitorActor(enterprise_id=row.enterprise_id, customer_id=row.customer_id, channel_id=row.channel_id, token_id=row.id)


async def living_tokens(tx: Tx, tokens: Collection[tuple[UUID, UUID]]) -> set[UUID]:
    """Which of these (enterprise, token) still live, for sockets that were opened with them (system transactions)."""
    return await TokenDirectory(tx).still_living(tokens, tx.now) if tokens else set()


@dataclass(frozen=True, slots=True)
class OpenGuest:
    """A visitor whose socket is open, and from where."""

    enterprise_id: UUID
    token_id: UUID
    address: str


async def shut_out_guests(tx: Tx, guests: Collection[OpenGuest]) -> set[OpenGuest]:
    """Which of these may not be let in any more, by the blacklist (system transactions)."""
    if not guests:
        return set()
    tokens = await TokenDirectory(tx).shut_out({(guest.enterprise_id, guest.token_id) for guest in guests}, tx.now)
    places = {(guest.enterprise_id, group) for guest in guests if (group := _group(guest.address)) is not None}
    closed = await customers.closed_addresses(tx, places)
    return {guest for guest in guests if guest.token_id in tokens or (guest.enterprise_id, _group(guest.address)) in closed}


async def address_group_of(tx: Tx, *, customer_id: UUID) -> str | None:
    """From where the customer came last: an IPv4 address, or the /64 of an IPv6 one. None when that is not known."""
    row = await VisitRepository(tx, tx.enterprise_id).latest(customer_id)
    return None if row is None or row.address is None else _group(row.address)


async def newest_pages(tx: Tx, limit: int) -> list[str]:
    """On which pages the visits began or are now, those that began last first. It is the browsers' word."""
    return await VisitRepository(tx, tx.enterprise_id).newest_pages(limit)


async def open_session(
    tx: Tx,
    channel: Channel,
    about: SessionRequest,
    *,
    token: str | None,
    address: str,
    user_agent: str | None,
    throttle: Throttle,
    region: str = "",
    may_come: Callable[[], None] | None = None,
) -> Session:
    """Greet a visitor: with a living token of this channel the same customer as before, else a new one.

    The token comes back renewed, or replaced when it is older than a day. A visit is begun, or goes on if the last one was seen
    less than half an hour ago.

    Raises:
        TooMany: this address made too many new identities lately; or what `may_come` raises, which is asked before one is made.
        Blocked: as `resolve_token`; no new identity is given instead.
    """
    row = await _living(tx, channel.id, token)
    await customers.require_welcome(tx, customer_id=row.customer_id if row is not None else None, address_group=_group(address))
    if row is None or token is None:
        throttle.check(f"visitors.new:{address_group(address)}", NEW_IDENTITIES)
        if may_come is not None:
            may_come()
        customer = await customers.create(tx)
        session = _issue(tx, channel.id, customer.id)
    else:
        session = await _continue(tx, row, token)
        await customers.seen(tx, row.customer_id)
    await _visit(tx, channel.id, session.customer_id, about, _browser(about, address, user_agent) | {"region": region or None})
    return session


async def show_page(tx: Tx, actor: VisitorActor, page: PageRequest, *, address: str, region: str = "") -> None:
    """The visitor is on another page now, and here, from this address.

    Raises:
        NotFound: no visit was ever begun for this customer.
    """
    latest = await VisitRepository(tx, tx.enterprise_id).latest(actor.customer_id)
    if latest is None:
        raise NotFound
    await customers.seen(tx, actor.customer_id)
    url, title = rules.kept_url(page.page_url), rules.kept_title(page.page_title)
    place = {"address": kept_address(address), "region": region or None}
    if latest.channel_id == actor.channel_id and rules.goes_on(latest.last_seen_at, tx.now):
        _move(tx, latest, url, title)
        latest.address, latest.region = place["address"], place["region"]
        await tx.session.flush()
        _announce(tx, latest)
        return
    browser = {name: getattr(latest, name) for name in _BROWSER_FIELDS} | place
    await _begin(tx, actor.channel_id, actor.customer_id, page_url=url, page_title=title, landing_url=url, **browser)


async def latest_visit(tx: Tx, *, customer_id: UUID) -> Visit | None:
    """The customer's current or last stay on the site. Who may see it is checked by the caller."""
    row = await VisitRepository(tx, tx.enterprise_id).latest(customer_id)
    return None if row is None else _contract(row)


async def latest_track(tx: Tx, *, customer_id: UUID) -> list[VisitPage]:
    """The pages of the customer's current or last stay, newest first, at most thirty. Who may see it is checked by the caller."""
    return (await VisitRepository(tx, tx.enterprise_id).track(customer_id))[::-1]


async def on_computer(tx: Tx, customer_id: UUID) -> bool:
    """Whether the customer sits at a computer now, by what their browser says of itself."""
    latest = await VisitRepository(tx, tx.enterprise_id).latest(customer_id)
    return latest is not None and latest.device == Device.DESKTOP


async def start_upload(tx: Tx, actor: VisitorActor, body: NewUpload, *, enterprise_bytes: int) -> Upload:
    """Begin to send a file up, from a computer only (F14), whatever the panel shows.

    Raises:
        NotAllowed: another device, or the channel takes no files.
        TooLarge, InvalidInput, QuotaReached: as `files.start_upload`.
    """
    channel = await channels.get(tx, actor.channel_id)
    if not channel.settings.visitor_files or not await on_computer(tx, actor.customer_id):
        raise NotAllowed("Files can be sent from a computer only, and where the enterprise allows it. Send a picture instead.")
    return await files.start_upload(tx, actor, body, enterprise_bytes=enterprise_bytes)


_BROWSER_FIELDS = ("user_agent", "browser", "os", "device", "language", "timezone", "screen")


def _group(address: str) -> str | None:
    group = address_group(address)
    return None if group == UNKNOWN else group


def _hash(token: str) -> bytes:
    # The token holds 256 random bits, so a plain hash cannot be searched; a slow one would only slow us.
    return hashlib.sha256(token.encode()).digest()


async def _living(tx: Tx, channel_id: UUID, token: str | None) -> TokenRow | None:
    if token is None or not rules.looks_like_token(token):
        return None
    return await TokenRepository(tx, tx.enterprise_id).living(_hash(token), channel_id, tx.now)


def _issue(tx: Tx, channel_id: UUID, customer_id: UUID) -> Session:
    token = rules.TOKEN_PREFIX + secrets.token_urlsafe(32)
    expires_at = tx.now + rules.TOKEN_IDLE
    TokenRepository(tx, tx.enterprise_id).add(
        id=new_id(),
        channel_id=channel_id,
        customer_id=customer_id,
        token_hash=_hash(token),
        created_at=tx.now,
        expires_at=expires_at,
    )
    return Session(token=token, expires_at=expires_at, customer_id=customer_id)


async def _continue(tx: Tx, row: TokenRow, token: str) -> Session:
    tokens = TokenRepository(tx, tx.enterprise_id)
    if rules.must_rotate(row.created_at, row.replaced_at, tx.now):
        await tokens.replace(row.id, tx.now, tx.now + rules.TOKEN_GRACE)
        return _issue(tx, row.channel_id, row.customer_id)
    expires_at = row.expires_at
    if rules.must_renew(expires_at, tx.now):
        expires_at = tx.now + rules.TOKEN_IDLE
        await tokens.renew(row.id, expires_at)
    return Session(token=token, expires_at=expires_at, customer_id=row.customer_id)


async def _visit(tx: Tx, channel_id: UUID, customer_id: UUID, about: SessionRequest, browser: dict[str, str | None]) -> None:
    url, title = rules.kept_url(about.page_url), rules.kept_title(about.page_title)
    latest = await VisitRepository(tx, tx.enterprise_id).latest(customer_id)
    if latest is None or latest.channel_id != channel_id or not rules.goes_on(latest.last_seen_at, tx.now):
        referrer = rules.kept_url(about.referrer)
        await _begin(tx, channel_id, customer_id, page_url=url, page_title=title, landing_url=url, referrer=referrer, **browser)
        return
    _move(tx, latest, url, title)
    for name, value in browser.items():
        setattr(latest, name, value)
    await tx.session.flush()
    _announce(tx, latest)


def _browser(about: SessionRequest, address: str, user_agent: str | None) -> dict[str, str | None]:
    agent = rules.kept_user_agent(user_agent)
    return {
        "user_agent": agent,
        "browser": rules.browser_of(agent),
        "os": rules.system_of(agent),
        "device": rules.device_of(agent),
        "language": rules.kept_language(about.language),
        "timezone": rules.kept_timezone(about.timezone),
        "screen": rules.kept_screen(about.screen),
        "address": kept_address(address),
    }


async def _begin(tx: Tx, channel_id: UUID, customer_id: UUID, **values: str | None) -> None:
    url, title = values["page_url"], values["page_title"]
    track = [] if url is None else [VisitPage(url=url, title=title, at=tx.now).model_dump(mode="json")]
    row = await VisitRepository(tx, tx.enterprise_id).add(
        id=new_id(), customer_id=customer_id, channel_id=channel_id, started_at=tx.now, last_seen_at=tx.now, track=track, **values
    )
    _announce(tx, row)


def _move(tx: Tx, row: VisitRow, url: str | None, title: str | None) -> None:
    """The visit is on this page now. A page told again, as after a reload, is no further one."""
    visits = VisitRepository(tx, tx.enterprise_id)
    if url is not None and url != row.page_url:
        visits.add_page(row, VisitPage(url=url, title=title, at=tx.now), rules.MOST_PAGES)
    elif url is not None and title != row.page_title:
        visits.name_last_page(row, title)
    row.page_url, row.page_title, row.last_seen_at = url, title, tx.now


def _announce(tx: Tx, row: VisitRow) -> None:
    tx.emit(VisitChanged(enterprise_id=tx.enterprise_id, visit=_contract(row)))


async def latest_visits(tx: Tx, customer_ids: Collection[UUID]) -> dict[UUID, Visit]:
    """The same of many customers in one query, by customer."""
    rows = await VisitRepository(tx, tx.enterprise_id).latest_of(customer_ids) if customer_ids else []
    return {row.customer_id: _contract(row) for row in rows}


def search_of(referrer: str | None) -> tuple[str | None, str | None]:
    """The search engine and the words searched for that a referrer tells of."""
    return rules.search_of(referrer)


def _contract(row: VisitRow) -> Visit:
    engine, keyword = rules.search_of(row.referrer)
    return Visit(
        id=row.id,
        customer_id=row.customer_id,
        channel_id=row.channel_id,
        page_url=row.page_url,
        page_title=row.page_title,
        landing_url=row.landing_url,
        referrer=row.referrer,
        browser=row.browser,
        os=row.os,
        device=Device(row.device) if row.device else None,
        language=row.language,
        timezone=row.timezone,
        screen=row.screen,
        address=row.address,
        region=row.region,
        search_engine=engine,
        search_keyword=keyword,
        started_at=row.started_at,
        last_seen_at=row.last_seen_at,
    )
