"""Pictures from strangers, made harmless: decoded, turned upright, scaled down and encoded anew.

What comes out holds pixels only: no EXIF, no place, no comment, no profile, and nothing that hid before or behind the picture. The
decoders are loaded with the first picture, to keep an idle server small.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from qiatan.infra.fair import Gate
from qiatan.kit.errors import Fault, TooLarge

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000
MAX_FRAMES = 100
# All frames of an animation together, of those that a picture may have; one that needs more is kept as its first frame.
ANIMATED_SHARE = 0.8
MIN_FRAME_MS = 20
MAX_SCANS = 32
"""Of a JPEG. Programs write ten to twenty; each goes through all pixels again, for some hundred bytes."""
MAX_SEGMENTS = 2_000
"""Of a JPEG. Cameras write some dozen; tables and comments without end keep a decoder busy for seconds."""

THUMB_TYPE = "image/webp"
CONTENT_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})

_ORIENTATION = 0x0112
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
_JPEG_QUALITY = 86
_WEBP_QUALITY = 84
_THUMB_QUALITY = 78

# Decoding is the most memory one request can cost: two at a time, the others wait, each in turn by whose they are.
WORKERS = 2
WAITING = 512
WAITING_OF_EACH = 64
WAIT_SECONDS = 30.0
_POOL = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="pictures")
_TURNS = Gate(WORKERS, WORKERS, waiting=WAITING, waiting_of_each=WAITING_OF_EACH, seconds=WAIT_SECONDS, name="pictures")

_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_SCAN, _END, _BARE = 0xDA, 0xD9, (0x01, 0xD8)


class NotAPicture(Fault):
    """This is not a picture we can read. Send a JPEG, PNG, GIF or WebP that opens on your own device."""

    code: ClassVar[str] = "not_a_picture"
    status: ClassVar[int] = 415


@dataclass(frozen=True, slots=True)
class Picture:
    """A harmless picture. `thumb`, where asked for, is of `THUMB_TYPE`."""

    content: bytes
    content_type: str
    width: int
    height: int
    thumb: bytes | None


async def sanitize(
    content: bytes, *, max_side: int, thumb_side: int | None = None, whose: Hashable, max_pixels: int = MAX_PIXELS
) -> Picture:
    """The picture in `content`, whatever its name said, with no side longer than `max_side`.

    Still pictures keep their format. Animated GIFs stay animated up to 100 frames; other animations become their first frame.
    `max_pixels` holds for what has to be decoded whole; a photograph, of which a fraction is, may have 50 million. Who has many waiting
    waits for themselves: of each `whose` one is taken in turn.

    Raises:
        NotAPicture: another kind of file, or a broken one.
        TooLarge: too many pixels; found out before they are decoded.
        Busy: too many of the same wait already, or its turn did not come within half a minute.
    """
    turns = _TURNS
    await turns.enter(whose)
    working = asyncio.get_running_loop().run_in_executor(_POOL, _sanitize, content, max_side, thumb_side, max_pixels)
    # A thread cannot be stopped: its place is free when it has ended, also where nobody waits for what it makes any more.
    working.add_done_callback(lambda _: turns.leave(whose))
    return await asyncio.shield(working)


def _sanitize(content: bytes, max_side: int, thumb_side: int | None, max_pixels: int = MAX_PIXELS) -> Picture:
    from PIL import Image as images  # noqa: N813, PLC0415 -- a module of functions; loaded late to keep an idle server small
    from PIL import WebPImagePlugin  # noqa: F401, PLC0415 -- registers the decoder without loading all the others

    # Frames may grow beyond what the header said; Pillow looks at each of them.
    images.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        _check_webp(content, max_pixels)
        _check_jpeg(content)
        with images.open(io.BytesIO(content), formats=_FORMATS) as image:
            return _encode(image, max_side, thumb_side, max_pixels)
    except TooLarge:
        raise
    except (images.DecompressionBombError, images.DecompressionBombWarning) as error:
        raise _too_many_pixels(MAX_PIXELS) from error
    except Exception as error:  # a decoder fed with hostile bytes may fail in any way, and each means the same to the sender
        raise NotAPicture from error


def _too_many_pixels(most: int) -> TooLarge:
    return TooLarge(f"This picture has more than {most // 1_000_000} million pixels. Send a smaller one.")


def _check_jpeg(content: bytes) -> None:
    """Refuse a JPEG that goes through its pixels again and again, or of nothing but markers (ITU T.81, B.1.1): its decoder would go along."""
    if content[:2] != b"\xff\xd8":
        return
    at, segments, scans = 2, 0, 0
    while (found := _MARKER.search(content, at)) is not None:
        marker, at = found[1][0], found.end()
        if marker == _END:
            return
        segments += 1
        scans += marker == _SCAN
        if scans > MAX_SCANS or segments > MAX_SEGMENTS:
            raise NotAPicture
        if marker in _BARE:
            continue
        at += int.from_bytes(content[at : at + 2], "big")


def _check_webp(content: bytes, max_pixels: int) -> None:
    """Refuse a huge WebP by its header (RFC 9649): its decoder makes room for all pixels as soon as it is opened."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return
    kind, head = content[12:16], content[20:30]
    if kind == b"VP8X":
        size = (int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1)
    elif kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        size = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    else:
        size = (int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF)
    _check_pixels(size, max_pixels)


