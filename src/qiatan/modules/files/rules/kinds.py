"""What a file is, by its content; and whether opening it could do harm."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Literal

Preview = Literal["picture", "audio", "video", "pdf"]

UNKNOWN = "application/octet-stream"
EXECUTABLE = "application/x-executable"
_ZIP = "application/zip"

# Beginnings by which formats are told apart, the longest first where they overlap.
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"#!AMR", "audio/amr"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"(\xb5/\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"MZ", EXECUTABLE),
    (b"\x7fELF", EXECUTABLE),
    (b"\xfe\xed\xfa\xce", EXECUTABLE),
    (b"\xfe\xed\xfa\xcf", EXECUTABLE),
    (b"\xce\xfa\xed\xfe", EXECUTABLE),
    (b"\xcf\xfa\xed\xfe", EXECUTABLE),
    (b"\xca\xfe\xba\xbe", EXECUTABLE),
    (b"\x00asm", EXECUTABLE),
    (b"dex\n", EXECUTABLE),
    (b"!<arch>\n", EXECUTABLE),
    (b"\xed\xab\xee\xdb", EXECUTABLE),
    (b"L\x00\x00\x00\x01\x14\x02\x00", EXECUTABLE),
    (b"#!", EXECUTABLE),
)
_MARKUP = (
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<body",
    b"<script",
    b"<iframe",
    b"<svg",
    b"<?xml",
    b"<!--",
    b"<?php",
    b"<%",
    b"<meta",
    b"<hta:",
)
_IN_ZIP: tuple[tuple[bytes, str], ...] = (
    (b"AndroidManifest.xml", EXECUTABLE),
    (b"classes.dex", EXECUTABLE),
    (b"META-INF/MANIFEST.MF", EXECUTABLE),
    (b"Payload/", EXECUTABLE),
    (b"vbaProject.bin", "application/vnd.ms-office.macros"),
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_RISKY_TYPES = frozenset({EXECUTABLE, "application/vnd.ms-office.macros", "text/html", "image/svg+xml", "text/xml"})
# What a double click runs, installs, mounts or opens with the rights of a program, on one system or another.
_RISKY_ENDINGS = frozenset(
    [
        "exe",
        "com",
        "scr",
        "pif",
        "cpl",
        "msi",
        "msp",
        "mst",
        "msix",
        "msixbundle",
        "appx",
        "appxbundle",
        "appinstaller",
        "bat",
        "cmd",
        "ps1",
        "psm1",
        "psd1",
        "ps1xml",
        "vbs",
        "vbe",
        "vb",
        "js",
        "jse",
        "mjs",
        "ws",
        "wsf",
        "wsh",
        "wsc",
        "hta",
        "htm",
        "html",
        "xhtml",
        "shtml",
        "mht",
        "mhtml",
        "svg",
        "svgz",
        "xml",
        "xsl",
        "chm",
        "hlp",
        "jar",
        "jnlp",
        "class",
        "apk",
        "apks",
        "xapk",
        "aab",
        "ipa",
        "app",
        "dmg",
        "pkg",
        "mpkg",
        "command",
        "workflow",
        "action",
        "scpt",
        "applescript",
        "terminal",
        "sh",
        "bash",
        "zsh",
        "csh",
        "fish",
        "run",
        "bin",
        "elf",
        "out",
        "so",
        "dylib",
        "dll",
        "ocx",
        "sys",
        "drv",
        "deb",
        "rpm",
        "snap",
        "flatpak",
        "appimage",
        "desktop",
        "lnk",
        "url",
        "website",
        "webloc",
        "scf",
        "inf",
        "reg",
        "msc",
        "gadget",
        "library-ms",
        "search-ms",
        "settingcontent-ms",
        "theme",
        "themepack",
        "diagcab",
        "iso",
        "img",
        "vhd",
        "vhdx",
        "docm",
        "dotm",
        "xlsm",
        "xltm",
        "xlam",
        "xll",
        "xlsb",
        "pptm",
        "potm",
        "ppam",
        "ppsm",
        "sldm",
        "one",
        "py",
        "pyc",
        "pyw",
        "pyz",
        "rb",
        "pl",
        "php",
        "phar",
        "htaccess",
    ]
)
_PREVIEWS: dict[str, Preview] = {
    "image/png": "picture",
    "image/jpeg": "picture",
    "image/gif": "picture",
    "image/webp": "picture",
    "image/avif": "picture",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
    "audio/wav": "audio",
    "audio/ogg": "audio",
    "audio/flac": "audio",
    "audio/aac": "audio",
    "video/mp4": "video",
    "video/webm": "video",
    "video/quicktime": "video",
    "application/pdf": "pdf",
}


@dataclass(frozen=True, slots=True)
class Found:
    """The type, and whether opening the file could run a program of whoever sent it."""

    content_type: str
    risky: bool


def sniff(head: bytes, name: str) -> Found:
    """What a file is by its first bytes; the name only adds to the risk, never to the type (F14)."""
    content_type = _type_of(head)
    return Found(content_type, content_type in _RISKY_TYPES or risky_name(name))


def risky_name(name: str) -> bool:
    """Whether a system would run the file, or open it with a program's rights, by its ending."""
    return name.rpartition(".")[2].strip().lower() in _RISKY_ENDINGS if "." in name else name.lower() in _RISKY_ENDINGS


def preview_of(content_type: str) -> Preview | None:
    """How a file is shown in place; None: it is only saved."""
    return _PREVIEWS.get(content_type)


def _type_of(head: bytes) -> str:
    for beginning, content_type in _BEGINNINGS:
        if head.startswith(beginning):
            return content_type
    if head[:4] == b"PK\x03\x04" or head[:4] == b"PK\x05\x06":
        return next((content_type for inside, content_type in _IN_ZIP if inside in head), _ZIP)
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}.get(head[8:12], UNKNOWN)
    if head[4:8] == b"ftyp":
        return _of_mp4(head[8:12])
    if head[257:262] == b"ustar":
        return "application/x-tar"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # 0xFFFE and 0xFEFF begin texts; of what is left, layer 0 is ADTS (AAC), the others are MPEG audio
        if head[1] & 0x06 == 0 and head[1] & 0xF0 == 0xF0:
            return "audio/aac"
        if head[:2] != b"\xff\xfe" and head[1] & 0x06:
            return "audio/mpeg"
    return _of_text(head)


def _of_mp4(brand: bytes) -> str:
    if brand in (b"M4A ", b"M4B "):
        return "audio/mp4"
    if brand in (b"avif", b"avis"):
        return "image/avif"
    if brand in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return "image/heic"
    return "video/quicktime" if brand == b"qt  " else "video/mp4"


def _of_text(head: bytes) -> str:
    if b"\x00" in head:
        return UNKNOWN
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if begins.startswith(_MARKUP):
        if b"<svg" in begins:
            return "image/svg+xml"
        return "text/xml" if begins.startswith(b"<?xml") and b"<html" not in begins else "text/html"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return UNKNOWN
    return "text/plain"
