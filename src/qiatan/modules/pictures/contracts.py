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
