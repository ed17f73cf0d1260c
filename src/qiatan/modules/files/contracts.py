"""What goes in and out."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict


class File(BaseModel):
    """A picture as it was kept. `size` is in bytes, of what was kept."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    content_type: str
    size: int
    width: int
    height: int


class Blob(BaseModel):
    """A file's content, to be handed out."""

    model_config = ConfigDict(frozen=True)

    content: bytes
    content_type: str
    name: str