def _check_pixels(size: tuple[int, int], most: int) -> None:
    if size[0] * size[1] > most:
        raise _too_many_pixels(most)


def _encode(image: Image, max_side: int, thumb_side: int | None, max_pixels: int) -> Picture:
    # A progressive JPEG is decoded whole before a fraction of it is taken.
    is_photograph = image.format in ("JPEG", "MPO") and not image.info.get("progressive")
    _check_pixels(image.size, MAX_PIXELS if is_photograph else max_pixels)
    if image.format == "GIF":
        animation = _animation(image, max_side, thumb_side, max_pixels * ANIMATED_SHARE)
        if animation is not None:
            return animation
        image.seek(0)
    # JPEG can be decoded at half, a quarter … of its size, which saves most of the work on photographs.
    image.draft("RGB", _fitting(image.size, max_side))
    _check_pixels(image.size, max_pixels)
    still = _upright(_scaled(_plain(image), max_side), image.getexif().get(_ORIENTATION))
    buffer = io.BytesIO()
    output = {"JPEG": "JPEG", "MPO": "JPEG", "WEBP": "WEBP"}.get(image.format or "", "PNG")
    if output == "JPEG":
        still.save(buffer, "JPEG", quality=_JPEG_QUALITY, progressive=True)
    elif output == "WEBP":
        still.save(buffer, "WEBP", quality=_WEBP_QUALITY, method=3)
    else:
        still.save(buffer, "PNG")
    return Picture(buffer.getvalue(), f"image/{output.lower()}", still.width, still.height, _thumb(still, thumb_side))


def _animation(image: Image, max_side: int, thumb_side: int | None, max_pixels: float) -> Picture | None:
    """All frames, or None where there is only one, or too many of them, or too many pixels in all."""
    frames: list[Image] = []
    durations: list[int] = []
    pixels = 0
    with contextlib.suppress(EOFError):  # the end of the animation
        while True:
            image.seek(len(frames))
            pixels += image.width * image.height
            if len(frames) == MAX_FRAMES or pixels > max_pixels:
                return None
            frames.append(_scaled(_plain(image), max_side))
            durations.append(max(MIN_FRAME_MS, int(image.info.get("duration", 100))))
    if len(frames) < 2:
        return None
    first, *others = frames
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=durations, loop=0, disposal=2)
    return Picture(buffer.getvalue(), "image/gif", first.width, first.height, _thumb(first, thumb_side))


def _plain(image: Image) -> Image:
    """The decoded pixels as RGB or RGBA, with nothing else attached."""
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    plain = plain.copy() if plain is image else plain
    plain.info = {}
    return plain


def _upright(image: Image, orientation: object) -> Image:
    """Turned as the camera noted it (EXIF 2.3, tag 0x0112), since the note itself is not kept."""
    from PIL.Image import Transpose  # noqa: PLC0415 -- see _sanitize

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _fitting(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """The size of a picture that is scaled down until no side is longer."""
    scale = min(1, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _scaled(image: Image, max_side: int) -> Image:
    if max(image.size) <= max_side:
        return image
    from PIL.Image import Resampling  # noqa: PLC0415 -- see _sanitize

    return image.resize(_fitting(image.size, max_side), Resampling.LANCZOS, reducing_gap=2.0)


def _thumb(image: Image, side: int | None) -> bytes | None:
    if side is None:
        return None
    buffer = io.BytesIO()
    _scaled(image, side).save(buffer, "WEBP", quality=_THUMB_QUALITY, method=3)
    return buffer.getvalue()
