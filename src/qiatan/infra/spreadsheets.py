"""Spreadsheets (.xlsx): read from strangers, and written so that they open as text and nothing else.

A sheet is a zip of XML, and small ones can claim to be huge: by what they unpack to, by a cell in the last column of the last row, by a
million cells that show one long text. So a file is unpacked here with a limit, measured, and only then given to the reader.
"""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import ClassVar
from xml.parsers import expat

from qiatan.infra.http.csv import is_formula
from qiatan.kit.errors import Fault, TooLarge

MAX_PARTS = 200
MAX_UNPACKED = 24 * 1024 * 1024
MAX_ROW = 10_000
MAX_COLUMN = 50
MAX_CELLS = 200_000
MAX_TEXT = 30_000_000
"""Characters of all cells together."""

# No other way of packing is a sheet's own; some can ask for gigabytes to unpack.
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ADDRESS = re.compile(r"([A-Za-z]{1,3})(\d{1,7})")
# Unpacking and reading is the most a request can cost: one at a time, the others wait.
_POOL = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spreadsheets")


class NotASpreadsheet(Fault):
    """This is not a spreadsheet we can read. Save it as .xlsx, or fill in the template."""

    code: ClassVar[str] = "not_a_spreadsheet"
    status: ClassVar[int] = 415


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet to be written; `widths` are in characters."""

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[str]]
    widths: Sequence[int] = field(default=())


async def read_first_sheet(content: bytes) -> list[list[str]]:
    """The rows of the first sheet, from its first line on; numbers and dates as people would write them.

    Raises:
        NotASpreadsheet: another kind of file, a broken or an encrypted one.
        TooLarge: it unpacks to more than 24 MiB, or has cells beyond row 10,000 or column 50.
    """
    return await asyncio.get_running_loop().run_in_executor(_POOL, _read, content)


async def write_workbook(sheets: Sequence[Sheet]) -> bytes:
    """A workbook of text cells. What would be run as a formula is marked as text, so that it comes back as it went."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, _write, sheets)


def _read(content: bytes) -> list[list[str]]:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 -- loaded late to keep an idle server small

    safe = _measured(content)
    try:
        sheets = CalamineWorkbook.from_filelike(io.BytesIO(safe))
        rows = sheets.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, ValueError, IndexError, OSError) as error:
        raise NotASpreadsheet from error
    return [[_text(cell) for cell in row] for row in rows]


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, str | int | timedelta) else ""


def _measured(content: bytes) -> bytes:
    """The same sheet, packed anew without compression, in which nothing is larger than it seems."""
    measure = _Measure()
    buffer = io.BytesIO()
    left = MAX_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as taken:
            parts = given.infolist()
            if len(parts) > MAX_PARTS:
                raise _too_large()
            for part in {part.filename: part for part in parts}.values():
                # Pictures and fonts are not read, so they are not unpacked.
                if not part.filename.lower().endswith((".xml", ".rels")):
                    continue
                if part.compress_type not in _PACKED:
                    raise NotASpreadsheet
                with given.open(part) as stream:
                    unpacked = stream.read(left + 1)
                left -= len(unpacked)
                if left < 0:
                    raise _too_large()
                measure.read(unpacked)
                taken.writestr(part.filename, unpacked)
    # ValueError: places and names in it that cannot be.
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, expat.ExpatError) as error:
        raise NotASpreadsheet from error
    measure.check()
    return buffer.getvalue()


def _too_large() -> TooLarge:
    return TooLarge(
        f"This spreadsheet is too large. Delete empty rows and columns after the last ones (at most {MAX_ROW} rows and {MAX_COLUMN} "
        "columns), and formats and sheets that are not needed."
    )


class _Measure:
    """How much a reader would make of the parts: where cells lie, and how much text they show."""

    def __init__(self) -> None:
        self.cells = 0
        self.own_text = 0
        self.shown: list[int] = []
        """Which shared texts the cells show, by number."""
        self.lengths: list[int] = []
        """Of the shared texts."""

    def read(self, part: bytes) -> None:
        """
        Raises:
            TooLarge: a cell lies too far away, or there are too many.
            NotASpreadsheet: it declares a document type.
            ExpatError: it is not XML.
        """
        _Part(self).parser.Parse(part, True)

    def check(self) -> None:
        """
        Raises:
            TooLarge: the cells show more text than a sheet of ours could hold.
        """
        shown = sum(self.lengths[index] for index in self.shown if index < len(self.lengths))
        if shown + self.own_text > MAX_TEXT:
            raise _too_large()


class _Part:
    """One part of a sheet on its way through the parser."""

    def __init__(self, measure: _Measure) -> None:
        self._measure = measure
        self._row = self._column = 0
        self._shares = False
        self._inside = ""
        self._value = ""
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.CharacterDataHandler = self._text
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition(":")[2]
        if kind == "row":
            self._row, self._column = _number(attributes.get("r"), self._row + 1), 0
        elif kind == "c":
            self._column, self._row = _place(attributes.get("r"), self._column + 1, self._row)
            self._shares = attributes.get("t") == "s"
            self._measure.cells += 1
        elif kind in ("si", "v"):
            self._inside, self._value = kind, ""
            if kind == "si":
                self._measure.lengths.append(0)
        if self._row > MAX_ROW or self._column > MAX_COLUMN or self._measure.cells > MAX_CELLS:
            raise _too_large()

    def _text(self, data: str) -> None:
        if self._inside == "si":
            self._measure.lengths[-1] += len(data)
            return
        self._measure.own_text += len(data)
        if self._inside == "v" and len(self._value) < 20:
            self._value += data

    def _end(self, name: str) -> None:
        kind = name.rpartition(":")[2]
        # A longer number names no text, and to make it one would take long.
        if kind == "v" and self._shares and self._value.strip().isdecimal() and len(self._value) < 20:
            self._measure.shown.append(int(self._value))
        if kind == self._inside:
            self._inside = ""

    def _doctype(self, *_: object) -> None:
        # Sheets have none; it is where entities that unfold a thousandfold are declared.
        raise NotASpreadsheet


def _number(given: str | None, otherwise: int) -> int:
    return int(given) if given is not None and given.isdecimal() and len(given) < 10 else otherwise


def _place(address: str | None, column: int, row: int) -> tuple[int, int]:
    """Column and row of a cell's address, counted from 1; where it has none, it follows the one before it."""
    found = _ADDRESS.fullmatch(address or "")
    if found is None:
        return column, row
    number = 0
    for letter in found[1].upper():
        number = number * 26 + ord(letter) - 64
    return number, int(found[2])


def _write(sheets: Sequence[Sheet]) -> bytes:
    from xlsxwriter import Workbook  # noqa: PLC0415 -- loaded late to keep an idle server small

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(buffer, options) as book:
        heading = book.add_format({"bold": True, "bottom": 1})
        plain = book.add_format({"text_wrap": True, "valign": "top"})
        quoted = book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            page.freeze_panes(1, 0)
            for column, width in enumerate(sheet.widths):
                page.set_column(column, column, width)
            for column, name in enumerate(sheet.headings):
                page.write_string(0, column, name, heading)
            for number, row in enumerate(sheet.rows, 1):
                for column, cell in enumerate(row):
                    page.write_string(number, column, cell, quoted if is_formula(cell) else plain)
    return buffer.getvalue()
