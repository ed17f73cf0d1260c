"""What goes in and out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from qiatan.modules.channels.contracts import WidgetConfig

# Longer is refused; what is kept is shorter still (see rules), because a page's address may be anything and must not stop a chat.
_GIVEN = Field(max_length=8_000)


class Device(StrEnum):
    DESKTOP = "desktop"
    PHONE = "phone"
    TABLET = "tablet"
    BOT = "bot"


class SessionRequest(BaseModel):
    """What the panel tells of the page it stands on. Kept where it makes sense, left out where not; none of it is believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page_url: Annotated[str, _GIVEN] | None = None
    page_title: Annotated[str, _GIVEN] | None = None
    referrer: Annotated[str, _GIVEN] | None = None
    language: Annotated[str, _GIVEN] | None = None
    timezone: Annotated[str, _GIVEN] | None = None
    screen: Annotated[str, _GIVEN] | None = None


class PageRequest(BaseModel):
    """The visitor went to another page of the same site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page_url: Annotated[str, _GIVEN]
    page_title: Annotated[str, _GIVEN] | None = None


class Session(BaseModel):
    """A visitor's identity: `token` is told once and kept by the visitor only."""

    model_config = ConfigDict(frozen=True)

    token: str
    expires_at: datetime
    customer_id: UUID


class WidgetSession(BaseModel):
    """What the panel works with. `files`: this visitor may send files of any kind, from this device (F14)."""

    model_config = ConfigDict(frozen=True)

    token: str
    expires_at: datetime
    customer_id: UUID
    config: WidgetConfig
    typing_preview: bool
    files: bool


class Visit(BaseModel):
    """A stay on the site, as agents see it.

    `region` is a code like `CN/广东省/深圳市`, as far as the address tells. `search_engine` and `search_keyword`: as far as the referrer does.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    customer_id: UUID
    channel_id: UUID
    page_url: str | None
    page_title: str | None
    landing_url: str | None
    referrer: str | None
    browser: str | None
    os: str | None
    device: Device | None
    language: str | None
    timezone: str | None
    screen: str | None
    address: str | None
    region: str | None
    search_engine: str | None
    search_keyword: str | None
    started_at: datetime
    last_seen_at: datetime


class VisitPage(BaseModel):
    """A page that was looked at during a stay, and since when."""

    model_config = ConfigDict(frozen=True)

    url: str
    title: str | None
    at: datetime
