"""Sheets of strangers: what they may claim, and what comes back of what we wrote."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qiatan.infra.spreadsheets import NotASpreadsheet, Sheet, read_first_sheet, write_workbook
from qiatan.kit.errors import TooLarge

CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
BOOK = (
    '<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>'
)
BOOK_RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
    '<Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" '
    'Target="sharedStrings.xml"/></Relationships>'
)
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def book(cells: str, *, shared: str = "", prefix: str = "", head: str = "", more: dict[str, bytes] | None = None) -> bytes:
    """A sheet with these cells, whatever they claim."""
    sheet = f'<?xml version="1.0"?>{prefix}<worksheet xmlns="{MAIN}">{head}<sheetData>{cells}</sheetData></worksheet>'
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": CONTENT_TYPES,
        "_rels/.rels": RELATIONS,
        "xl/workbook.xml": BOOK,
        "xl/_rels/workbook.xml.rels": BOOK_RELATIONS,
        "xl/sharedStrings.xml": f'<?xml version="1.0"?><sst xmlns="{MAIN}">{shared}</sst>',
        "xl/worksheets/sheet1.xml": sheet,
        **(more or {}),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return buffer.getvalue()


async def test_cells_come_as_people_would_write_them() -> None:
    cells = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1"><v>4008001234</v></c></row>'
        '<row r="3"><c r="B3"><v>1.5</v></c><c r="C3" t="b"><v>1</v></c><c r="D3" t="inlineStr"><is><t>行内</t></is></c></row>'
    )

    rows = await read_first_sheet(book(cells, shared="<si><t>分组</t></si>"))

    assert rows == [["分组", "", "4008001234", ""], ["", "", "", ""], ["", "1.5", "TRUE", "行内"]]


_CELLS = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cn"]), max_size=20)


@settings(max_examples=40, deadline=None)  # the first call loads reader and writer
@given(st.lists(st.tuples(_CELLS, _CELLS), max_size=6))
async def test_what_is_written_comes_back_word_for_word(rows: list[tuple[str, str]]) -> None:
    written = await write_workbook([Sheet("a", ("标题", "内容"), rows), Sheet("b", ("x",), [["y"]])])

    read = await read_first_sheet(written)

    assert [tuple(row) for row in read] == [("标题", "内容"), *rows][: len(read)]
    assert all(not any(row) for row in rows[len(read) - 1 :])


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@SUM(A1)", "\tx", '=HYPERLINK("https://evil.example","x")', "https://a.example"])
async def test_text_that_looks_like_a_formula_stays_text(text: str) -> None:
    written = await write_workbook([Sheet("a", ("标题",), [[text]])])

    with zipfile.ZipFile(io.BytesIO(written)) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml").decode()
        styles = packed.read("xl/styles.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert ('quotePrefix="1"' in styles) is not text.startswith("https:")
    assert (await read_first_sheet(written))[1] == [text]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b,c\n1,2,3",
        b"PK\x03\x04" + b"\x00" * 100,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600,
        book("<row><c><v>1</v></c></row>")[:-200],
        book("<row><c><v>1</c></row>"),
    ],
)
async def test_what_is_no_sheet_is_refused(content: bytes) -> None:
    with pytest.raises(NotASpreadsheet):
        await read_first_sheet(content)


async def test_entities_are_never_unfolded() -> None:
    prefix = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'

    with pytest.raises(NotASpreadsheet):
        await read_first_sheet(book('<row><c t="inlineStr"><is><t>&b;</t></is></c></row>', prefix=prefix))


def _unpacks_to_much() -> bytes:
    return book("", more={"xl/theme/theme1.xml": b"<a>" + b" " * 26_000_000 + b"</a>"})


def _shows_one_long_text_often() -> bytes:
    row = '<row r="{0}"><c r="A{0}" t="s"><v>0</v></c></row>'
    return book("".join(row.format(number) for number in range(1, 9_000)), shared=f"<si><t>{'x' * 32_000}</t></si>")


@pytest.mark.parametrize(
    "make",
    [
        _unpacks_to_much,
        _shows_one_long_text_often,
        lambda: book('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        lambda: book('<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>1</v></c></row>'),
        lambda: book("<row>" + "<c><v>1</v></c>" * 51 + "</row>"),
        lambda: book("<row></row>" * 10_001),
        lambda: book("", more={f"xl/x{number}.xml": b"<a/>" for number in range(200)}),
    ],
)
async def test_sheets_that_would_grow_when_read_are_refused_before(make: Callable[[], bytes]) -> None:
    content = make()
    assert len(content) < 2 * 1024 * 1024

    with pytest.raises(TooLarge):
        await read_first_sheet(content)


async def test_a_claimed_size_costs_nothing() -> None:
    cells = '<row r="1"><c r="A1"><v>1</v></c></row>'

    assert await read_first_sheet(book(cells, head='<dimension ref="A1:XFD1048576"/>')) == [["1"]]


async def test_pictures_in_it_are_not_unpacked() -> None:
    cells = '<row r="1"><c r="A1"><v>1</v></c></row>'

    assert await read_first_sheet(book(cells, more={"xl/media/image1.png": b"\x00" * 30_000_000})) == [["1"]]


def _renamed(content: bytes) -> bytes:
    """The same with a part whose name says it is UTF-8 and is not."""
    broken = bytearray(content.replace(b"xl/worksheets/sheet1.xml", b"xl/worksheets/\xff\xfeeet1.xml"))
    at = broken.find(b"PK\x01\x02")
    while at >= 0:
        broken[at + 9] |= 0x08
        at = broken.find(b"PK\x01\x02", at + 4)
    return bytes(broken)


def _packed_as(content: bytes, way: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given_book, zipfile.ZipFile(buffer, "w", way) as packed:
        for part in given_book.namelist():
            packed.writestr(part, given_book.read(part))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "break_it",
    [
        _renamed,
        lambda content: content[:-6] + b"\xff\xff\xff\x7f" + content[-2:],  # where its list of parts would be
        lambda content: _packed_as(content, zipfile.ZIP_LZMA),
        lambda content: _packed_as(content, zipfile.ZIP_BZIP2),
    ],
    ids=["name", "place", "lzma", "bzip2"],
)
async def test_zips_that_no_program_writes_for_sheets_are_none(break_it: Callable[[bytes], bytes]) -> None:
    with pytest.raises(NotASpreadsheet):
        await read_first_sheet(break_it(book('<row r="1"><c r="A1"><v>1</v></c></row>')))


async def test_a_shared_text_of_a_number_beyond_all_numbers_is_none() -> None:
    with pytest.raises(NotASpreadsheet):
        await read_first_sheet(book(f'<row r="1"><c r="A1" t="s"><v>{"1" * 5_000}</v></c></row>'))
