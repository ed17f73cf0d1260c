from __future__ import annotations

import asyncio
import subprocess
import sys
from functools import partial

import pytest
from PIL import Image

from qiatan.infra import pictures
from qiatan.infra.pictures import MAX_FRAMES, MAX_SCANS, NotAPicture
from qiatan.kit.errors import TooLarge
from tests.modules.files.pictures import (
    HTML,
    PDF,
    SVG,
    animated_gif,
    encoded,
    gif_with_huge_frame,
    jpeg_with_secrets,
    opened,
    png,
    png_header,
    webp_header,
)

sanitize = partial(pictures.sanitize, whose=None)


async def test_a_photograph_is_turned_upright_and_keeps_no_secrets() -> None:
    picture = await sanitize(jpeg_with_secrets(), max_side=1000, thumb_side=60)

    assert (picture.content_type, picture.width, picture.height) == ("image/jpeg", 200, 300)
    assert b"SECRET" not in picture.content
    image = opened(picture.content)
    assert dict(image.getexif()) == {}
    assert "icc_profile" not in image.info
    # The left half was blue: turned by a quarter it is the upper one.
    assert _color_at(image, (100, 20)) == "blue"
    assert _color_at(image, (100, 280)) == "red"


async def test_long_sides_and_thumbnails_are_scaled_in_proportion() -> None:
    picture = await sanitize(png(1200, 300), max_side=600, thumb_side=100)

    assert (picture.width, picture.height) == (600, 150)
    assert picture.thumb is not None
    thumb = opened(picture.thumb)
    assert (thumb.format, thumb.size) == ("WEBP", (100, 25))


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_every_way_to_hold_a_camera_ends_upright(orientation: int) -> None:
    upright = Image.new("RGB", (60, 40), "white")
    upright.paste("red", (0, 0, 30, 20))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the inverse turns, as Pillow numbers them
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation

    picture = await sanitize(encoded(stored, "JPEG", exif=exif, quality=95), max_side=500)

    assert (picture.width, picture.height) == (60, 40)
    image = opened(picture.content)
    assert [_color_at(image, corner) for corner in ((5, 5), (55, 5), (5, 35), (55, 35))] == ["red", "white", "white", "white"]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
async def test_every_kind_of_png_is_read(mode: str) -> None:
    picture = await sanitize(encoded(Image.new(mode, (20, 10)), "PNG"), max_side=500, thumb_side=5)

    assert (picture.content_type, picture.width, picture.height) == ("image/png", 20, 10)


async def test_transparency_is_kept() -> None:
    picture = await sanitize(encoded(Image.new("RGBA", (20, 10), (255, 0, 0, 0)), "PNG"), max_side=500)

    assert opened(picture.content).getpixel((3, 3)) == (255, 0, 0, 0)


async def test_an_animation_stays_one_without_its_comment() -> None:
    picture = await sanitize(animated_gif(5, (80, 60)), max_side=40, thumb_side=20)

    assert (picture.content_type, picture.width, picture.height) == ("image/gif", 40, 30)
    assert getattr(opened(picture.content), "n_frames", 1) == 5
    assert b"script" not in picture.content


async def test_too_long_an_animation_becomes_its_first_frame() -> None:
    picture = await sanitize(animated_gif(MAX_FRAMES + 1), max_side=40)

    assert picture.content_type == "image/png"


async def test_an_animated_webp_becomes_its_first_frame() -> None:
    frames = [Image.new("RGB", (20, 10), color) for color in ("red", "blue")]
    picture = await sanitize(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True), max_side=500)

    image = opened(picture.content)
    assert (picture.content_type, getattr(image, "n_frames", 1)) == ("image/webp", 1)
    assert _color_at(image, (5, 5)) == "red"


async def test_what_hides_behind_a_picture_is_left_behind() -> None:
    picture = await sanitize(png() + HTML + PDF, max_side=500)

    assert b"script" not in picture.content
    assert b"JavaScript" not in picture.content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        SVG,
        HTML,
        PDF,
        PDF + png(),
        b"GIF89a<script>alert(1)</script>",
        b"\xff\xd8\xff" + HTML,
        b"BM" + bytes(200),
        jpeg_with_secrets()[:1500],
        png()[:60],
        webp_header(100, 100),
        b"RIFF\x00\x00\x00\x00WEBP",
    ],
    ids=[
        "empty",
        "zeros",
        "svg",
        "html",
        "pdf",
        "pdf-before-png",
        "gif-html",
        "jpeg-html",
        "bmp",
        "cut-jpeg",
        "cut-png",
        "empty-webp",
        "riff",
    ],
)
async def test_what_is_not_a_whole_picture_is_refused(content: bytes) -> None:
    with pytest.raises(NotAPicture) as refused:
        await sanitize(content, max_side=500)

    assert (refused.value.status, refused.value.code) == (415, "not_a_picture")


