"""What goes in and out."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import clean_name, storable

NAME_LENGTH = 60
MAX_SITES = 50

# scheme://host[:port] exactly as browsers write an origin: no path, no wildcard, no credentials.
_ORIGIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*|\[[0-9a-f:]{2,39}\])(?::[0-9]{1,5})?"
)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class ChannelKind(StrEnum):
    WEB = "web"


class LauncherPosition(StrEnum):
    RIGHT = "right"
    LEFT = "left"


class LauncherShape(StrEnum):
    ROUND = "round"
    PILL = "pill"


class WidgetLanguage(StrEnum):
    AUTO = "auto"
    ZH_CN = "zh-CN"
    EN = "en"


class MobileLayout(StrEnum):
    SHEET = "sheet"
    FULL = "full"


def _line(text: str) -> str:
    if not text.strip():
        return ""
    try:
        return clean_name(text, field="text", limit=len(text))
    except InvalidInput as error:
        raise ValueError(error.fields[0].message) from None


def _required_line(text: str) -> str:
    line = _line(text)
    if not line:
        raise ValueError("Write something.")
    return line


def _paragraphs(text: str) -> str:
    if not storable(text):
        raise ValueError("Remove the characters that are not text (NUL, broken pairs).")
    lines = [_line(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(lines).strip()


def _site(text: object) -> object:
    if not isinstance(text, str):
        return text
    origin = text.strip().lower().removesuffix("/")
    scheme = origin.partition("://")[0]
    return origin.removesuffix(_DEFAULT_PORTS.get(scheme, "/"))


def _checked_site(origin: str) -> str:
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("Write the site as https://www.example.com: scheme and host (and port), no path, no *.")
    return origin


def _distinct(sites: list[str]) -> list[str]:
    return list(dict.fromkeys(sites))


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


Color = Annotated[str, BeforeValidator(_lower), Field(pattern=r"^#[0-9a-f]{6}$")]
Site = Annotated[str, BeforeValidator(_site), Field(max_length=280), AfterValidator(_checked_site)]


class WidgetLook(BaseModel):
    """How the widget looks.

    `visitor_files`: visitors at a computer may send files of any kind (F14); pictures they may always send.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    color: Color = "#3357cc"
    position: LauncherPosition = LauncherPosition.RIGHT
    offset_x: Annotated[int, Field(ge=0, le=200, strict=True)] = 20
    offset_y: Annotated[int, Field(ge=0, le=200, strict=True)] = 20
    launcher: LauncherShape = LauncherShape.ROUND
    language: WidgetLanguage = WidgetLanguage.AUTO
    mobile: MobileLayout = MobileLayout.SHEET
    visitor_files: Annotated[bool, Field(strict=True)] = True


class WidgetSettings(WidgetLook):
    """How the widget looks and what it says, to any page.

    A text that is null was left as it came: the widget has it in the visitor's language. An empty one is left out, or replaced in the same way
    where something must stand.
    """

    title: str | None
    greeting: str | None
    offline_text: str | None
    launcher_text: str | None


class WebSettings(WidgetLook):
    """All settings of a web channel. Texts are shown as text; an empty greeting or launcher text is left out.

    `allowed_sites` are the exact origins whose pages may show the widget; none means any.
    """

    title: Annotated[str, Field(max_length=40), AfterValidator(_required_line)] = "在线客服"
    greeting: Annotated[str, Field(max_length=500), AfterValidator(_paragraphs)] = "您好，请问有什么可以帮您？"
    offline_text: Annotated[str, Field(max_length=500), AfterValidator(_paragraphs)] = "现在没有客服在线。请留言，我们上线后会尽快回复您。"
    launcher_text: Annotated[str, Field(max_length=20), AfterValidator(_line)] = "在线客服"
    allowed_sites: Annotated[list[Site], Field(max_length=MAX_SITES), AfterValidator(_distinct)] = []


class ChannelBrief(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: UUID
    kind: ChannelKind
    name: str


class Channel(BaseModel):
    """A channel as the program knows it; `ChannelView` is what pages get."""

    model_config = ConfigDict(frozen=True)

    enterprise_id: UUID
    id: UUID
    kind: ChannelKind
    key: str
    name: str
    enabled: bool
    settings: WebSettings
    version: int
    created_at: datetime


class ChannelView(BaseModel):
    """A channel for the settings page. `snippet` is what the enterprise pastes into its site.

    `chat_link` opens the panel as a page of its own; `chat_code` is a picture of it to scan, as a data address.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    key: str
    kind: ChannelKind
    name: str
    enabled: bool
    settings: WebSettings
    snippet: str
    chat_link: str
    chat_code: str
    version: int
    created_at: datetime


class NewChannel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(max_length=NAME_LENGTH), AfterValidator(_required_line)]


class ChannelChange(BaseModel):
    """What to change: fields that are left out stay, inside `settings` too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(max_length=NAME_LENGTH), AfterValidator(_required_line)] | None = None
    enabled: Annotated[bool, Field(strict=True)] | None = None
    settings: WebSettings | None = None
    version: Annotated[int, Field(ge=1, le=2_000_000_000, strict=True)]


class WidgetConfig(BaseModel):
    """What any page may know of a channel."""

    model_config = ConfigDict(frozen=True)

    key: str
    name: str
    settings: WidgetSettings
