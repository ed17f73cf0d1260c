"""Use cases on files.

Whether somebody may see or write a conversation is checked by the caller (conversations); what is checked here is whose file it is
and which conversation it belongs to.
"""

from __future__ import annotations

from qiatan.modules.files.service.amounts import Origin, check_room
from qiatan.modules.files.service.documents import attach_file
from qiatan.modules.files.service.links import make_link, open_link
from qiatan.modules.files.service.pictures import MAX_BYTES, attach, discard, prepare_picture, store_picture, upload_picture
from qiatan.modules.files.service.reading import conversation_of, find_attached, read_picture, remove_attached
from qiatan.modules.files.service.uploading import (
    add_part,
    arrived,
    cancel_differing,
    cancel_upload,
    finish_upload,
    get_upload,
    give_up,
    is_kept,
    keep_part,
    put_together,
    start_upload,
)

__all__ = [
    "MAX_BYTES",
    "Origin",
    "add_part",
    "arrived",
    "attach",
    "attach_file",
    "cancel_differing",
    "cancel_upload",
    "check_room",
    "conversation_of",
    "discard",
    "find_attached",
    "finish_upload",
    "get_upload",
    "give_up",
    "is_kept",
    "keep_part",
    "make_link",
    "open_link",
    "prepare_picture",
    "put_together",
    "read_picture",
    "remove_attached",
    "start_upload",
    "store_picture",
    "upload_picture",
]
