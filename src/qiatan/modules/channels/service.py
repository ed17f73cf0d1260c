"""Use cases on channels."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_cursor, encode_cursor
from qiatan.kit.errors import InvalidInput, NotFound, VersionConflict
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.contracts import ActorKind, Locale
from qiatan.modules.channels import permissions, repository, rules
from qiatan.modules.channels.contracts import (
    Channel,
    ChannelBrief,
    ChannelChange,
    ChannelKind,
    NewChannel,
    WebSettings,
    WidgetConfig,
)
from qiatan.modules.channels.errors import TooManyChannels
from qiatan.modules.channels.events import ChannelChanged
from qiatan.modules.channels.models import ChannelRow
from qiatan.modules.channels.repository import ChannelDirectory, ChannelRepository

MAX_CHANNELS = 100
KEY_BYTES = 18


async def get(tx: Tx, channel_id: UUID) -> Channel:
    """One channel, on or off.

    Raises:
        NotFound: no such channel in this enterprise.
    """
    return _contract(await _load(tx, channel_id))


async def every(tx: Tx) -> list[Channel]:
    """All channels, on or off, oldest first: at most a hundred."""
    return [_contract(row) for row in await ChannelRepository(tx, tx.enterprise_id).page(None, MAX_CHANNELS)]


async def briefs(tx: Tx, channel_ids: Iterable[UUID]) -> dict[UUID, ChannelBrief]:
    """Names of many channels in one query; ids that are not this enterprise's are missing from the answer."""
    rows = await ChannelRepository(tx, tx.enterprise_id).names(channel_ids)
    return {row.id: ChannelBrief(id=row.id, kind=ChannelKind(row.kind), name=row.name) for row in rows}


async def find_by_key(tx: Tx, key: str) -> Channel:
    """The channel behind a public key, in whatever enterprise. Needs a system transaction.

    Raises:
        NotFound: there is none, or it is switched off.
    """
    row = await ChannelDirectory(tx).enabled_by_key(key) if rules.looks_like_key(key) else None
    if row is None:
        raise NotFound
    return _contract(row)


