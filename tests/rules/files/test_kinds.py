"""What a file is, by its content; how it is called; how its address is packed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.kit.errors import InvalidInput, TooLarge
from qiatan.kit.ranges import asked_range
from qiatan.modules.files import rules
from qiatan.modules.files.errors import QuotaReached

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MIB, GIB = 1024**2, 1024**3
SOMEBODY = UUID(int=7)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7", "application/pdf"),
        (b"\x00\x00\x00 ftypisom", "video/mp4"),
        (b"\x00\x00\x00 ftypM4A ", "audio/mp4"),
        (b"\x00\x00\x00 ftypqt  ", "video/quicktime"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"RIFF\x00\x00\x00\x00WAVE", "audio/wav"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"OggS", "audio/ogg"),
        (b"PK\x03\x04....word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"PK\x03\x04....word/vbaProject.bin", "application/vnd.ms-office.macros"),
        (b"PK\x03\x04....AndroidManifest.xml", "application/x-executable"),
        (b"PK\x03\x04....notes.txt", "application/zip"),
        (b"\xef\xbb\xbf  <!DOCTYPE html>", "text/html"),
        (b"<?xml version='1.0'?><svg xmlns='x'>", "image/svg+xml"),
        (b"\xff\xfeh\x00i\x00", "application/octet-stream"),
        ("手冲壶".encode(), "text/plain"),
        ("手冲壶".encode("gb18030") * 4, "application/octet-stream"),
        (b"", "text/plain"),
    ],
)
def test_the_content_says_what_it_is(head: bytes, kind: str) -> None:
    assert rules.sniff(head, "a.dat").content_type == kind


@given(st.binary(max_size=200), st.text(max_size=40))
def test_a_name_never_changes_the_type(head: bytes, name: str) -> None:
    assert rules.sniff(head, name).content_type == rules.sniff(head, "a").content_type


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_runs_or_is_markup_is_never_shown_in_place(head: bytes, name: str) -> None:
    found = rules.sniff(head, name)

    if found.content_type in ("text/html", "image/svg+xml", "text/xml", "application/x-executable", "application/vnd.ms-office.macros"):
        assert found.risky
        assert rules.preview_of(found.content_type) is None


@pytest.mark.parametrize("name", ["a.exe", "A.EXE", "x.pdf.scr", "b.docm", "c.html", "d.lnk", "e.apk", ".htaccess", "htaccess", "run.sh"])
def test_endings_that_run_are_told(name: str) -> None:
    assert rules.risky_name(name)


@pytest.mark.parametrize("name", ["a.pdf", "exe.pdf", "b.docx", "readme", "c.tar.gz", "照片.jpg", ""])
def test_endings_that_do_not_run_are_not(name: str) -> None:
    assert not rules.risky_name(name)


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\报价.xlsx", "报价.xlsx"),
        (".htaccess", "htaccess"),
        ("\u200b.htaccess", "htaccess"),
        ("报价\u202excod.exe", "报价xcod.exe"),
        ("a.pdf. . .", "a.pdf"),
        ("CON.txt", "_CON.txt"),
        ("nul", "_nul"),
        ('a<b>"c|d?.txt', "a_b__c_d_.txt"),
        ("a\r\nSet-Cookie: x.txt", "a Set-Cookie_ x.txt"),
        ("", "file"),
        ("...", "file"),
        ("长" * 200 + ".pdf", "长" * 116 + ".pdf"),
    ],
)
def test_names_are_made_harmless(given_: str, kept: str) -> None:
    assert rules.document_name(given_) == kept


@given(st.text(max_size=400))
def test_every_name_becomes_one_that_can_be_kept(given_: str) -> None:
    name = rules.document_name(given_)

    assert 1 <= len(name) <= 120
    assert not set(name) & set('/\\<>:"|?*\x00\r\n\u202e\u200b')
    assert name[0] not in ". "
    assert name[-1] not in ". "
    assert rules.document_name(name) == name


def test_fifty_mebibytes_are_the_most() -> None:
    rules.check_size(1)
    rules.check_size(50 * 1024 * 1024)
    with pytest.raises(TooLarge):
        rules.check_size(50 * 1024 * 1024 + 1)
    with pytest.raises(InvalidInput):
        rules.check_size(0)


@given(st.lists(st.integers(0, 40), max_size=8), st.integers(1, 40))
def test_after_the_seconds_that_are_told_the_upload_fits(sizes: list[int], size: int) -> None:
    quota = rules.Quota(unfinished=100, bytes=50)
    lately = [(NOON - timedelta(hours=20 - at), count) for at, count in enumerate(sizes)]
    if sum(sizes) + size <= 50:
        rules.check_quota(quota, 0, lately, size, NOON)
        return

    with pytest.raises(QuotaReached) as refused:
        rules.check_quota(quota, 0, lately, size, NOON)

    then = NOON + timedelta(seconds=refused.value.retry_after or 0)
    rules.check_quota(quota, 0, [(at, count) for at, count in lately if at > then - rules.UNFINISHED_FOR], size, then)


@given(st.lists(st.integers(0, 40), max_size=8), st.integers(1, 40))
def test_a_limit_of_a_day_is_inclusive_and_says_when_there_is_room(sizes: list[int], size: int) -> None:
    limit = rules.DayLimit("visitors", 50, "Later.")
    lately = [(NOON - timedelta(hours=20 - at), count) for at, count in enumerate(sizes)]
    if sum(sizes) + size <= 50:
        rules.check_day(limit, lately, size, NOON)
        return

    with pytest.raises(QuotaReached, match="Later") as refused:
        rules.check_day(limit, lately, size, NOON)

    then = NOON + timedelta(seconds=refused.value.retry_after or 0)
    rules.check_day(limit, [(at, count) for at, count in lately if at > then - rules.UNFINISHED_FOR], size, then)


@pytest.mark.parametrize(
    ("kind", "pictures", "enterprise", "expected"),
    [
        ("customer", False, 20 * GIB, [("address 192.0.2.1", 20 * GIB // 8), ("visitors", 20 * GIB)]),
        ("customer", True, 20 * GIB, [(f"pictures {SOMEBODY}", 100 * MIB), ("address 192.0.2.1", 20 * GIB // 8), ("visitors", 20 * GIB)]),
        ("customer", False, GIB, [("address 192.0.2.1", 300 * MIB), ("visitors", GIB)]),
        ("customer", False, 9 * MIB, [("address 192.0.2.1", 9 * MIB), ("visitors", 9 * MIB)]),
        ("agent", False, GIB, [("agents", GIB)]),
        ("agent", True, GIB, [(f"pictures {SOMEBODY}", 5 * GIB), ("agents", GIB)]),
    ],
)
def test_what_counts_for_what_is_sent(kind: str, pictures: bool, enterprise: int, expected: list[tuple[str, int]]) -> None:
    limits = rules.day_limits(kind, SOMEBODY, "192.0.2.1", enterprise, pictures=pictures)

    assert [(limit.source, limit.bytes) for limit in limits] == expected


@given(st.uuids(), st.uuids(), st.uuids(), st.integers(0, 2**63), st.booleans())
def test_an_address_is_read_as_it_was_written(enterprise: UUID, conversation: UUID, file: UUID, expires_at: int, download: bool) -> None:
    address = rules.FileAddress(enterprise, conversation, file, expires_at, download)

    assert rules.unpacked(rules.packed(address)) == address


@given(st.text(max_size=200))
def test_what_is_no_address_is_none(token: str) -> None:
    parts = rules.split(token)

    assert parts is None or len(parts[1]) == 32


@given(st.binary(max_size=100))
def test_what_is_no_message_is_none(message: bytes) -> None:
    address = rules.unpacked(message)

    assert address is None or rules.packed(address)[: len(message) - 1] == message[:-1]


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 200))
def test_a_range_stays_inside_the_file(first: int, last: int, size: int) -> None:
    for header in (f"bytes={first}-{last}", f"bytes={first}-", f"bytes=-{last}"):
        asked = asked_range(header, size)
        if asked is not None:
            start, length = asked
            assert length >= 0
            assert length == 0 or (0 <= start < size and start + length <= size)


@given(st.text(max_size=40))
def test_any_header_is_read(header: str) -> None:
    asked = asked_range(header, 100)

    assert asked is None or asked[1] <= 100
