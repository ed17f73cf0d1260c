"""How the files of the built pages are sent."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from starlette.datastructures import Headers

from qiatan.entrypoints.built import Assets, takes_gzip

SCRIPT = "export const words = '你好，请问有什么可以帮您'\n" * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index-1.js").write_text(SCRIPT)
    (tmp_path / "small-1.js").write_text("export {}")
    (tmp_path / "logo-1.png").write_bytes(b"\x89PNG" + bytes(5_000))
    return tmp_path


async def fetched(folder: Path, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=Assets(folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://qiatan.test", headers={"accept-encoding": "identity"}) as client:
        return await client.get(path, headers=headers)


async def test_who_takes_gzip_gets_a_script_in_a_fraction_of_its_bytes(folder: Path) -> None:
    answer = await fetched(folder, "/index-1.js", **{"accept-encoding": "br, gzip"})

    assert answer.text == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert int(answer.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), 9, mtime=0)) < 300
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_who_does_not_gets_it_as_it_is(folder: Path) -> None:
    answer = await fetched(folder, "/index-1.js")

    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.text == SCRIPT


@pytest.mark.parametrize("name", ["small-1.js", "logo-1.png"])
async def test_what_would_not_shrink_is_not_compressed(folder: Path, name: str) -> None:
    answer = await fetched(folder, f"/{name}", **{"accept-encoding": "gzip"})

    assert "content-encoding" not in answer.headers
    assert answer.content == (folder / name).read_bytes()


async def test_a_part_of_a_file_is_a_part_of_the_file_itself(folder: Path) -> None:
    answer = await fetched(folder, "/index-1.js", **{"accept-encoding": "gzip", "range": "bytes=0-5"})

    assert (answer.status_code, answer.content) == (206, SCRIPT.encode()[:6])


async def test_a_new_build_under_the_same_name_is_what_is_sent(folder: Path) -> None:
    await fetched(folder, "/index-1.js", **{"accept-encoding": "gzip"})
    (folder / "index-1.js").write_text(SCRIPT + "// newer")

    assert (await fetched(folder, "/index-1.js", **{"accept-encoding": "gzip"})).text == SCRIPT + "// newer"


@pytest.mark.parametrize(
    ("asked", "takes"),
    [
        ("gzip", True),
        ("GZIP, br", True),
        ("br;q=1.0, gzip;q=0.8", True),
        ("gzip;q=0.001", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
        ("xgzip, gzipped", False),
    ],
)
def test_who_takes_gzip(asked: str, takes: bool) -> None:
    assert takes_gzip(Headers({"accept-encoding": asked})) is takes


@given(some.text(max_size=200))
def test_no_header_breaks_the_question(asked: str) -> None:
    assert takes_gzip(Headers({"accept-encoding": asked.encode("latin-1", "ignore").decode("latin-1")})) in (True, False)
