"""What goes in and out."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict


class KeptPicture(BaseModel):
    """A picture as it was kept; width and height in pixels."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    width: int
    height: int


class PictureContent(BaseModel):
    """A picture's content, to be handed out."""

    model_config = ConfigDict(frozen=True)

    content: bytes
    content_type: str


class StoredPicture(BaseModel):
    """Where a picture's content lies, and as what."""

    model_config = ConfigDict(frozen=True)

    blob: str
    content_type: str
