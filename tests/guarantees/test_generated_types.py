from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

from tests.support.routes import description

WEB = Path(__file__).parents[2] / "web"
PACKAGE = WEB / "packages" / "api"
MOST_SECONDS = 120


def test_the_pages_types_are_what_the_server_describes(tmp_path: Path) -> None:
    """The pages compile against `schema.d.ts`; one that is out of date would prove agreement with a server of yesterday."""
    script = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))["scripts"]["generate"]
    program, *options, written = shlex.split(script)
    fresh = tmp_path / "schema.d.ts"

    subprocess.run(
        [WEB / "node_modules" / ".bin" / program, *options, fresh],
        cwd=PACKAGE,
        input=json.dumps(description()).encode(),
        capture_output=True,
        check=True,
        timeout=MOST_SECONDS,
    )

    same = fresh.read_text(encoding="utf-8") == (PACKAGE / written).read_text(encoding="utf-8")
    assert same, "Run in web/: qiatan openapi | npm run generate -w @qiatan/api"
