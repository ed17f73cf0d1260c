"""A port that somebody else has."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from bench.server import ROOT


def test_a_port_in_use_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "qiatan", "serve"],
            env={**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "DATA": str(data)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert ended.returncode == 2, ended.stderr
    assert f"port {port} on 127.0.0.1 is in use" in ended.stderr
    assert "PORT=" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert not data.exists()
