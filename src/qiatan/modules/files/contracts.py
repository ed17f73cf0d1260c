"""What goes in and out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class FileKind(StrEnum):
    """A picture is encoded anew and shown in the conversation; a file is kept as it is, for seven days."""

    PICTURE = "picture"
    FILE = "file"


class File(BaseModel):
    """A picture as it was kept. `size` is in bytes, of what was kept."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    content_type: str
    size: int
    width: int
    height: int


class SentFile(BaseModel):
    """A file that has arrived and is not in a conversation yet. `content_type` is what was found in it; `risky`: it could be a program."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    content_type: str
    size: int
    risky: bool


class AttachedFile(SentFile):
    """A file of a conversation. From `expires_at` on it can no longer be read."""

    expires_at: datetime


class NewUpload(BaseModel):
    """A file that is to be sent up in parts: its name and its size in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(max_length=1_000)]
    size: Annotated[int, Field(ge=0, le=2**53, strict=True)]


class Upload(BaseModel):
    """How far a file has come: the next part begins at `offset` and has at most `chunk_bytes`."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    size: int
    offset: int
    chunk_bytes: int
    expires_at: datetime


class FinishUpload(BaseModel):
    """`sha256`, in hexadecimal, of the whole content: compared when it is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class FileLink(BaseModel):
    """An address of a file that needs no sign-in and lapses. `view_url` shows it in a sandbox; none where it can only be saved."""

    model_config = ConfigDict(frozen=True)

    url: str
    view_url: str | None
    preview: Literal["picture", "audio", "video", "pdf"] | None
    expires_at: datetime


class Blob(BaseModel):
    """A picture's content, to be handed out."""

    model_config = ConfigDict(frozen=True)

    content: bytes
    content_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of a conversation and where its content lies. `thumb_blob`: the small one of a picture."""

    id: UUID
    kind: FileKind
    blob: str
    thumb_blob: str | None
    name: str
    content_type: str
    size: int
    risky: bool
