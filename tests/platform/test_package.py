"""The wheel: whoever installs it needs neither Node nor this checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.platform.conftest import ROOT

UV = ROOT / ".make" / "tools" / "bin" / "uv"
PAGES = ROOT / "src" / "qiatan" / "pages"


@pytest.mark.skipif(not UV.exists() or not PAGES.is_dir(), reason="make test makes uv and the pages first")
def test_the_wheel_holds_pages_and_migrations_and_runs_from_anywhere(tmp_path: Path) -> None:
    subprocess.run(
        [UV, "build", "--quiet", "--wheel", "--build-constraints", "requirements-build.lock", "--out-dir", tmp_path, ROOT],
        cwd=ROOT,
        check=True,
        timeout=100,
    )
    installed = tmp_path / "installed"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        wheel.extractall(installed)
    assert "qiatan/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if not name.startswith(("qiatan/", "qiatan-"))]
    built = {f"qiatan/{path.relative_to(PAGES.parent)}" for path in PAGES.rglob("*") if path.is_file()}
    assert built <= set(names)

    told = "import json, qiatan; from qiatan.infra.db import migrate; print(json.dumps([str(migrate.migrations_folder()), migrate.head()]))"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    shown = subprocess.run([sys.executable, "-c", told], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    folder, head = json.loads(shown.stdout)
    assert folder == str(installed / "qiatan" / "migrations")
    assert head