def enabled_channel(enterprise_id: InstrumentedAttribute[UUID], channel_id: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    """SQL that is true where the columns name a channel that is switched on; for queries of the modules above."""
    return repository.enabled_channel(enterprise_id, channel_id)


async def see(tx: Tx, actor: AgentActor, *, channel_id: UUID) -> Channel:
    """One channel, for the settings page. Errors: `NotAllowed` without `channels.view`, `NotFound`."""
    require(actor, permissions.VIEW)
    return _contract(await _load(tx, channel_id))


async def list_page(tx: Tx, actor: AgentActor, *, after: str | None, limit: int) -> Page[Channel]:
    """The channels, oldest first. Errors: `NotAllowed` without `channels.view`, `InvalidInput` for a foreign cursor."""
    require(actor, permissions.VIEW)
    size = min(limit, MAX_PAGE)
    rows = await ChannelRepository(tx, tx.enterprise_id).page(_after(after), size + 1)
    more = encode_cursor(str(rows[size - 1].id)) if len(rows) > size else None
    return Page(items=[_contract(row) for row in rows[:size]], next=more)


async def create(tx: Tx, actor: AgentActor, new: NewChannel) -> Channel:
    """A new web channel, switched on, with the usual looks, and the usual words in the language of who makes it.

    Raises:
        NotAllowed: the role lacks `channels.edit`.
        TooManyChannels: the enterprise has 100.
    """
    require(actor, permissions.EDIT)
    channels = ChannelRepository(tx, tx.enterprise_id)
    # Counted by one at a time: two at once would both see the ninety-ninth.
    await channels.claim()
    if await channels.count() >= MAX_CHANNELS:
        raise TooManyChannels
    row = await channels.add(**_fresh(tx, new.name, await accounts.locale_of(tx, actor)))
    if row is None:
        raise RuntimeError("a plain channel cannot collide with the first one")
    accounts.record(tx, accounts.Who.of(actor), "channel.created", accounts.What("channel", row.id, row.name))
    return _announce(tx, row)


async def without_first(tx: Tx) -> list[UUID]:
    """Enterprises that lack the channel every one starts with. Needs a system transaction."""
    having = await repository.having_first(tx)
    return [enterprise_id for enterprise_id in await accounts.enterprise_ids(tx) if enterprise_id not in having]


async def create_default(tx: Tx) -> Channel:
    """The channel every enterprise starts with, in the enterprise's language. Asking again, even at the same moment, gives the same one."""
    channels = ChannelRepository(tx, tx.enterprise_id)
    locale = await accounts.locale_of(tx)
    row = await channels.add(**_fresh(tx, rules.FIRST_NAMES[locale], locale), is_first=True)
    if row is not None:
        accounts.record(tx, accounts.Who(ActorKind.SYSTEM), "channel.created", accounts.What("channel", row.id, row.name))
        return _announce(tx, row)
    existing = await channels.first()
    if existing is None:
        raise RuntimeError("the first channel vanished between two statements")
    return _contract(existing)


async def change(tx: Tx, actor: AgentActor, *, channel_id: UUID, change: ChannelChange) -> Channel:
    """Change name, switch or settings; settings that are left out stay as they are.

    Raises:
        NotAllowed: the role lacks `channels.edit`.
        NotFound: no such channel in this enterprise.
        VersionConflict: somebody changed it meanwhile.
    """
    require(actor, permissions.EDIT)
    row = await _load(tx, channel_id)
    if row.version != change.version:
        raise VersionConflict
    before = _told(row)
    values: dict[str, Any] = {}
    if change.name is not None:
        values["name"] = change.name
    if change.enabled is not None:
        values["enabled"] = change.enabled
    if change.settings is not None:
        given = change.settings.model_dump(mode="json", exclude_unset=True)
        values["settings"] = {**_settings(row).model_dump(mode="json"), **given}
    changed = await ChannelRepository(tx, tx.enterprise_id).change(channel_id, change.version, values)
    if changed is None:
        raise VersionConflict
    details = accounts.differences(before, _told(changed))
    if details:
        accounts.record(tx, accounts.Who.of(actor), "channel.changed", accounts.What("channel", channel_id, changed.name), **details)
    return _announce(tx, changed)


def widget_config(channel: Channel) -> WidgetConfig:
    """What the widget may know: looks and own texts, not the list of sites."""
    return WidgetConfig(key=channel.key, name=channel.name, settings=rules.shown_settings(channel.settings))


def snippet(channel: Channel, public_url: str) -> str:
    """The line to paste into the enterprise's site."""
    return rules.snippet(public_url, channel.key)


def chat_link(channel: Channel, public_url: str) -> str:
    """The address that opens the panel without a site around it."""
    return rules.chat_link(public_url, channel.key)


async def _load(tx: Tx, channel_id: UUID) -> ChannelRow:
    row = await ChannelRepository(tx, tx.enterprise_id).get(channel_id)
    if row is None:
        raise NotFound
    return row


def _after(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(str(decode_cursor(cursor, 1)[0]))
    except ValueError:
        raise InvalidInput.of("after", "invalid", "This cursor is not ours. Start from the first page.") from None


def _fresh(tx: Tx, name: str, locale: Locale) -> dict[str, Any]:
    return {
        "id": new_id(),
        "kind": ChannelKind.WEB,
        "key": secrets.token_urlsafe(KEY_BYTES),
        "name": name,
        "enabled": True,
        "settings": rules.fresh_settings(locale).model_dump(mode="json"),
        "version": 1,
        "created_at": tx.now,
    }


def _announce(tx: Tx, row: ChannelRow) -> Channel:
    tx.emit(ChannelChanged(enterprise_id=tx.enterprise_id, channel_id=row.id, enabled=row.enabled, version=row.version))
    return _contract(row)


def _told(row: ChannelRow) -> dict[str, Any]:
    """What the audit log tells of a channel."""
    return {"name": row.name, "enabled": row.enabled, **_settings(row).model_dump(mode="json")}


def _settings(row: ChannelRow) -> WebSettings:
    """Settings as stored, with defaults for those that came later; what a later version knew and this one does not is left out."""
    return WebSettings(**{name: value for name, value in row.settings.items() if name in WebSettings.model_fields})


def _contract(row: ChannelRow) -> Channel:
    return Channel(
        enterprise_id=row.enterprise_id,
        id=row.id,
        kind=ChannelKind(row.kind),
        key=row.key,
        name=row.name,
        enabled=row.enabled,
        settings=_settings(row),
        version=row.version,
        created_at=row.created_at,
    )
