"""Pure decisions about files."""

from __future__ import annotations

from qiatan.modules.files.rules.kinds import Found, preview_of, risky_name, sniff
from qiatan.modules.files.rules.limits import (
    CHUNK_BYTES,
    KEPT_FOR,
    LINK_FOR,
    MAX_FILE_BYTES,
    MAX_PARTS,
    OF_AGENT,
    OF_VISITOR,
    SNIFFED,
    UNFINISHED_FOR,
    DayLimit,
    Quota,
    check_day,
    check_quota,
    check_size,
    day_limits,
    hour_of,
    of_everybody,
)
from qiatan.modules.files.rules.links import FileAddress, packed, split, unpacked
from qiatan.modules.files.rules.names import EXTENSIONS, document_name, file_name

__all__ = [
    "CHUNK_BYTES",
    "EXTENSIONS",
    "KEPT_FOR",
    "LINK_FOR",
    "MAX_FILE_BYTES",
    "MAX_PARTS",
    "OF_AGENT",
    "OF_VISITOR",
    "SNIFFED",
    "UNFINISHED_FOR",
    "DayLimit",
    "FileAddress",
    "Found",
    "Quota",
    "check_day",
    "check_quota",
    "check_size",
    "day_limits",
    "document_name",
    "file_name",
    "hour_of",
    "of_everybody",
    "packed",
    "preview_of",
    "risky_name",
    "sniff",
    "split",
    "unpacked",
]
