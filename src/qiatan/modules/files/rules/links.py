"""Signed addresses of files: what they say, without the mark that proves it."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from uuid import UUID

_FORM = struct.Struct(">B16s16s16sQB")
_MARK = 32


@dataclass(frozen=True, slots=True)
class FileAddress:
    """A file of a conversation, readable until `expires_at` (Unix seconds). `download`: to be saved, never shown."""

    enterprise_id: UUID
    conversation_id: UUID
    file_id: UUID
    expires_at: int
    download: bool


def packed(address: FileAddress) -> bytes:
    ids = (address.enterprise_id.bytes, address.conversation_id.bytes, address.file_id.bytes)
    return _FORM.pack(1, *ids, address.expires_at, address.download)


def unpacked(message: bytes) -> FileAddress | None:
    """The address; None for what is none."""
    if len(message) != _FORM.size or message[0] != 1:
        return None
    _, enterprise, conversation, file, expires_at, download = _FORM.unpack(message)
    return FileAddress(UUID(bytes=enterprise), UUID(bytes=conversation), UUID(bytes=file), expires_at, bool(download))


def split(token: str) -> tuple[bytes, bytes] | None:
    """Message and mark of a token; None for what is none, also where a decoder would overlook what is wrong with it."""
    try:
        whole = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # A link has one form: whoever counts, bars or caches by address must not be led round by another spelling.
    if base64.urlsafe_b64encode(whole).decode() != token:
        return None
    return (whole[:-_MARK], whole[-_MARK:]) if len(whole) == _FORM.size + _MARK else None
