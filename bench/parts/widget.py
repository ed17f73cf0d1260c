"""What a visitor's browser fetches, compressed as our server sends it to browsers that take gzip."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import qiatan
from bench.report import Row, at_most

PAGES = Path(qiatan.__file__).parent / "pages"
LANGUAGES = ("zh", "en")
_REFERENCE = re.compile(r'(?:src|href)="/assets/widget/([^"]+)"')
_IMPORT = re.compile(r'(?:\bfrom|\bimport)\s*"\./([^"]+\.js)"')


def widget() -> list[Row]:
    loader, panel = PAGES / "loader" / "widget.js", PAGES / "widget"
    if not loader.is_file() or not (panel / "index.html").is_file():
        return [Row("widget sizes", "not measured: the pages are not built")]
    opened = _opened(panel)
    later = [path for path in sorted(panel.iterdir()) if path not in opened and not path.stem.startswith(LANGUAGES)]
    return [
        at_most("widget loader, gzip", _kib([loader]), 5, "KiB"),
        at_most("widget panel when opened, one language, gzip", _kib(opened), 45, "KiB"),
        Row("  parts that are fetched when they are used", f"{_kib(later):.1f} KiB"),
    ]


def _opened(panel: Path) -> list[Path]:
    """The page, what it names, what that imports, and the larger language."""
    page = panel / "index.html"
    found = [page]
    waiting = [panel / name for name in _REFERENCE.findall(page.read_text())]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.append(path)
        if path.suffix == ".js":
            waiting += [panel / name for name in _IMPORT.findall(path.read_text())]
    languages = [path for path in panel.glob("*.js") if path.stem.split("-")[0] in LANGUAGES and path not in found]
    if languages:
        found.append(max(languages, key=lambda path: path.stat().st_size))
    return found


def _kib(paths: list[Path]) -> float:
    return sum(len(gzip.compress(path.read_bytes(), compresslevel=9)) for path in paths) / 1024