@pytest.mark.parametrize(
    "content",
    [png_header(7072, 7072), png_header(100_000, 100_000), webp_header(16_000, 16_000), gif_with_huge_frame()],
    ids=["just-too-many", "png", "webp", "gif-frame"],
)
async def test_a_pixel_bomb_is_refused_before_it_is_decoded(content: bytes) -> None:
    assert len(content) < 2000

    with pytest.raises(TooLarge):
        await sanitize(content, max_side=500)


@pytest.mark.parametrize("lead_in", [b"", b"\xff\x01\xff\xff", b"\xff\xff\xff"], ids=["plain", "bare-marker", "filling"])
async def test_a_jpeg_that_goes_through_its_pixels_without_end_is_refused(lead_in: bytes) -> None:
    # given a progressive JPEG that repeats its last scan
    ordinary = encoded(Image.new("RGB", (60, 40), "teal"), "JPEG", progressive=True)
    scans = ordinary.count(b"\xff\xda")
    last = ordinary[ordinary.rfind(b"\xff\xda") : -2]

    def with_scans(count: int) -> bytes:
        return ordinary[:-2] + (lead_in + last) * (count - scans) + b"\xff\xd9"

    # then as many are read as programs write, and no more
    assert (await sanitize(with_scans(MAX_SCANS), max_side=500)).width == 60
    with pytest.raises(NotAPicture):
        await sanitize(with_scans(MAX_SCANS + 1), max_side=500)


async def test_what_only_looks_like_a_scan_is_none() -> None:
    """A moving photograph carries a film behind its end, and any segment may hold any bytes."""
    photograph = encoded(Image.new("RGB", (60, 40), "teal"), "JPEG", comment=b"\xff\xda" * 100)

    picture = await sanitize(photograph + b"\xff\xda" * 100, max_side=500)

    assert (picture.width, picture.height) == (60, 40)


async def test_what_has_to_be_decoded_whole_may_have_fewer_pixels_than_a_photograph() -> None:
    image = Image.new("RGB", (200, 200), "teal")
    whole = [encoded(image, "PNG"), encoded(image, "WEBP"), encoded(image, "GIF"), encoded(image, "JPEG", progressive=True)]

    assert (await sanitize(encoded(image, "JPEG"), max_side=50, max_pixels=39_999)).width == 50
    for content in whole:
        assert (await sanitize(content, max_side=50, max_pixels=40_000)).width == 50
        with pytest.raises(TooLarge):
            await sanitize(content, max_side=50, max_pixels=39_999)


async def test_a_photograph_of_which_no_fraction_can_be_decoded_is_none() -> None:
    square = encoded(Image.new("RGB", (60, 60), "teal"), "JPEG")

    assert (await sanitize(square, max_side=50, max_pixels=3_600)).width == 50
    with pytest.raises(TooLarge):
        await sanitize(square, max_side=50, max_pixels=3_599)


@pytest.mark.parametrize("size", [(130, 90), (90, 130), (40, 1_000)])
async def test_of_a_photograph_so_much_is_decoded_as_the_picture_will_have(size: tuple[int, int]) -> None:
    """One side is less than twice what a side may have, and half of the other is still more than enough."""
    photograph = encoded(Image.new("RGB", size, "teal"), "JPEG")

    picture = await sanitize(photograph, max_side=60, max_pixels=size[0] * size[1] // 2)

    assert max(picture.width, picture.height) == 60


async def test_a_photograph_of_nothing_but_markers_is_none() -> None:
    empty = b"\xff\xe0\x00\x02"
    photograph = encoded(Image.new("RGB", (60, 60), "teal"), "JPEG")

    assert (await sanitize(photograph[:2] + empty * 1_900 + photograph[2:], max_side=60)).width == 60
    for endless in (photograph[:2] + empty * 2_000 + photograph[2:], b"\xff\xd8" + b"\xff\x01" * 2_001):
        with pytest.raises(NotAPicture):
            await sanitize(endless, max_side=60)


async def test_an_animation_has_most_of_the_pixels_that_one_picture_may_have() -> None:
    content = animated_gif(5, (40, 30))

    moving = await sanitize(content, max_side=40, max_pixels=7_500)
    still = await sanitize(content, max_side=40, max_pixels=7_499)

    assert [picture.content_type for picture in (moving, still)] == ["image/gif", "image/png"]


def test_a_server_without_pictures_does_not_load_the_decoders() -> None:
    program = "import sys, qiatan.modules.files.routes, qiatan.infra.http.downloads; print('PIL' in sys.modules)"

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert found.stdout.strip() == "False"


async def test_many_at_once_all_get_their_turn() -> None:
    pictures = await asyncio.gather(*(sanitize(png(20 + index, 10), max_side=500) for index in range(8)))

    assert [picture.width for picture in pictures] == [20, 21, 22, 23, 24, 25, 26, 27]


def _color_at(image: Image.Image, place: tuple[int, int]) -> str | None:
    """The name of the colour there, as nearly as JPEG keeps it."""
    pixel = image.convert("RGB").getpixel(place)
    assert isinstance(pixel, tuple)
    red, green, blue = (channel > 180 for channel in pixel)
    return {(True, False, False): "red", (False, False, True): "blue", (True, True, True): "white"}.get((red, green, blue))
